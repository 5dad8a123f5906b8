"""Timers of one instant are swept in an order that has nothing to do with where their subjects stand."""

from libs.common.spine_migrations import line_up_timers, scatter_timers

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    scatter_timers()


def downgrade() -> None:
    line_up_timers()
