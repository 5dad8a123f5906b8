"""The inbox: ids of the events whose effect is in this database, written in the transaction of the effect."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from libs.common.db import Tx
from libs.common.ids import in_order


async def seen_before(tx: Tx, ids: Sequence[UUID], now: datetime) -> set[UUID]:
    """Remembers the ids and returns those that were remembered. A concurrent handler of the same id is waited for."""
    rows = await tx.fetch(
        "WITH fresh AS (INSERT INTO inbox (event_id, handled_at) SELECT id, $2 FROM unnest($1::uuid[]) AS id "
        "ON CONFLICT DO NOTHING RETURNING event_id) "
        "SELECT id FROM unnest($1::uuid[]) AS id WHERE id NOT IN (SELECT event_id FROM fresh)",
        in_order(ids),  # two handlers of the same events cannot deadlock
        now,
    )
    return {row["id"] for row in rows}
