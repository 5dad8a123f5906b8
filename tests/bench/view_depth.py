"""How much more a page deep in a list costs than the first: by cursor, and as a control by OFFSET."""

import random
import time
from collections.abc import Mapping, Sequence

import asyncpg

from libs.common.actors import area_code
from tests.bench.view_pages import LIMIT, Asking, Desk, Page, Places
from tests.bench.view_player import Player
from tests.evidence.effects import WrongEffect
from tests.evidence.figures import Figure, Result, Row
from tests.evidence.rounds import Spread, percentile

_STRIDE = 200  # hazards a request on the way down: the most that a page may hold
_REPEATS = 40
_OFFSET = "SELECT * FROM hazards WHERE area_path >= $1 AND area_path < $2 ORDER BY area_path, id LIMIT $3 OFFSET $4"


async def measure(
    result: Result,
    desk: Desk,
    connection: "asyncpg.Connection[asyncpg.Record]",
    player: Player,
    places: Places,
    deep: int,
    rounds: int,
    aim: float,
) -> None:
    """Adds the ratio page `deep` ÷ page 1 of every walk through the district, and that of OFFSET."""
    ratios: dict[str, Spread] = {}
    for kind, query in _walks(places).items():
        pair = [await _page(desk, places, kind, query, number) for number in (1, deep)]
        await _prove_place(connection, places, kind, pair[1], deep)
        ratios[kind] = Spread.of([await _ratio(player, pair, number) for number in range(rounds)])
        result.rows.append(Row(f"page {deep:,} ÷ page 1: {kind}", str(ratios[kind]), "HTTP, rendering"))
    worst = max(ratios, key=lambda kind: ratios[kind].median)
    result.figures.append(
        Figure(
            name="views_deep_page_ratio",
            title=f"page {deep:,} ÷ page 1 of the ledger, the worst of {len(ratios)} walks",
            value=ratios[worst].median,
            unit="ratio",
            aim=aim,
            better="less",
            spread=f"{worst}: {ratios[worst]}",
            shortfall=(
                "The floor is 1: both pages walk the same index from a key; a page deep in it finds its hazards in "
                "colder blocks. What would move this is memory for them."
            ),
        )
    )
    control = Spread.of([await _control(connection, places, deep) for _ in range(rounds)])
    result.figures.append(
        Figure(
            name="views_offset_control_ratio",
            title=f"control: page {deep:,} ÷ page 1 by OFFSET, which must be worse",
            value=control.median,
            unit="ratio",
            aim=aim,
            better="more",
            spread=str(control),
            shortfall="The control did not get slower with depth: the ratio above proves nothing.",
        )
    )


def _walks(places: Places) -> Mapping[str, Mapping[str, str | bool]]:
    district = {"areaCode": area_code(places.district)}
    return {
        "by place": district,
        "one state": {**district, "state": "closed"},
        "one level": {**district, "level": "general"},
        "overdue": {**district, "overdue": True},
        "not overdue": {**district, "overdue": False},
    }


async def _page(desk: Desk, places: Places, kind: str, query: Mapping[str, str | bool], number: int) -> Page:
    """Page `number` of 50, reached by following cursors as any client does."""
    cursor, left = None, (number - 1) * LIMIT
    while left:
        size = min(left, _STRIDE)
        page = await desk.ask(Asking(kind, "/v1/hazards", {**query, "limit": size}, places.district), cursor)
        cursor, left = page.document["nextCursor"], left - size
        if cursor is None:
            raise WrongEffect(f"{kind}: the list ended {left} rows before page {number}")
    page = await desk.ask(Asking(kind, "/v1/hazards", {**query, "limit": LIMIT}, places.district), cursor)
    if len(page.document["items"]) != LIMIT:
        raise WrongEffect(f"{kind}: page {number} is not full")
    return page


async def _prove_place(
    connection: "asyncpg.Connection[asyncpg.Record]", places: Places, kind: str, page: Page, number: int
) -> None:
    """The walk by place has left out nothing and shown nothing twice: OFFSET finds the same page."""
    if kind != "by place":
        return
    rows = await connection.fetch(_OFFSET, *_bounds(places), LIMIT, (number - 1) * LIMIT)
    if [str(row["id"]) for row in rows] != [item["id"] for item in page.document["items"]]:
        raise WrongEffect(f"{kind}: page {number} is not what OFFSET finds there")


async def _ratio(player: Player, pair: Sequence[Page], number: int) -> float:
    """Median ÷ median of the two pages at the server, which take turns in random order."""
    times: tuple[list[float], list[float]] = ([], [])
    turns = [0, 1] * _REPEATS
    random.Random(number).shuffle(turns)
    for turn in turns:
        times[turn].append((await player.server(pair[turn])).all)
    return percentile(times[1], 0.5) / percentile(times[0], 0.5)


async def _control(connection: "asyncpg.Connection[asyncpg.Record]", places: Places, deep: int) -> float:
    """Median ÷ median of the same two pages by OFFSET."""
    medians = []
    for offset in (0, (deep - 1) * LIMIT):
        times = []
        for _ in range(5):
            began = time.perf_counter()
            await connection.fetch(_OFFSET, *_bounds(places), LIMIT, offset)
            times.append(time.perf_counter() - began)
        medians.append(percentile(times, 0.5))
    return medians[1] / medians[0]


def _bounds(places: Places) -> tuple[str, str]:
    return places.district, places.district + ":"
