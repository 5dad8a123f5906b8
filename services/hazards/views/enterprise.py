"""What an enterprise sees: its own hazards, and what to fix by when."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from libs.common.actors import Scope
from libs.common.db import Tx
from libs.common.errors import NotFound
from services.hazards.domain.cells import Cell
from services.hazards.domain.facts import Facts
from services.hazards.domain.lifecycle import FINAL, State
from services.hazards.store.counters import CELL
from services.hazards.store.hazards import COLUMNS, facts
from services.hazards.views.figures import Totals
from services.hazards.views.scope import Window, window

_OTHERS = tuple(state for state in State if state not in FINAL and state is not State.ORDERED)
_THEIRS = "h.enterprise_id = $1 AND h.area_path >= $2 AND h.area_path < $3"


@dataclass(frozen=True, slots=True)
class EnterpriseView:
    enterprise_id: UUID
    name: str
    totals: Totals
    to_fix: Sequence[Facts]
    others: Sequence[Facts]


async def enterprise(tx: Tx, scope: Scope, enterprise_id: UUID, limit: int) -> EnterpriseView:
    """The view on one enterprise. Raises NotFound outside the scope."""
    row = await tx.fetchrow("SELECT name, area_path FROM enterprises WHERE id = $1", enterprise_id)
    if row is None or not scope.covers(row["area_path"], enterprise_id):
        raise NotFound("没有找到该企业")
    seen = window(scope, None, enterprise_id)
    return EnterpriseView(
        enterprise_id=enterprise_id,
        name=row["name"],
        totals=await _totals(tx, seen),
        to_fix=await _open(tx, seen, (State.ORDERED,), limit),
        others=await _open(tx, seen, _OTHERS, limit),
    )


async def _totals(tx: Tx, seen: Window) -> Totals:
    """Counted from its own rows, by index: one enterprise has few."""
    rows = await tx.fetch(
        f"SELECT {CELL} AS cell, count(*) AS value FROM hazards h WHERE {_THEIRS} GROUP BY 1",
        seen.enterprise_id,
        seen.lo,
        seen.hi,
    )
    totals = Totals()
    for row in rows:
        totals.add(Cell.parse(row["cell"]), row["value"])
    return totals


async def _open(tx: Tx, seen: Window, states: Sequence[State], limit: int) -> Sequence[Facts]:
    """Its hazards in these states, those that are due first in front."""
    rows = await tx.fetch(
        f"SELECT {COLUMNS} FROM hazards h WHERE {_THEIRS} AND h.state = ANY($4::text[]) "
        "ORDER BY coalesce(h.due_at, h.act_by) NULLS LAST, h.id LIMIT $5",
        seen.enterprise_id,
        seen.lo,
        seen.hi,
        list(states),
        limit,
    )
    return [facts(row) for row in rows]
