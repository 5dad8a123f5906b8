"""Timers: deadlines as rows, written with the move that starts them, swept by every replica.

The lock of the subject's row guards its timers, and the sweep takes that lock with SKIP LOCKED before it reads them
again: a timer fires once, and not at all when a move that cancels it was committed first. The lock order is always
subject, then timer.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from libs.common.clock import Clock
from libs.common.db import Database, Tx, to_json
from libs.common.errors import Busy
from libs.common.metrics import TIMER_LATENESS, TIMERS_FIRED
from libs.common.stopping import rest

log = logging.getLogger(__name__)

_SCHEDULE = """
INSERT INTO timers (subject_id, kind, due_at, data)
SELECT DISTINCT ON (subject_id, kind) subject_id, kind, due_at, data
FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::jsonb[]) WITH ORDINALITY
     AS t(subject_id, kind, due_at, data, nr)
ORDER BY subject_id, kind, nr DESC
ON CONFLICT (subject_id, kind) DO UPDATE SET due_at = excluded.due_at, data = excluded.data
"""


@dataclass(frozen=True, slots=True)
class Timer:
    """At `due_at` something of this `kind` happens to the subject, unless it is cancelled before."""

    subject_id: UUID
    kind: str
    due_at: datetime
    data: dict[str, Any] = field(default_factory=dict)


Fire = Callable[[Tx, Sequence[Timer], datetime], Awaitable[None]]
"""What a service does with due timers; their subjects are locked, the rows are already deleted in this transaction."""


async def schedule(tx: Tx, timers: Sequence[Timer]) -> None:
    """Sets the timers; one of the same subject and kind is replaced (the last of the list wins).

    Lock the subject first.
    """
    if timers:
        await tx.execute(
            _SCHEDULE,
            [t.subject_id for t in timers],
            [t.kind for t in timers],
            [t.due_at for t in timers],
            [to_json(t.data) for t in timers],
        )


async def cancel(tx: Tx, subject_ids: Sequence[UUID], kinds: Sequence[str] | None = None) -> None:
    """Removes timers of the subjects: of these kinds, or all. Lock the subjects first."""
    if subject_ids:
        await tx.execute(
            "DELETE FROM timers WHERE subject_id = ANY($1::uuid[]) AND ($2::text[] IS NULL OR kind = ANY($2))",
            list(subject_ids),
            None if kinds is None else list(kinds),
        )


class Sweeper:
    """Fires due timers of one service; run one on every replica."""

    def __init__(
        self,
        service: str,
        db: Database,
        clock: Clock,
        subject_table: str,
        fire: Fire,
        *,
        batch: int = 1000,
        every: float = 0.2,
    ) -> None:
        self._service = service
        self._db = db
        self._clock = clock
        self._fire = fire
        self._batch = batch
        self._every = every
        self._claim = (
            f"SELECT s.id FROM timers t JOIN {subject_table} s ON s.id = t.subject_id "
            "WHERE t.due_at <= $1 AND ($3::uuid IS NULL OR s.id = $3) "
            "ORDER BY t.due_at LIMIT $2 FOR UPDATE OF s SKIP LOCKED"
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Sweeps until `stop` is set; goes on at once while a full batch was due."""
        while not stop.is_set():
            try:
                fired = await self.sweep()
            except Busy as error:
                log.warning("sweeper of %s waits: %s", self._service, error)
                fired = 0
            if fired < self._batch:
                await rest(stop, self._every)

    async def sweep(self) -> int:
        """One pass. How many timers fired; raises Busy when the database is away."""
        now = self._clock.now()
        try:
            return await self._sweep(now, self._batch)
        except Busy:
            raise
        except Exception:  # one subject spoils the batch: each alone, and the bad one is put off, never dropped
            log.exception("sweeper of %s: a batch failed, trying one by one", self._service)
            return await self._one_by_one(now)

    async def _sweep(self, now: datetime, limit: int, only: UUID | None = None) -> int:
        async with self._db.transaction() as tx:
            claimed = await tx.fetch(self._claim, now, limit, only)
            if not claimed:
                return 0
            subjects = [row["id"] for row in claimed]
            # a new statement, hence a new snapshot: what was cancelled before the lock was ours is gone
            rows = await tx.fetch(
                "DELETE FROM timers WHERE subject_id = ANY($1::uuid[]) AND due_at <= $2 RETURNING *", subjects, now
            )
            rows.sort(key=lambda row: (row["due_at"], row["subject_id"], row["kind"]))
            timers = [Timer(row["subject_id"], row["kind"], row["due_at"], row["data"]) for row in rows]
            if timers:
                await self._fire(tx, timers, now)
        for timer in timers:
            TIMER_LATENESS.labels(self._service).observe((now - timer.due_at).total_seconds())
        TIMERS_FIRED.labels(self._service).inc(len(timers))
        return len(timers)

    async def _one_by_one(self, now: datetime) -> int:
        async with self._db.transaction() as tx:
            rows = await tx.fetch(self._claim, now, self._batch, None)
        fired = 0
        for subject_id in dict.fromkeys(row["id"] for row in rows):
            try:
                fired += await self._sweep(now, 1, subject_id)
            except Busy:
                raise
            except Exception:
                log.exception("timer of %s %s failed and is put off", self._service, subject_id)
                await self._put_off(subject_id, now)
        return fired

    async def _put_off(self, subject_id: UUID, now: datetime) -> None:
        async with self._db.transaction() as tx:
            await tx.execute(
                "UPDATE timers SET due_at = $2 WHERE subject_id = $1 AND due_at <= $3",
                subject_id,
                now + timedelta(minutes=1),
                now,
            )
