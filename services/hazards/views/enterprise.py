"""What an enterprise sees: its own hazards, and what to fix by when."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from libs.common.actors import Scope
from libs.common.db import Tx
from libs.common.errors import NotFound
from services.hazards.domain.cells import Cell
from services.hazards.domain.facts import Facts
from services.hazards.domain.lifecycle import FINAL, State
from services.hazards.domain.vocabulary import Handling, Level
from services.hazards.store.hazards import COLUMNS, facts
from services.hazards.views import walks
from services.hazards.views.figures import Totals
from services.hazards.views.scope import Window, window

_OTHERS = tuple(state for state in State if state not in FINAL and state is not State.ORDERED)


@dataclass(frozen=True, slots=True)
class EnterpriseView:
    enterprise_id: UUID
    name: str
    totals: Totals
    to_fix: Sequence[Facts]
    others: Sequence[Facts]


async def enterprise(tx: Tx, scope: Scope, enterprise_id: UUID, now: datetime, limit: int) -> EnterpriseView:
    """The view on one enterprise. Raises NotFound outside the scope."""
    row = await tx.fetchrow("SELECT name, area_path FROM enterprises WHERE id = $1", enterprise_id)
    if row is None or not scope.covers(row["area_path"], enterprise_id):
        raise NotFound("没有找到该企业")
    seen = window(scope, None, enterprise_id)
    return EnterpriseView(
        enterprise_id=enterprise_id,
        name=row["name"],
        totals=await _totals(tx, seen, now),
        to_fix=await _open(tx, seen, (State.ORDERED,), limit),
        others=await _open(tx, seen, _OTHERS, limit),
    )


async def _totals(tx: Tx, seen: Window, now: datetime) -> Totals:
    """Counted from the entries of an index: one enterprise has few. Only what is overdue is looked up in the rows."""
    mine, _ = walks.theirs(seen)
    late, values = walks.overdue_of(seen, now)
    cells = "h.state, coalesce(h.level, ''), h.handling"
    rows = await tx.fetch(
        f"SELECT {cells}, count(*) AS found, 0 AS late FROM hazards h WHERE {mine} GROUP BY 1, 2, 3 "
        f"UNION ALL SELECT {cells}, 0, count(*) FROM hazards h WHERE {late} GROUP BY 1, 2, 3",
        *values,
    )
    totals = Totals()
    for state, level, handling, found, overdue in rows:
        cell = Cell(State(state), Level(level) if level else None, False, Handling(handling))
        totals.add(cell, found - overdue)
        totals.add(replace(cell, overdue=True), overdue)
    return totals


async def _open(tx: Tx, seen: Window, states: Sequence[State], limit: int) -> Sequence[Facts]:
    """Its hazards in these states, those that are due first in front."""
    mine, values = walks.theirs(seen)
    ends = f"LIMIT ${len(values) + 1}"
    parts = [
        f"(SELECT {COLUMNS} FROM hazards h WHERE {mine} AND h.state = '{state}' "
        f"ORDER BY h.due_at, h.act_by, h.id {ends})"
        for state in states
    ]
    rows = await tx.fetch(
        f"SELECT * FROM ({' UNION ALL '.join(parts)}) AS h ORDER BY coalesce(h.due_at, h.act_by), h.id {ends}",
        *values,
        limit,
    )
    return [facts(row) for row in rows]
