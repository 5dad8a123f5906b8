"""Reading enterprises: the list with its filters, and the whole file of one (一企一档)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from libs.common.actors import Scope
from libs.common.cursors import decode_cursor, encode_cursor
from libs.common.db import Tx
from services.registry.domain.credit_codes import compact
from services.registry.domain.enterprises import Enterprise, Grading
from services.registry.domain.errors import EnterpriseNotFound
from services.registry.domain.text import name_key
from services.registry.store import gradings
from services.registry.store.enterprises import STATE, to_enterprise
from services.registry.views.scope import Where, below, enterprises_in

_UNATTENDED = """
NOT EXISTS (SELECT 1 FROM posts o JOIN persons p ON p.id = o.person_id
            WHERE o.enterprise_id = e.id AND o.valid_to IS NULL AND p.name IS NOT NULL)
"""
_EXPIRED = "EXISTS (SELECT 1 FROM licences n WHERE n.enterprise_id = e.id AND n.valid_until < ?)"
_LIKE = str.maketrans({"%": r"\%", "_": r"\_", "\\": r"\\"})


@dataclass(frozen=True, slots=True)
class Criteria:
    """What narrows the list; None does not."""

    area_path: str | None = None
    credit_code: str | None = None
    name: str | None = None
    risk_level: str | None = None
    enterprise_class: str | None = None
    status: str | None = None
    unattended: bool | None = None
    has_grid: bool | None = None
    has_credit_code: bool | None = None
    licence_ends_before: date | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """One page in the order of places."""

    items: Sequence[Enterprise]
    next_cursor: str | None
    total: int | None


async def page(tx: Tx, scope: Scope, criteria: Criteria, cursor: str | None, limit: int, *, with_total: bool) -> Listed:
    """The enterprises within the scope that meet the criteria, place by place."""
    after = decode_cursor(cursor, str, UUID)
    where = _where(scope, criteria)
    total = None
    if with_total:
        total = await tx.fetchval(f"SELECT count(*) FROM enterprises e WHERE {where.sql()}", *where.args)
    if after is not None:
        where.add("(e.area_path, e.id) > (?, ?)", *after)
    sql = f"{STATE} WHERE {where.sql()} ORDER BY e.area_path, e.id LIMIT {limit + 1}"
    found = [to_enterprise(row) for row in await tx.fetch(sql, *where.args)]
    more = len(found) > limit
    items = found[:limit]
    return Listed(items, encode_cursor((items[-1].area_path, items[-1].id)) if more else None, total)


def _where(scope: Scope, criteria: Criteria) -> Where:
    where = enterprises_in(scope)
    if criteria.area_path is not None:
        below(where, "e.area_path", criteria.area_path)
    if criteria.credit_code is not None:
        where.add("e.credit_code = ?", compact(criteria.credit_code))
    if criteria.name is not None:
        where.add("e.name_key LIKE ?", f"%{name_key(criteria.name).translate(_LIKE)}%")
    for column in ("risk_level", "enterprise_class", "status"):
        if (wanted := getattr(criteria, column)) is not None:
            where.add(f"e.{column} = ?", wanted)
    for column, wanted in (("grid_code", criteria.has_grid), ("credit_code", criteria.has_credit_code)):
        if wanted is not None:
            where.add(f"(e.{column} IS NOT NULL) = ?", wanted)
    if criteria.unattended is not None:
        where.add(_UNATTENDED if criteria.unattended else f"NOT ({_UNATTENDED})")
    if criteria.licence_ends_before is not None:
        where.add(_EXPIRED, criteria.licence_ends_before)
    return where


async def one(tx: Tx, scope: Scope, id: UUID) -> tuple[Enterprise, list[Grading]]:
    """The whole file with its history. Raises EnterpriseNotFound, also for what lies outside the scope."""
    where = enterprises_in(scope)
    where.add("e.id = ?", id)
    row = await tx.fetchrow(f"{STATE} WHERE {where.sql()}", *where.args)
    if row is None:
        raise EnterpriseNotFound
    return to_enterprise(row), (await gradings.of(tx, [id])).get(id, [])
