"""What every test may use: databases of its own on the PostgreSQL that belongs to this run of pytest."""

from collections.abc import AsyncIterator, Awaitable, Callable, Generator

import pytest

from tests.support import kafka, postgres

_run_key = pytest.StashKey[postgres.TestRun]()


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # workers share the run of the process that started them
        config.stash[_run_key] = postgres.TestRun()


def pytest_unconfigure(config: pytest.Config) -> None:
    if run := config.stash.get(_run_key, None):
        run.end()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """One line in the summary for all tests that were skipped for want of Kafka."""
    return kafka.fold_skips((yield))


@pytest.fixture
async def create_database() -> AsyncIterator[Callable[[str | None], Awaitable[str]]]:
    """`await create_database("hazards")` → address of a migrated database (None: an empty one), dropped afterwards."""
    made: list[str] = []

    async def create(service: str | None = None) -> str:
        made.append(await postgres.create_database(service))
        return made[-1]

    yield create
    for url in made:
        await postgres.drop_database(url)
