"""Steps that the tables of the spine take in every service alike; each service has them in its own history.

A step that was released stays as it is: a later change is another step.
"""

from collections.abc import Iterable

from alembic import op

_MARKS = """
CREATE TABLE relay_marks (
    shard SMALLINT NOT NULL,
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    published_to BIGINT NOT NULL,
    published_beyond BIGINT[] NOT NULL,
    CONSTRAINT pk_relay_marks PRIMARY KEY (shard, id)
)
"""
_MARKED = """
INSERT INTO relay_marks (shard, published_to, published_beyond)
SELECT s.shard, m.upto, ARRAY(
    SELECT id FROM outbox WHERE shard = s.shard AND id > m.upto AND published_at IS NOT NULL ORDER BY id
)
FROM generate_series(0, 7) AS s(shard) CROSS JOIN LATERAL (
    SELECT coalesce(min(id) FILTER (WHERE published_at IS NULL) - 1, max(id), 0) AS upto FROM outbox
    WHERE shard = s.shard
) AS m
"""
_PUBLISHED = """
UPDATE outbox o SET published_at = o.time
FROM (SELECT DISTINCT ON (shard) * FROM relay_marks ORDER BY shard, id DESC) AS m
WHERE m.shard = o.shard AND (o.id <= m.published_to OR o.id = ANY (m.published_beyond))
"""


def mark_shards() -> None:
    """How far the outbox is published is said by marks of the relay; its rows stay as they were written."""
    op.execute(_MARKS)
    op.execute("LOCK TABLE outbox")  # whoever is writing has ended
    op.execute(_MARKED)
    op.execute("DROP INDEX ix_outbox_unpublished")
    op.execute("ALTER TABLE outbox DROP COLUMN published_at")
    op.execute("CREATE INDEX ix_outbox_shard_id ON outbox (shard, id)")


def flag_rows() -> None:
    """Undoes `mark_shards`: every published row says so itself."""
    op.execute("DROP INDEX ix_outbox_shard_id")
    op.execute("ALTER TABLE outbox ADD COLUMN published_at timestamptz")
    op.execute(_PUBLISHED)
    op.execute("CREATE INDEX ix_outbox_unpublished ON outbox (shard, id) WHERE published_at IS NULL")
    op.execute("DROP TABLE relay_marks")


def scatter_timers() -> None:
    """Timers of one instant are swept in an order that has nothing to do with where their subjects stand."""
    op.execute("DROP INDEX ix_timers_due_at")
    op.execute("CREATE INDEX ix_timers_due_at ON timers (due_at, uuid_hash(subject_id))")


def line_up_timers() -> None:
    """Undoes `scatter_timers`."""
    op.execute("DROP INDEX ix_timers_due_at")
    op.execute("CREATE INDEX ix_timers_due_at ON timers (due_at)")


def vacuum_by_count(tables: Iterable[str]) -> None:
    """Dead rows of tables that grow for ever are cleared when there are 50,000, not when they are a share of all.

    PostgreSQL waits for a fifth of the rows: at ten million that is two million dead ones between the living.
    """
    for table in tables:
        op.execute(f"ALTER TABLE {table} SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50000)")


def vacuum_by_share(tables: Iterable[str]) -> None:
    """Undoes `vacuum_by_count`."""
    for table in tables:
        op.execute(f"ALTER TABLE {table} RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold)")
