"""Reading the area tree: one node, the nodes below one, the nodes for which nobody answers."""

from collections.abc import Sequence
from dataclasses import dataclass

from libs.common.actors import Scope
from libs.common.cursors import decode_cursor, encode_cursor
from libs.common.db import Tx
from services.registry.domain.areas import Area
from services.registry.domain.errors import AreaNotFound
from services.registry.store.areas import STATE, to_area
from services.registry.views.scope import areas_in, below

_UNATTENDED = """
NOT EXISTS (SELECT 1 FROM posts o JOIN persons p ON p.id = o.person_id
            WHERE o.area_id = a.id AND o.valid_to IS NULL AND p.name IS NOT NULL)
"""


@dataclass(frozen=True, slots=True)
class Criteria:
    """What narrows the list; None does not."""

    below: str | None = None
    parent_code: str | None = None
    level: str | None = None
    name: str | None = None
    unattended: bool | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """One page in the order of codes."""

    items: Sequence[Area]
    next_cursor: str | None
    total: int | None


async def page(tx: Tx, scope: Scope, criteria: Criteria, cursor: str | None, limit: int, *, with_total: bool) -> Listed:
    """The nodes in force within the scope that meet the criteria."""
    after = decode_cursor(cursor, str)
    where = areas_in(scope)
    where.add("a.valid_to IS NULL")
    if criteria.below is not None:
        below(where, "a.path", criteria.below)
    if criteria.parent_code is not None:
        where.add("a.parent_code = ?", criteria.parent_code)
    if criteria.level is not None:
        where.add("a.level = ?", criteria.level)
    if criteria.name is not None:
        where.add("strpos(a.name, ?) > 0", criteria.name)
    if criteria.unattended is not None:
        where.add(_UNATTENDED if criteria.unattended else f"NOT ({_UNATTENDED})")
    total = None
    if with_total:
        total = await tx.fetchval(f"SELECT count(*) FROM areas a WHERE {where.sql()}", *where.args)
    if after is not None:
        where.add("a.path > ?", *after)
    sql = f"{STATE} WHERE {where.sql()} ORDER BY a.path LIMIT {limit + 1}"
    found = [to_area(row) for row in await tx.fetch(sql, *where.args)]
    items = found[:limit]
    more = len(found) > limit
    return Listed(items, encode_cursor((items[-1].position.path,)) if more else None, total)


async def one(tx: Tx, scope: Scope, code: str) -> Area:
    """The node in force. Raises AreaNotFound, also for what lies outside the scope."""
    where = areas_in(scope)
    where.add("a.code = ? AND a.valid_to IS NULL", code)
    row = await tx.fetchrow(f"{STATE} WHERE {where.sql()}", *where.args)
    if row is None:
        raise AreaNotFound
    return to_area(row)
