"""The history of the tables: up, down and up again, without drift, and seeded once."""

import asyncio
from collections.abc import Awaitable, Callable

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from libs.common.db import Database
from libs.common.migrations import downgrade, upgrade
from services.notifications.store.seeding import seed
from services.notifications.store.tables import Base
from tests.service.notifications.conftest import World


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, Base.metadata))


async def test_the_tables_are_those_that_the_code_declares(
    create_database: Callable[[str | None], Awaitable[str]],
) -> None:
    url = await create_database("notifications")
    engine = create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"))
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
        await connection.exec_driver_sql("ALTER TABLE alerts DROP COLUMN recheck")
        assert await connection.run_sync(differences) != []
    await engine.dispose()


async def test_the_history_goes_down_and_up_again(
    create_database: Callable[[str | None], Awaitable[str]],
) -> None:
    url = await create_database(None)
    for _ in range(2):
        await asyncio.to_thread(upgrade, "notifications", url)
        await asyncio.to_thread(downgrade, "notifications", url, "base")
    db = Database(url, pool_size=2)
    async with db.transaction() as tx:
        left = await tx.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    await db.close()
    assert [row["tablename"] for row in left] == ["alembic_version"]


async def test_seeds_are_put_in_once(world: World) -> None:
    before = (
        await world.value("SELECT count(*) FROM ladder_policies"),
        await world.value("SELECT count(*) FROM templates"),
    )
    assert min(before) > 10
    db = Database(world.url, pool_size=2)
    async with db.transaction() as tx:
        await seed(tx)
    await db.close()
    assert before == (
        await world.value("SELECT count(*) FROM ladder_policies"),
        await world.value("SELECT count(*) FROM templates"),
    )
