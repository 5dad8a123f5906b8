"""Timers of one instant are swept in an order that has nothing to do with where their subjects stand."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("DROP INDEX ix_timers_due_at")
    op.execute("CREATE INDEX ix_timers_due_at ON timers (due_at, uuid_hash(subject_id))")


def downgrade() -> None:
    op.execute("DROP INDEX ix_timers_due_at")
    op.execute("CREATE INDEX ix_timers_due_at ON timers (due_at)")
