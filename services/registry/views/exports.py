"""Reading a whole part of the register at once, for an export."""

from libs.common.actors import Scope
from libs.common.db import Tx
from services.registry.domain.enterprises import Enterprise
from services.registry.domain.errors import TooManyRows
from services.registry.domain.ledger.layout import Names
from services.registry.store.enterprises import STATE, to_enterprise
from services.registry.views.scope import below, enterprises_in

MAX_ENTERPRISES = 20_000
_CHUNK = 500


async def enterprises(tx: Tx, scope: Scope, path: str) -> list[Enterprise]:
    """The enterprises at or below the path that the scope covers. Raises TooManyRows."""
    where = enterprises_in(scope)
    below(where, "e.area_path", path)
    rows = await tx.fetch(
        f"SELECT e.id FROM enterprises e WHERE {where.sql()} ORDER BY e.id LIMIT {MAX_ENTERPRISES + 1}", *where.args
    )
    if len(rows) > MAX_ENTERPRISES:
        raise TooManyRows(f"一次最多导出{MAX_ENTERPRISES}家，请按街道或社区分别导出")
    ids = [row["id"] for row in rows]
    found: list[Enterprise] = []
    for start in range(0, len(ids), _CHUNK):
        chunk = await tx.fetch(f"{STATE} WHERE e.id = ANY($1::uuid[]) ORDER BY e.id", ids[start : start + _CHUNK])
        found += [to_enterprise(row) for row in chunk]
    return found


async def names(tx: Tx, enterprises: list[Enterprise]) -> Names:
    """What the streets and communities of these enterprises are called; a node that has ended by its last name."""
    codes = {one.record.community_code for one in enterprises}
    rows = await tx.fetch(
        "SELECT DISTINCT ON (path) path, code, name, level FROM areas "
        "WHERE path = ANY($1::text[]) ORDER BY path, valid_to DESC NULLS FIRST",
        sorted(codes | {code[:9] for code in codes}),
    )
    streets = {row["path"]: row["name"] for row in rows if row["level"] == "street"}
    communities = {row["code"]: row["name"] for row in rows if row["level"] == "community"}
    return Names(streets, communities)
