"""What a page must show by plain SQL over the rows: no index of the service, no counter, no cursor."""

from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg

from libs.common.actors import area_code
from tests.bench.view_pages import LIMIT, Asking, Page

_PLAIN = ("SET enable_indexscan = off", "SET enable_indexonlyscan = off", "SET enable_bitmapscan = off")
_URGENT = "coalesce(act_by, due_at), id"
_LISTS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "street": {"hazards": ("state = 'ordered'", "(overdue_since IS NULL), due_at, id")},
    "community": {
        "toVerify": ("state = 'reported'", _URGENT),
        "toAssign": ("state = 'verified'", _URGENT),
        "toReinspect": ("state = 'rectified'", _URGENT),
        "overdue": ("overdue_since IS NOT NULL", "overdue_since, id"),
    },
    "enterprise": {
        "toFix": ("state = 'ordered'", "due_at, id"),
        "others": ("state IN ('reported', 'verified', 'rectified')", "coalesce(due_at, act_by), id"),
    },
}
_TOTALS = """
count(*) FILTER (WHERE state <> 'void') AS found, count(*) FILTER (WHERE state NOT IN ('closed', 'void')) AS open,
count(*) FILTER (WHERE overdue_since IS NOT NULL) AS overdue, count(*) FILTER (WHERE state = 'closed') AS closed,
count(*) FILTER (WHERE handling = 'ordered' AND state <> 'void') AS ordered,
count(*) FILTER (WHERE level = 'major' AND state NOT IN ('closed', 'void')) AS major
"""
_BELOW = {"street": ("communities", 12), "community": ("overdueByGrid", 15)}
_SHAPES = {"district": "street", "grid": "community"}


async def differences(connection: "asyncpg.Connection[asyncpg.Record]", page: Page) -> list[str]:
    """What a page shows otherwise than the rows say; nothing if it is right."""
    for setting in _PLAIN:
        await connection.execute(setting)
    if page.asking.kind.startswith("ledger"):
        return await _ledger(connection, page)
    return await _view(connection, page)


async def _ledger(connection: "asyncpg.Connection[asyncpg.Record]", page: Page) -> list[str]:
    query = page.asking.query
    where, order = f"starts_with(area_path, '{page.asking.area}')", "area_path, id"
    where += f" AND state = '{query['state']}'" if "state" in query else ""
    where += f" AND level = '{query['level']}'" if "level" in query else ""
    if "overdue" in query:
        where += f" AND overdue_since IS {'NOT ' if query['overdue'] else ''}NULL"
        order = "overdue_since, id" if query["overdue"] else order
    if "enterpriseId" in query:
        where, order = f"{where} AND enterprise_id = '{query['enterpriseId']}'", "id"
    wrong = await _rows(connection, page, "items", where, order)
    if query.get("total"):
        total = await connection.fetchval(f"SELECT count(*) FROM hazards WHERE {where}")
        wrong += [f"total: {page.document['total']}, not {total}"] if total != page.document["total"] else []
    return wrong


async def _view(connection: "asyncpg.Connection[asyncpg.Record]", page: Page) -> list[str]:
    shape = _SHAPES.get(page.asking.kind, page.asking.kind)
    where = _mine(page.asking)
    wrong = []
    for name, (condition, order) in _LISTS[shape].items():
        wrong += await _rows(connection, page, name, f"{where} AND {condition}", order)
    row = await connection.fetchrow(f"SELECT {_TOTALS} FROM hazards WHERE {where}")
    assert row is not None
    wrong += _totals("totals", page.document["totals"], row)
    if shape in _BELOW:
        name, digits = _BELOW[shape]
        rows = await connection.fetch(
            f"SELECT left(area_path, {digits}) AS path, {_TOTALS} FROM hazards WHERE {where} GROUP BY 1"
        )
        shown = {area["areaCode"]: area["totals"] for area in page.document[name]}
        for row in rows:
            code = area_code(row["path"])
            wrong += _totals(code, shown[code], row) if code in shown else [f"{code} is missing"]
    return wrong


def _mine(asking: Asking) -> str:
    if asking.kind == "enterprise":
        return f"enterprise_id = '{asking.path.rsplit('/', 1)[1]}'"
    return f"starts_with(area_path, '{asking.area}')"


async def _rows(
    connection: "asyncpg.Connection[asyncpg.Record]", page: Page, name: str, where: str, order: str
) -> list[str]:
    rows = await connection.fetch(f"SELECT id::text FROM hazards WHERE {where} ORDER BY {order} LIMIT {LIMIT}")
    expected: Sequence[Any] = [row["id"] for row in rows]
    shown = [item["id"] for item in page.document[name]]
    return [f"{name}: {len(shown)} rows shown, other than the {len(expected)} expected"] if shown != expected else []


def _totals(name: str, shown: Mapping[str, Any], row: asyncpg.Record) -> list[str]:
    levels = {level["level"]: level["open"] for level in shown["byLevel"]}
    figures = {
        **{key: shown[key] for key in ("found", "open", "overdue", "closed", "ordered")},
        "major": levels["major"],
    }
    return [f"{name}.{key}: {figures[key]}, not {row[key]}" for key in figures if figures[key] != row[key]]
