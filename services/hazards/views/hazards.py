"""The ledger: one hazard, its log, and pages of hazards by filter."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.common.actors import Scope
from libs.common.cursors import decode_cursor, encode_cursor
from libs.common.db import Record, Tx
from services.hazards.domain.cells import Cell
from services.hazards.domain.errors import HazardNotFound
from services.hazards.domain.facts import Facts
from services.hazards.domain.lifecycle import State
from services.hazards.domain.vocabulary import Level
from services.hazards.store import counters
from services.hazards.store.hazards import read
from services.hazards.views import walks
from services.hazards.views.scope import EMPTY, Window, window
from services.hazards.views.walks import Walk


@dataclass(frozen=True, slots=True)
class Criteria:
    """What the rows must be; None asks for nothing."""

    state: State | None = None
    level: Level | None = None
    area_path: str | None = None
    enterprise_id: UUID | None = None
    overdue: bool | None = None


@dataclass(frozen=True, slots=True)
class HazardPage:
    items: Sequence[Facts]
    next_cursor: str | None = None
    total: int | None = None


async def one(tx: Tx, scope: Scope, hazard_id: UUID) -> Facts:
    """The hazard. Raises HazardNotFound, also for what lies outside the scope."""
    found = await read(tx, hazard_id)
    if found is None or not scope.covers(found.area_path, found.enterprise_id):
        raise HazardNotFound
    return found


async def log(tx: Tx, hazard_id: UUID) -> Sequence[Record]:
    """Every move of a hazard that `one` has let through, oldest first."""
    return await tx.fetch("SELECT * FROM hazard_log WHERE hazard_id = $1 ORDER BY version", hazard_id)


async def page(
    tx: Tx, scope: Scope, criteria: Criteria, now: datetime, cursor: str | None, limit: int, *, with_total: bool = False
) -> HazardPage:
    """A page by place and id; by id within one enterprise; by time overdue of what is. Raises InvalidCursor."""
    seen = window(scope, criteria.area_path, criteria.enterprise_id)
    walk = _walk(seen, criteria, now)
    after = decode_cursor(cursor, *walk.types)
    if seen == EMPTY or (criteria.overdue and criteria.state not in (None, State.ORDERED)):
        return HazardPage((), None, 0 if with_total else None)
    total = await _total(tx, seen, criteria, now) if with_total else None
    found = await walk.rows(tx, after, limit + 1)
    items = found[:limit]
    return HazardPage(items, encode_cursor(walk.key(items[-1])) if len(found) > limit else None, total)


def _walk(seen: Window, criteria: Criteria, now: datetime) -> Walk:
    if seen.enterprise_id is not None:
        return walks.of_enterprise(seen, criteria.state, criteria.level, criteria.overdue, now)
    if criteria.overdue:
        return walks.overdue_queue(seen, now, criteria.level)
    return walks.by_place(seen, criteria.state, criteria.level, criteria.overdue)


async def _total(tx: Tx, seen: Window, criteria: Criteria, now: datetime) -> int:
    """How many rows there are: of an enterprise counted, of an area added up from the counters."""
    if seen.enterprise_id is None:
        figures = await counters.figures(tx, (seen.lo, seen.hi))
        return sum(figure.value for figure in figures if _counts(criteria, Cell.parse(figure.metric)))
    return await _walk(seen, criteria, now).count(tx)


def _counts(criteria: Criteria, cell: Cell) -> bool:
    return (
        criteria.state in (None, cell.state)
        and criteria.level in (None, cell.level)
        and criteria.overdue in (None, cell.overdue)
    )
