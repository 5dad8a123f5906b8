"""What PostgreSQL reads for a page of the ledger: of a grid, too, no more hazards than the page shows and a few."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import asyncpg
import pytest

from libs.common.actors import Scope
from libs.common.cursors import Key
from libs.common.db import Tx
from services.hazards.domain.lifecycle import State
from services.hazards.domain.vocabulary import Level
from services.hazards.views.scope import Window
from services.hazards.views.walks import Walk, by_place
from tests.evidence.cluster import connected
from tests.evidence.many_hazards import GRIDS, Stage, load

HAZARDS, LIMIT = 40_000, 10
COMMUNITY = "410503004007"
_EXPLAIN = "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) "


class _Asked:
    """A transaction that keeps what it is asked, and finds nothing."""

    sql = ""
    values: tuple[Any, ...] = ()

    async def fetch(self, sql: str, *values: Any) -> Sequence[Any]:
        self.sql, self.values = sql, values
        return ()


@pytest.fixture
async def connection(
    create_database: Callable[[str | None], Awaitable[str]],
) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    """To a district with some dozens of hazards in each grid, seven of ten of them closed."""
    url = await create_database("hazards")
    await load(url, Stage(HAZARDS, datetime.now(UTC), 700), lambda _: None)
    async with connected(url) as opened:
        await opened.execute("SET plan_cache_mode = force_custom_plan")  # a plan for these very values, the worst case
        yield opened


async def _plan(
    connection: "asyncpg.Connection[asyncpg.Record]", walk: Walk, after: Sequence[Key] | None
) -> dict[str, Any]:
    asked = _Asked()
    await walk.rows(cast("Tx", asked), after, LIMIT)
    told = await connection.fetchval(_EXPLAIN + asked.sql, *asked.values)
    plan: dict[str, Any] = json.loads(told)[0]["Plan"]
    return plan


def _scans(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "Index Name" in plan:
        yield plan
    for part in plan.get("Plans", ()):
        yield from _scans(part)


@pytest.mark.parametrize(
    ("state", "level"), [(State.VERIFIED, None), (None, Level.MAJOR), (State.CLOSED, Level.GENERAL)]
)
@pytest.mark.parametrize("deep", [False, True])
async def test_a_stage_in_a_grid_is_read_from_the_index_of_stages(
    connection: "asyncpg.Connection[asyncpg.Record]",
    state: State | None,
    level: Level | None,
    deep: bool,
) -> None:
    for grid in (f"{COMMUNITY}{nr:03}" for nr in range(1, GRIDS + 1)):
        last = await connection.fetchval("SELECT id FROM hazards WHERE area_path = $1 ORDER BY id LIMIT 1", grid)
        walk = by_place(Window(None, *Scope(grid).bounds()), state, level, None)
        plan = await _plan(connection, walk, (grid, last) if deep else None)
        assert {scan["Index Name"] for scan in _scans(plan)} == {"ix_hazards_stage"}
        assert sum(scan.get("Rows Removed by Filter", 0) for scan in _scans(plan)) == 0
