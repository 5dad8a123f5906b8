"""Dead rows of the tables that grow for ever are bounded by a count."""

from libs.common.spine_migrations import vacuum_by_count, vacuum_by_share

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_GROWING = ("alerts", "attempts", "deliveries", "hazards", "timers")


def upgrade() -> None:
    vacuum_by_count(_GROWING)


def downgrade() -> None:
    vacuum_by_share(_GROWING)
