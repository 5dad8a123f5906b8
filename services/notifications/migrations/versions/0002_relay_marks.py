"""How far the outbox is published is said by marks of the relay; the rows of the outbox stay as they were written."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

MARKS = """
CREATE TABLE relay_marks (
    shard SMALLINT NOT NULL,
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    published_to BIGINT NOT NULL,
    published_beyond BIGINT[] NOT NULL,
    CONSTRAINT pk_relay_marks PRIMARY KEY (shard, id)
)
"""
MARKED = """
INSERT INTO relay_marks (shard, published_to, published_beyond)
SELECT s.shard, m.upto, ARRAY(
    SELECT id FROM outbox WHERE shard = s.shard AND id > m.upto AND published_at IS NOT NULL ORDER BY id
)
FROM generate_series(0, 7) AS s(shard) CROSS JOIN LATERAL (
    SELECT coalesce(min(id) FILTER (WHERE published_at IS NULL) - 1, max(id), 0) AS upto FROM outbox
    WHERE shard = s.shard
) AS m
"""
PUBLISHED = """
UPDATE outbox o SET published_at = o.time
FROM (SELECT DISTINCT ON (shard) * FROM relay_marks ORDER BY shard, id DESC) AS m
WHERE m.shard = o.shard AND (o.id <= m.published_to OR o.id = ANY (m.published_beyond))
"""


def upgrade() -> None:
    op.execute(MARKS)
    op.execute("LOCK TABLE outbox")  # whoever is writing has ended
    op.execute(MARKED)
    op.execute("DROP INDEX ix_outbox_unpublished")
    op.execute("ALTER TABLE outbox DROP COLUMN published_at")
    op.execute("CREATE INDEX ix_outbox_shard_id ON outbox (shard, id)")


def downgrade() -> None:
    op.execute("DROP INDEX ix_outbox_shard_id")
    op.execute("ALTER TABLE outbox ADD COLUMN published_at timestamptz")
    op.execute(PUBLISHED)
    op.execute("CREATE INDEX ix_outbox_unpublished ON outbox (shard, id) WHERE published_at IS NULL")
    op.execute("DROP TABLE relay_marks")
