"""Two ways to sweep that must be caught: one that locks nothing, and one that believes the clock of its own machine."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from uuid import UUID

from libs.common.clock import SystemClock
from libs.common.db import Database, Record, Tx
from libs.common.envelope import Event, new_event
from libs.common.errors import Contended
from libs.common.outbox import announce
from services.hazards import timers
from services.hazards.domain.lifecycle import RINGS, ClockKind, rule_for
from services.hazards.publishing import SOURCE, contract_of
from services.hazards.settings import HazardsSettings
from services.hazards.store import hazards

_EVERY = 0.02
_THINKS = 0.25  # between check and act, so that replicas meet there on every machine, and people meet them

# check ...
_DUE = f"""
SELECT t.kind AS clock, {hazards.COLUMNS} FROM timers t JOIN hazards h ON h.id = t.subject_id
WHERE t.due_at <= $1 ORDER BY t.due_at LIMIT 200
"""
# ... then act
_MISS = """
UPDATE hazards SET version = version + 1, missed_deadlines = missed_deadlines + (u.clock = 'deadline')::int,
       overdue_since = CASE WHEN u.clock = 'deadline' THEN due_at END,
       act_overdue_since = CASE WHEN u.clock <> 'deadline' THEN act_by END
FROM unnest($1::uuid[], $2::text[]) AS u(id, clock) WHERE hazards.id = u.id
"""
_FORGET = (
    "DELETE FROM timers USING unnest($1::uuid[], $2::text[]) AS u(id, clock) WHERE (subject_id, kind) = (id, clock)"
)


async def naive_fire_twice(url: str, replicas: int) -> None:
    """So many replicas, until cancelled, each with connections of its own."""
    await asyncio.gather(*(_naive(url) for _ in range(replicas)))


async def _naive(url: str) -> None:
    db = Database(url, pool_size=2, application_name="race-naive")
    try:
        while True:
            with contextlib.suppress(Contended):  # it takes its locks in any order
                async with db.transaction() as tx:
                    await _check_then_act(tx, datetime.now(UTC))
            await asyncio.sleep(_EVERY)
    finally:
        await db.close()


async def _check_then_act(tx: Tx, now: datetime) -> None:
    rows = await tx.fetch(_DUE, now)
    due = [row for row in rows if rule_for(hazards.facts(row).state, RINGS[ClockKind(row["clock"])])]
    ids: list[UUID] = [row["id"] for row in due]
    clocks: list[str] = [row["clock"] for row in due]
    await asyncio.sleep(_THINKS)
    await tx.execute(_MISS, ids, clocks)
    await announce(tx, [_event(row, now) for row in due])
    await tx.execute(_FORGET, ids, clocks)


def _event(row: Record, now: datetime) -> Event:
    facts = hazards.facts(row)
    rule = rule_for(facts.state, RINGS[ClockKind(row["clock"])])
    assert rule is not None
    payload = contract_of(rule.announces)(
        hazard_id=facts.id,
        number=facts.number,
        version=facts.version + 1,
        state=facts.state,
        source=facts.source,
        area_code=facts.area_path,
        area_path=facts.area_path,
        handling=facts.handling,
        occurred_at=now,
    )
    return new_event(payload, key=facts.id, sequence=facts.version + 1, now=now, source=SOURCE)


class TrustingClock(SystemClock):
    """An hour ahead, and deaf to what the database says."""

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(hours=1)


async def trusting_sweep(db: Database) -> None:
    """One pass of the real sweeper with that clock."""
    await timers.sweeper(HazardsSettings(), db, TrustingClock()).sweep()
