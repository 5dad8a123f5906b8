"""The inbox: ids of the events whose effect is in this database, written in the transaction of the effect."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from libs.common.db import Tx


async def first_time(tx: Tx, ids: Sequence[UUID], now: datetime) -> set[UUID]:
    """Remembers the ids and returns those not seen before. A concurrent handler of the same id is waited for."""
    rows = await tx.fetch(
        "INSERT INTO inbox (event_id, handled_at) SELECT id, $2 FROM unnest($1::uuid[]) AS id "
        "ON CONFLICT DO NOTHING RETURNING event_id",
        sorted(set(ids)),  # sorted, so that two handlers of the same events cannot deadlock
        now,
    )
    return {row["event_id"] for row in rows}
