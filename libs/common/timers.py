"""Timers: deadlines as rows, written with the move that starts them, swept by every replica.

The lock of the subject's row guards its timers, and the sweep takes that lock with SKIP LOCKED before it reads them
again: a timer fires once, and not at all when a move that cancels it was committed first. The lock order is always
subject, then timer.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from libs.common.clock import DATABASE_TIME, Clock
from libs.common.db import Database, Tx, to_json
from libs.common.errors import Busy
from libs.common.failpoints import failpoint
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


# Timers of one instant are swept in an order unrelated to where their subjects stand: sweepers that begin elsewhere do
# not meet, and a batch changes a row or two of a page, for which the page has room without touching any index.
PLACE = "uuid_hash(t.subject_id)"
_LOOK = f"SELECT {DATABASE_TIME} AS there, (SELECT min(due_at) FROM timers) AS earliest"


@dataclass(frozen=True, slots=True)
class Timer:
    """At `due_at` something of this `kind` happens to the subject, unless it is cancelled before."""

    subject_id: UUID
    kind: str
    due_at: datetime
    data: dict[str, Any] = field(default_factory=dict)


def _claim(subject_table: str, side: str | None) -> str:
    """Locks and reads subjects of due timers: those on that side of a place, or a single one."""
    which = "s.id = $2" if side is None else f"{PLACE} {side} $3::int"
    order = "" if side is None else f"ORDER BY t.due_at, {PLACE} LIMIT $2"
    return (
        f"SELECT s.id, {PLACE} AS place FROM timers t JOIN {subject_table} s ON s.id = t.subject_id "
        f"WHERE t.due_at <= $1 AND {which} {order} FOR UPDATE OF s SKIP LOCKED"
    )


Fire = Callable[[Tx, Sequence[Timer], datetime], Awaitable[None]]
"""What a service does with due timers; their subjects are locked, the rows are already deleted in this transaction."""


async def schedule(tx: Tx, timers: Sequence[Timer]) -> None:
    """Sets the timers; one of the same subject and kind is replaced (the last of the list wins).

    Lock the subject first.
    """
    if timers:
        await tx.write(
            "timers",
            _SCHEDULE,
            [t.subject_id for t in timers],
            [t.kind for t in timers],
            [t.due_at for t in timers],
            [to_json(t.data) for t in timers],
        )


async def cancel(tx: Tx, subject_ids: Sequence[UUID], kinds: Sequence[str] | None = None) -> None:
    """Removes timers of the subjects: of these kinds, or all. Lock the subjects first."""
    if subject_ids:
        await tx.write(
            "timers",
            "DELETE FROM timers WHERE subject_id = ANY($1::uuid[]) AND ($2::text[] IS NULL OR kind = ANY($2))",
            list(subject_ids),
            None if kinds is None else list(kinds),
        )


class Sweeper:
    """Fires due timers of one service; run one on every replica.

    It asks the database what time it is whenever it looks what is due next, so that a replica whose machine is ahead
    fires nothing early. Between two looks it rests until the next timer is due, at most `every` seconds: whoever sets
    a nearer timer meanwhile waits that long. After a batch that was not full it rests for `gather` seconds, so that
    timers that come due one by one are fired together.
    """

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
        gather: float = 0.1,
    ) -> None:
        self._service = service
        self._db = db
        self._clock = clock
        self._fire = fire
        self._batch = batch
        self._every = every
        self._gather = min(gather, every)
        self._home = self._place = secrets.randbits(32) - 2**31
        self._claim = _claim(subject_table, ">=")
        self._claim_below = _claim(subject_table, "<")
        self._claim_one = _claim(subject_table, None)

    async def run(self, stop: asyncio.Event) -> None:
        """Sweeps until `stop` is set; goes on at once while a full batch was due."""
        while not stop.is_set():
            try:
                pause = await self._turn(stop)
            except Busy as error:
                log.warning("sweeper of %s waits: %s", self._service, error)
                pause = self._every
            await rest(stop, pause)

    async def _turn(self, stop: asyncio.Event) -> float:
        """Fires what is due. The seconds to rest before the next turn."""
        ahead = await self._look()
        if ahead > 0:
            return min(ahead, self._every)
        fired = await self._sweep_safely(self._clock.now())
        while fired >= self._batch and not stop.is_set():
            fired = await self._sweep_safely(self._clock.now())
        return self._gather if fired else self._every  # what is due and was not ours is in other hands

    async def sweep(self) -> int:
        """One pass. How many timers fired; raises Busy when the database is away."""
        await self._look()
        return await self._sweep_safely(self._clock.now())

    async def _look(self) -> float:
        """Tells the clock the time of the database. Seconds until the earliest timer is due, infinite without one."""
        asked = time.monotonic()
        (row,) = await self._db.alone(_LOOK)
        self._clock.told(row["there"], asked, time.monotonic())
        earliest: datetime | None = row["earliest"]
        return float("inf") if earliest is None else (earliest - self._clock.now()).total_seconds()

    async def _sweep_safely(self, now: datetime) -> int:
        try:
            return await self._sweep(now, self._batch)
        except Busy:
            raise
        except Exception:  # one subject spoils the batch: each alone, and the bad one is put off, never dropped
            log.exception("sweeper of %s: a batch failed, trying one by one", self._service)
            return await self._one_by_one(now)

    async def _sweep(self, now: datetime, limit: int, only: UUID | None = None) -> int:
        async with self._db.transaction() as tx:
            subjects = await self._claimed(tx, now, limit) if only is None else await self._claimed_one(tx, now, only)
            if not subjects:
                return 0
            failpoint("sweeper.claimed")
            # a new statement, hence a new snapshot: what was cancelled before the lock was ours is gone
            rows = await tx.fetch(
                "DELETE FROM timers WHERE subject_id = ANY($1::uuid[]) AND due_at <= $2 RETURNING *", subjects, now
            )
            rows.sort(key=lambda row: (row["due_at"], row["subject_id"], row["kind"]))
            timers = [Timer(row["subject_id"], row["kind"], row["due_at"], row["data"]) for row in rows]
            failpoint("sweeper.taken")
            if timers:
                await self._fire(tx, timers, now)
            failpoint("sweeper.fired")
        failpoint("sweeper.committed")
        lateness = TIMER_LATENESS.labels(self._service)
        for timer in timers:
            lateness.observe((now - timer.due_at).total_seconds())
        TIMERS_FIRED.labels(self._service).inc(len(timers))
        return len(timers)

    async def _claimed(self, tx: Tx, now: datetime, limit: int) -> list[UUID]:
        """Locks subjects of due timers: from the place where the last full batch ended on, then those before it."""
        rows = await tx.fetch(self._claim, now, limit, self._place)
        if len(rows) == limit:
            self._place = rows[-1]["place"]
        else:
            rows += await tx.fetch(self._claim_below, now, limit - len(rows), self._place)
            self._place = self._home
        return [row["id"] for row in rows]

    async def _claimed_one(self, tx: Tx, now: datetime, subject_id: UUID) -> list[UUID]:
        return [row["id"] for row in await tx.fetch(self._claim_one, now, subject_id)]

    async def _one_by_one(self, now: datetime) -> int:
        async with self._db.transaction() as tx:
            subjects = await self._claimed(tx, now, self._batch)
        fired = 0
        for subject_id in dict.fromkeys(subjects):
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
