"""Announcing: events are written down in the transaction of the change that they tell of, and sent later."""

from collections.abc import Sequence
from zlib import crc32

from libs.common.bus.base import MAX_MESSAGE_BYTES
from libs.common.db import Tx
from libs.common.envelope import Event
from libs.common.failpoints import failpoint

SHARDS = 8
UNPUBLISHED = f"""(
    SELECT o.* FROM generate_series(0, {SHARDS - 1}) AS s(shard)
    LEFT JOIN LATERAL (SELECT * FROM relay_marks WHERE shard = s.shard ORDER BY id DESC LIMIT 1) AS m ON true
    CROSS JOIN LATERAL (
        SELECT outbox.*, outbox.xmin FROM outbox WHERE outbox.shard = s.shard
        AND outbox.id > coalesce(m.published_to, 0) AND outbox.id <> ALL (coalesce(m.published_beyond, '{{}}'))
    ) AS o
) AS unpublished"""
"""What is not published yet, for the FROM of whoever counts it."""

_LARGEST = MAX_MESSAGE_BYTES - 20_000  # leaves room for the headers

_INSERT = """
INSERT INTO outbox (shard, event_id, topic, key, type, schema_id, sequence, time, traceparent, data)
SELECT * FROM unnest($1::smallint[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[],
                     $7::bigint[], $8::timestamptz[], $9::text[], $10::text[])
"""


def shard_of(key: str) -> int:
    """The shard of an aggregate: all its events are in one, so that one relay reads them in order."""
    return crc32(key.encode()) % SHARDS


async def announce(tx: Tx, events: Sequence[Event]) -> None:
    """Writes the events into the outbox of this transaction, in the order given.

    Hold the lock of the aggregate's row: it makes the ids of its events rise with their sequence.
    Raises ValueError for an event that no log would take: written down it would hold up all that come after it.
    """
    if not events:
        return
    for event in events:
        if len(event.body) * 4 > _LARGEST and len(event.body.encode()) > _LARGEST:
            raise ValueError(f"an event of type {event.type} is too large for the bus")
    await tx.write(
        "outbox",
        _INSERT,
        [shard_of(e.key) for e in events],
        [e.id for e in events],
        [e.topic for e in events],
        [e.key for e in events],
        [e.type for e in events],
        [e.schema for e in events],
        [e.sequence for e in events],
        [e.time for e in events],
        [e.traceparent for e in events],
        [e.body for e in events],
    )
    failpoint("outbox.announced")
    tx.after_commit(tx.db.announced.set)
