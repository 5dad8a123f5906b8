"""Migrations up, down and up again; no drift between them and the tables; seeds that may run at every start."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect
from sqlalchemy.ext.asyncio import create_async_engine

from libs.common.db import Database
from libs.common.migrations import downgrade, no_partitions, upgrade
from services.hazards.domain.deadlines import DayKind
from services.hazards.store import seeding
from services.hazards.store.rulebooks import Rulebooks
from services.hazards.store.tables import Base
from tests.service.hazards.hazard_world import World


async def look(url: str, at: Callable[[Connection], Any]) -> Any:
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.connect() as connection:
        found = await connection.run_sync(at)
    await engine.dispose()
    return found


def drift(connection: Connection) -> list[Any]:
    options = {"compare_type": True, "include_name": no_partitions(connection)}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata))


async def test_up_down_up_without_drift(create_database: Callable[[str | None], Awaitable[str]]) -> None:
    url = await create_database(None)
    for _ in range(2):
        await asyncio.to_thread(upgrade, "hazards", url)
        assert await look(url, drift) == []
        db = Database(url, pool_size=2)
        async with db.transaction() as tx:
            await tx.execute("CREATE SEQUENCE hazard_number_410503_2026")
        await db.close()
        await asyncio.to_thread(downgrade, "hazards", url, "base")
        assert await look(url, lambda c: inspect(c).get_table_names()) == ["alembic_version"]
        assert await look(url, lambda c: inspect(c).get_sequence_names()) == []


async def test_seeds_are_in_force_and_may_run_again(world: World) -> None:
    tables = ("deadline_policies", "reminder_policies", "escalation_policies", "calendar_days", "code_values")
    counts = "SELECT " + ", ".join(f"(SELECT count(*) FROM {table}) AS {table}" for table in tables)
    before = tuple((await world.rows(counts))[0])
    assert all(before)
    await world.rows("UPDATE code_values SET label = '改过' WHERE code = 'fire'")
    async with world.db.transaction() as tx:
        await seeding.seed(tx)
    assert tuple((await world.rows(counts))[0]) == before
    assert await world.value("SELECT label FROM code_values WHERE code = 'fire'") == "改过"


async def test_the_calendar_of_2026_is_settled_and_2027_is_not(world: World) -> None:
    async with world.db.transaction() as tx:
        calendar = (await Rulebooks().current(tx)).calendar
    assert calendar.days[date(2026, 10, 10)] is DayKind.MAKE_UP
    assert not calendar.is_working(date(2026, 10, 7))
    assert calendar.is_working(date(2026, 2, 14))
    assert calendar.is_settled(date(2026, 12, 31))
    assert not calendar.is_settled(date(2030, 1, 1))


async def test_area_paths_compare_byte_by_byte(world: World) -> None:
    collation = (
        "SELECT count(*) FROM pg_attribute a JOIN pg_collation c ON c.oid = a.attcollation "
        "JOIN pg_class t ON t.oid = a.attrelid "
        "WHERE a.attname = 'area_path' AND t.relkind IN ('r', 'p') AND c.collname <> 'C'"
    )
    assert await world.value(collation) == 0
