"""Writes what was decided, all of it in one transaction: rows, log, timers, counters, announcements."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from libs.common.clock import SHANGHAI
from libs.common.db import Tx, to_json
from libs.common.failpoints import failpoint
from libs.common.outbox import announce
from libs.common.timers import Timer, cancel, schedule
from services.hazards.domain.cells import cell_of
from services.hazards.domain.decide import Decision, LogEntry
from services.hazards.domain.facts import Facts
from services.hazards.domain.lifecycle import ClockKind
from services.hazards.publishing import publish
from services.hazards.store import counters, hazards

_LOG = """
INSERT INTO hazard_log (hazard_id, version, at, move, from_state, to_state, actor_id, actor_name, tier, role, round,
                        reason, details)
SELECT * FROM unnest($1::uuid[], $2::int[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[],
                     $8::text[], $9::text[], $10::text[], $11::smallint[], $12::text[], $13::jsonb[])
"""


async def write_new(tx: Tx, decisions: Sequence[Decision], now: datetime) -> None:
    """Writes cases that begin."""
    if not decisions:
        return
    await hazards.insert(tx, [decision.facts for decision in decisions])
    failpoint("hazards.inserted")
    day = now.astimezone(SHANGHAI).date()
    await counters.count(tx, (_change(None, d.facts, day) for d in decisions))
    await _write_rest(tx, decisions)


async def write_moves(tx: Tx, before: Mapping[UUID, Facts], decisions: Sequence[Decision], now: datetime) -> None:
    """Writes moves of locked hazards; `before` is how each was when locked; several may follow one another."""
    if not decisions:
        return
    last = {decision.facts.id: decision.facts for decision in decisions}
    changed = [last[key] for key in sorted(last)]
    await hazards.update(tx, [before[facts.id] for facts in changed], changed)
    failpoint("hazards.updated")
    day = now.astimezone(SHANGHAI).date()
    steps, current = [], dict(before)
    for decision in decisions:
        steps.append(_change(current[decision.facts.id], decision.facts, day))
        current[decision.facts.id] = decision.facts
    await counters.count(tx, steps)
    await _write_rest(tx, decisions)


async def _write_rest(tx: Tx, decisions: Sequence[Decision]) -> None:
    failpoint("hazards.counted")
    await _log(tx, [decision.entry for decision in decisions])
    failpoint("hazards.logged")
    await _set_clocks(tx, decisions)
    failpoint("hazards.clocked")
    await announce(tx, publish([decision.event for decision in decisions]))


def _change(before: Facts | None, after: Facts, day: date) -> counters.CellChange:
    return counters.CellChange(after.area_path, day, cell_of(before) if before else "", cell_of(after))


async def _log(tx: Tx, entries: Sequence[LogEntry]) -> None:
    await tx.write(
        "hazard_log",
        _LOG,
        [e.hazard_id for e in entries],
        [e.version for e in entries],
        [e.at for e in entries],
        [e.move for e in entries],
        [e.source for e in entries],
        [e.target for e in entries],
        [e.actor_id for e in entries],
        [e.actor_name for e in entries],
        [e.tier for e in entries],
        [e.role for e in entries],
        [e.round for e in entries],
        [e.reason for e in entries],
        [None if e.details is None else to_json(e.details) for e in entries],
    )


async def _set_clocks(tx: Tx, decisions: Sequence[Decision]) -> None:
    """The net of all starts and stops: the last word on a clock of a hazard counts."""
    net: dict[tuple[UUID, ClockKind], datetime | None] = {}
    for decision in decisions:
        for kind in decision.stops:
            net[decision.facts.id, kind] = None
        for clock in decision.starts:
            net[decision.facts.id, clock.kind] = clock.rings_at
    stopped: defaultdict[ClockKind, list[UUID]] = defaultdict(list)
    started = []
    for (hazard_id, kind), rings_at in net.items():
        if rings_at is None:
            stopped[kind].append(hazard_id)
        else:
            started.append(Timer(hazard_id, kind.value, rings_at))
    by_subjects: defaultdict[tuple[UUID, ...], list[str]] = defaultdict(list)
    for kind, ids in stopped.items():
        by_subjects[tuple(ids)].append(kind.value)
    for subjects, kinds in by_subjects.items():
        await cancel(tx, subjects, kinds)
    await schedule(tx, started)
