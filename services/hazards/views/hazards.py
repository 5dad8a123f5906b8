"""The ledger: one hazard, its log, and pages of hazards by filter."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from libs.common.actors import Scope
from libs.common.cursors import decode_cursor, encode_cursor
from libs.common.db import Record, Tx
from services.hazards.domain.errors import HazardNotFound
from services.hazards.domain.facts import Facts
from services.hazards.domain.lifecycle import State
from services.hazards.domain.vocabulary import Level
from services.hazards.store.hazards import COLUMNS, facts, read
from services.hazards.views.scope import EMPTY, Window, window


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
    tx: Tx, scope: Scope, criteria: Criteria, cursor: str | None, limit: int, *, with_total: bool = False
) -> HazardPage:
    """A page in key order: by area and id, or by id within one enterprise. Raises InvalidCursor."""
    seen = window(scope, criteria.area_path, criteria.enterprise_id)
    by_enterprise = seen.enterprise_id is not None
    after = decode_cursor(cursor, *((UUID,) if by_enterprise else (str, UUID)))
    if seen == EMPTY:
        return HazardPage((), None, 0 if with_total else None)
    where, arguments = _where(seen, criteria)
    total = await tx.fetchval(f"SELECT count(*) FROM hazards h WHERE {where}", *arguments) if with_total else None
    keys = "h.id" if by_enterprise else "h.area_path, h.id"
    if after is not None:
        places = ", ".join(f"${len(arguments) + nr}" for nr in range(1, len(after) + 1))
        where, arguments = f"{where} AND ({keys}) > ({places})", [*arguments, *after]
    rows = await tx.fetch(
        f"SELECT {COLUMNS} FROM hazards h WHERE {where} ORDER BY {keys} LIMIT ${len(arguments) + 1}",
        *arguments,
        limit + 1,
    )
    items = [facts(row) for row in rows[:limit]]
    more = len(rows) > limit
    return HazardPage(items, _cursor(items[-1], by_enterprise) if more else None, total)


def _where(seen: Window, criteria: Criteria) -> tuple[str, list[Any]]:
    """Conditions of ours with numbered places for the values."""
    terms, arguments = ["h.area_path >= $1", "h.area_path < $2"], [seen.lo, seen.hi]
    wanted: list[tuple[str, Any]] = []
    if seen.enterprise_id is not None:
        wanted.append(("h.enterprise_id = ", seen.enterprise_id))
    if criteria.state is not None:
        wanted.append(("h.state = ", criteria.state.value))
    if criteria.level is not None:
        wanted.append(("h.level = ", criteria.level.value))
    for term, value in wanted:
        arguments.append(value)
        terms.append(f"{term}${len(arguments)}")
    if criteria.overdue is not None:
        terms.append("h.overdue_since IS NOT NULL" if criteria.overdue else "h.overdue_since IS NULL")
    return " AND ".join(terms), arguments


def _cursor(last: Facts, by_enterprise: bool) -> str:
    return encode_cursor([last.id] if by_enterprise else [last.area_path, last.id])
