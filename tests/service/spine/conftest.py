"""A toy database on real PostgreSQL for each test of the spine."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from libs.common.db import Database
from tests.support import toyservice as toys

CreateDatabase = Callable[[str | None], Awaitable[str]]


@pytest.fixture
async def toy_url(create_database: CreateDatabase) -> str:
    """The address of a database that holds the toy service's tables and nothing else."""
    url = await create_database(None)
    await toys.create_tables(url)
    return url


@pytest.fixture
async def db(toy_url: str) -> AsyncIterator[Database]:
    """The toy database; every connection comes back to the pool before the test may end."""
    database = Database(toy_url, pool_size=8, application_name="spine")
    yield database
    await database.close()
