"""Lists of hazards: every filter finds just its rows, page by page and counted; indexes leave clocks alone."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from libs.common.actors import Tier
from libs.common.db import Database
from libs.common.migrations import downgrade, upgrade
from services.hazards.store.tables import Base
from tests.service.hazards.hazard_world import COMMUNITY, DISTRICT, GRID, OTHER_GRID, STREET, World
from tests.service.hazards.test_hazard_views import fold, some_hazards

STATES = ("reported", "verified", "ordered", "rectified", "closed", "void")
FILTERS: list[dict[str, Any]] = [
    {},
    *({"state": state} for state in STATES),
    *({"level": level} for level in ("general", "major")),
    *({"state": state, "level": "general"} for state in STATES),
    *({"overdue": overdue} for overdue in (True, False)),
    *({"overdue": overdue, "state": "ordered"} for overdue in (True, False)),
    {"overdue": True, "state": "closed"},
    {"overdue": True, "level": "general"},
    {"overdue": True, "level": "major"},
    {"overdue": False, "level": "general"},
]


def fits(hazard: dict[str, Any], query: dict[str, Any]) -> bool:
    return (
        query.get("state") in (None, hazard["state"])
        and query.get("level") in (None, hazard["level"])
        and query.get("overdue") in (None, hazard["overdueSince"] is not None)
    )


async def walked(world: World, query: dict[str, Any]) -> list[str]:
    """The numbers that a client sees who follows the cursors, one hazard a page."""
    caller, numbers, cursor = world.caller(Tier.DISTRICT, DISTRICT), [], None
    while True:
        page = (await caller.get("/v1/hazards", limit=1, **query, **({"cursor": cursor} if cursor else {}))).json()
        numbers += [item["number"] for item in page["items"]]
        cursor = page["nextCursor"]
        if cursor is None:
            return numbers


async def test_every_filter_at_every_place_finds_its_rows_once_and_counts_them(world: World) -> None:
    made = await some_hazards(world)
    district = world.caller(Tier.DISTRICT, DISTRICT)
    now = [await district.see(hazard) for hazard in made.values()]
    works = str(world.enterprises["彩印厂"])
    for fold_first in (False, True):
        if fold_first:
            await fold(world)
        for query in FILTERS:
            for place in (DISTRICT, STREET, COMMUNITY, GRID, OTHER_GRID):
                path = place.rstrip("0") if place in (DISTRICT, STREET) else place
                mine = [h for h in now if fits(h, query) and h["areaCode"].startswith(path)]
                page = (await district.get("/v1/hazards", areaCode=place, total=True, **query)).json()
                assert {item["number"] for item in page["items"]} == {h["number"] for h in mine}, (query, place)
                assert page["total"] == len(mine), (query, place)
            theirs = [h for h in now if fits(h, query) and h["enterpriseId"] == works]
            page = (await district.get("/v1/hazards", enterpriseId=works, total=True, **query)).json()
            assert [item["number"] for item in page["items"]] == sorted(h["number"] for h in theirs), query
            assert page["total"] == len(theirs), query


@pytest.mark.parametrize("query", FILTERS, ids=str)
async def test_pages_of_one_hazard_each_make_up_the_list(world: World, query: dict[str, Any]) -> None:
    await some_hazards(world)
    district = world.caller(Tier.DISTRICT, DISTRICT)
    whole = [item["number"] for item in (await district.get("/v1/hazards", **query)).json()["items"]]
    assert await walked(world, query) == whole
    works = {"enterpriseId": str(world.enterprises["彩印厂"]), **query}
    whole = [item["number"] for item in (await district.get("/v1/hazards", **works)).json()["items"]]
    assert await walked(world, works) == whole


def test_no_index_names_what_a_clock_changes() -> None:
    """Or every deadline that passes would be written into all of them."""
    changed = {"version", "overdue_since", "act_overdue_since", "missed_deadlines", "escalation", "changed_at"}
    for index in Base.metadata.tables["hazards"].indexes:
        options = index.dialect_options["postgresql"]
        said = [str(part) for part in index.expressions] + [str(options["where"]), *(options["include"] or ())]
        assert not [word for word in changed if any(word in part for part in said)], index.name


async def test_figures_counted_before_the_slices_are_in_every_slice_after(
    create_database: Callable[[str | None], Awaitable[str]],
) -> None:
    url = await create_database(None)
    await asyncio.to_thread(upgrade, "hazards", url, "0001")
    db = Database(url, pool_size=2)
    try:
        async with db.transaction() as tx:
            for path, value in (("410503001001001", 2), ("410503001001002", 3), ("410503001002", 4), ("410503", 5)):
                await tx.execute("INSERT INTO counters VALUES ($1, '', 'closed//ordered', $2)", path, value)
        await asyncio.to_thread(upgrade, "hazards", url)
        async with db.transaction() as tx:
            rows = await tx.fetch("SELECT depth, area_path, value FROM counters ORDER BY depth, area_path")
    finally:
        await db.close()
    assert [tuple(row) for row in rows] == [
        (6, "410503", 14),
        (9, "410503", 5),
        (9, "410503001", 9),
        (12, "410503", 5),
        (12, "410503001001", 5),
        (12, "410503001002", 4),
        (15, "410503", 5),
        (15, "410503001001001", 2),
        (15, "410503001001002", 3),
        (15, "410503001002", 4),
    ]


async def test_what_is_now_moves_away_from_the_days_and_back_without_loss(
    create_database: Callable[[str | None], Awaitable[str]],
) -> None:
    url = await create_database(None)
    await asyncio.to_thread(upgrade, "hazards", url, "0005")
    places = "SELECT tableoid::regclass::text, period, value FROM counters ORDER BY period"
    found: list[list[tuple[str, str, int]]] = []
    db = Database(url, pool_size=2)
    try:
        async with db.transaction() as tx:
            await tx.execute("INSERT INTO counters VALUES ('410503', '', 'closed//ordered', 2, 6)")
            await tx.execute("INSERT INTO counters VALUES ('410503', '2026-11-03', 'found', 3, 6)")
        for move, revision in ((upgrade, "head"), (downgrade, "0005"), (upgrade, "head")):
            await asyncio.to_thread(move, "hazards", url, revision)
            async with db.transaction() as tx:
                found.append([tuple(row) for row in await tx.fetch(places)])
    finally:
        await db.close()
    apart = [("counters_stock", "", 2), ("counters_flow", "2026-11-03", 3)]
    assert found == [apart, [("counters", "", 2), ("counters", "2026-11-03", 3)], apart]
