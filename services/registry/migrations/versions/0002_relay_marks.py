"""How far the outbox is published is said by marks of the relay; the rows of the outbox stay as they were written."""

from libs.common.spine_migrations import flag_rows, mark_shards

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    mark_shards()


def downgrade() -> None:
    flag_rows()
