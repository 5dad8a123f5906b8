"""Hazards whose deadline is brought near, and what became of them: the stage and the count of the part `deadlines`."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from tests.evidence.cluster import connected

_NOBODY = UUID(int=0)
_CHOOSE = """
SELECT id FROM hazards WHERE id > $1 AND state = 'ordered' AND overdue_since IS NULL ORDER BY id LIMIT $2
"""
_BRING_NEAR = """
WITH due AS (
    SELECT id, $2::timestamptz + (nr - 1) * $3::interval AS at FROM unnest($1::uuid[]) WITH ORDINALITY AS u(id, nr)
), ordered AS (UPDATE hazards h SET due_at = due.at FROM due WHERE h.id = due.id)
UPDATE timers t SET due_at = due.at FROM due WHERE t.subject_id = due.id AND t.kind = 'deadline'
"""
_WAITING = """
SELECT EXISTS (SELECT FROM timers WHERE due_at <= $1 AND subject_id = ANY($2::uuid[]) AND kind = 'deadline')
"""
# A hazard's row is written by the transaction that misses its deadline, and by no other afterwards.
_OUTCOME = """
SELECT extract(epoch FROM pg_xact_commit_timestamp(h.xmin) - h.due_at)::float8 AS late, coalesce(told.times, 0) AS times
FROM hazards h LEFT JOIN (
    SELECT key, count(*) AS times FROM outbox WHERE type = 'deadline-missed' GROUP BY key
) AS told ON told.key = h.id::text
WHERE h.id = ANY($1::uuid[])
"""
_PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """`lateness`: seconds from the deadline to the commit that put it into the outbox; of each that is there."""

    lateness: Sequence[float]
    missing: int
    double: int


class DueHazards:
    """Takes ever other hazards of the table, neighbours each time: ordered in the same days, due on the same day."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._last = _NOBODY

    async def bring_near(self, count: int, first: datetime, apart: float) -> list[UUID]:
        """Lets `count` hazards be due from that instant on, `apart` seconds from one another; their ids."""
        async with connected(self._url) as connection:
            rows = await connection.fetch(_CHOOSE, self._last, count)
            ids = [row["id"] for row in rows]
            if len(ids) < count:
                raise RuntimeError(f"there are {len(ids)} ordered hazards left of {count}")
            self._last = ids[-1]
            await connection.execute(_BRING_NEAR, ids, first, timedelta(seconds=apart), timeout=300)
            await connection.execute("CHECKPOINT")  # hours lie between an order and its deadline
        return ids

    async def outcome(self, ids: Sequence[UUID], last: datetime) -> Outcome:
        """Waits until none of their clocks is left, two minutes at most, and counts."""
        async with connected(self._url) as connection:
            for _ in range(int(_PATIENCE / 0.5)):
                if not await connection.fetchval(_WAITING, last, [ids[-1], *ids[:: max(1, len(ids) // 50)]]):
                    break
                await asyncio.sleep(0.5)
            for _ in range(int(_PATIENCE / 0.5)):
                if not await connection.fetchval(_WAITING, last, list(ids), timeout=60):
                    break
                await asyncio.sleep(0.5)
            rows = await connection.fetch(_OUTCOME, list(ids), timeout=300)
        return Outcome(
            [row["late"] for row in rows if row["times"]],
            sum(row["times"] == 0 for row in rows),
            sum(row["times"] > 1 for row in rows),
        )
