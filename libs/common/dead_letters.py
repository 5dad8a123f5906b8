"""Messages that could not be handled: kept whole with a reason, listed, and handled again once the cause is mended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.common.bus.base import Delivered, Message
from libs.common.db import Tx, to_json
from libs.common.ids import new_id

_INSERT = """
INSERT INTO dead_letters (id, topic, partition_no, offset_no, key, value, headers, reason, failed_at)
SELECT i, t, p, o, k, v, h, r, $9 FROM unnest($1::uuid[], $2::text[], $3::int[], $4::bigint[], $5::bytea[],
                                             $6::bytea[], $7::jsonb[], $8::text[]) AS l(i, t, p, o, k, v, h, r)
ON CONFLICT (topic, partition_no, offset_no) DO UPDATE SET key = excluded.key, value = excluded.value,
    headers = excluded.headers, reason = excluded.reason, failed_at = excluded.failed_at, replayed_at = NULL
"""
_OLDEST = """
SELECT * FROM dead_letters WHERE replayed_at IS NULL AND topic = ANY($1::text[]) AND id <> ALL($2::uuid[])
ORDER BY failed_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
"""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A buried message, by the id under which it lies."""

    id: UUID
    delivered: Delivered


async def bury(tx: Tx, letters: Sequence[tuple[Delivered, str]], now: datetime) -> None:
    """Keeps each message with the reason why it could not be handled; once a message, however often it comes.

    The place in the log names it: a message that comes at the place of an older one comes from a new log, which
    brings the older one again at a place of its own.
    """
    if not letters:
        return
    letters = list({(d.message.topic, d.partition, d.offset): (d, reason) for d, reason in letters}.values())
    await tx.execute(
        _INSERT,
        [new_id() for _ in letters],
        [d.message.topic for d, _ in letters],
        [d.partition for d, _ in letters],
        [d.offset for d, _ in letters],
        [d.message.key for d, _ in letters],
        [d.message.value for d, _ in letters],
        [to_json([[_storable(name), value.hex()] for name, value in d.message.headers]) for d, _ in letters],
        [_storable(reason[:2000]) for _, reason in letters],
        now,
    )


async def exhume(tx: Tx, topics: Sequence[str], but: Sequence[UUID] = ()) -> DeadLetter | None:
    """The letter of the topics that failed longest ago and still lies there, none of `but`; locked until COMMIT."""
    row = await tx.fetchrow(_OLDEST, list(topics), list(but))
    if row is None:
        return None
    headers = tuple((name, bytes.fromhex(value)) for name, value in row["headers"])
    message = Message(row["topic"], row["key"], row["value"], headers)
    return DeadLetter(row["id"], Delivered(message, row["partition_no"], row["offset_no"]))


async def count_lying(tx: Tx, topics: Sequence[str]) -> int:
    """How many letters of the topics lie there now."""
    sql = "SELECT count(*) FROM dead_letters WHERE replayed_at IS NULL AND topic = ANY($1::text[])"
    count: int = await tx.fetchval(sql, list(topics))
    return count


async def mark_replayed(tx: Tx, letter: DeadLetter, now: datetime) -> None:
    """The letter has had its effect in this transaction."""
    await tx.execute("UPDATE dead_letters SET replayed_at = $2 WHERE id = $1", letter.id, now)


def _storable(text: str) -> str:
    """The text as PostgreSQL takes it: without NUL and halves of characters."""
    return text.replace("\x00", "").encode(errors="replace").decode()
