"""A worker killed with -9 in the middle of an import: another finishes it, with the counts of an import in peace."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from libs.common.outbox import UNPUBLISHED
from tests.service.registry.conftest import World
from tests.support import registry as files
from tests.support.registry import Office, credit_code, workbook

ROOT = Path(__file__).parents[3]
LINES = 1500


@asynccontextmanager
async def worker(world: World, bus: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m services.registry worker` over the world's database; killed at the end if it still runs."""
    environment = {**os.environ, "ENVIRONMENT": "test", "DATABASE_URL": world.url, "BUS_DATABASE_URL": bus}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.registry", "worker"),
        cwd=ROOT,
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def until(world: World, sql: str) -> None:
    """Waits until the statement says true."""
    async with asyncio.timeout(60):
        while not await world.value(sql):
            continue


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["claimed", "reading", "writing"])
async def test_an_import_survives_its_worker(
    world: World, create_database: Callable[[str | None], Awaitable[str]], moment: str
) -> None:
    office = Office(merge_communities=True)
    for number in range(LINES):
        office.add(name=f"第{number}厂", code=credit_code(number), grade="E" if number % 10 == 0 else "B")
    answer = await world.district().upload("enterprises", workbook(office))
    bus = await create_database(None)
    signs = {
        "claimed": "SELECT state = 'running' FROM imports ORDER BY id DESC LIMIT 1",
        "reading": "SELECT progress >= 50 FROM imports ORDER BY id DESC LIMIT 1",
        "writing": "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))",
    }
    async with worker(world, bus) as first:
        await until(world, signs[moment])
        first.send_signal(signal.SIGKILL)
        await first.wait()
    before = (await world.district().get(answer.headers["Location"])).json()
    written = await world.value("SELECT count(*) FROM enterprises")
    assert (before["state"], written) in {("running", 0), ("done", LINES * 9 // 10)}
    async with worker(world, bus) as second:
        await until(world, "SELECT state = 'done' FROM imports ORDER BY id DESC LIMIT 1")
        await until(world, f"SELECT NOT EXISTS (SELECT 1 FROM {UNPUBLISHED})")
        second.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await second.wait() == 0
    job = (await world.district().get(answer.headers["Location"])).json()
    counts = [job[name] for name in ("rows", "created", "updated", "unchanged", "rejected")]
    assert counts == [LINES, LINES * 9 // 10, 0, 0, LINES // 10]
    assert await world.value("SELECT count(*) FROM outbox WHERE type = 'enterprise-registered'") == LINES * 9 // 10
    assert len(files.AREAS) == await world.value("SELECT count(*) FROM outbox WHERE type = 'area-changed'")
