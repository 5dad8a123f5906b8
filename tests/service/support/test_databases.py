"""The databases of the tests themselves: separate, migrated when asked, gone afterwards."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import asyncpg

from tests.support import postgres

Create = Callable[..., Awaitable[str]]


async def test_two_databases_do_not_see_each_other(create_database: Create) -> None:
    one, other = await create_database(), await create_database()
    connection = await asyncpg.connect(one)
    await connection.execute("CREATE TABLE here (id int)")
    await connection.close()
    connection = await asyncpg.connect(other)
    assert await connection.fetchval("SELECT to_regclass('here')") is None
    await connection.close()


async def test_contrib_modules_are_there(create_database: Create) -> None:
    connection = await asyncpg.connect(await create_database())
    await connection.execute("CREATE EXTENSION pg_trgm")
    await connection.close()


async def test_a_dropped_database_is_gone_even_while_someone_is_connected() -> None:
    url = await postgres.create_database()
    lingering = await asyncpg.connect(url)
    await postgres.drop_database(url)
    connection = await asyncpg.connect(await postgres.create_database())
    name = urlsplit(url).path[1:]
    assert await connection.fetchval("SELECT count(*) FROM pg_database WHERE datname = $1", name) == 0
    await connection.close()
    lingering.terminate()
