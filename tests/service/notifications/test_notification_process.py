"""The whole process over a real log: killed with -9 in the middle, started again, told to stop."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from libs.common.bus import create_bus
from libs.common.bus.topics import load_topics
from libs.common.contracts import hazards as said
from libs.common.contracts import registry
from libs.common.envelope import to_message
from libs.common.ids import new_id
from tests.service.notifications.conftest import AREAS, GRID, START, Hazard, announced, area, person
from tests.support.phones import Phones
from tests.support.waiting import until

pytestmark = pytest.mark.slow

HAZARDS = 300


@contextmanager
def started(environment: dict[str, str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.notifications", "worker"],
            env=os.environ | environment,
            cwd=Path(__file__).parents[3],
            stdout=output,
            stderr=output,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


async def test_killed_in_the_middle_nothing_is_lost_and_nothing_doubled(
    create_database: Callable[[str | None], Awaitable[str]], tmp_path: Path
) -> None:
    url, log_url = await create_database("notifications"), await create_database(None)
    environment = {
        "DATABASE_URL": url,
        "BUS": "postgres",
        "BUS_DATABASE_URL": log_url,
        "ENVIRONMENT": "test",
        "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.1/32",
        "WEBHOOK_TIMEOUT_SECONDS": "1",
    }
    bus = create_bus("postgres", bus_database_url=log_url)
    await bus.start()
    await bus.ensure_topics(load_topics())
    own = await asyncpg.connect(url)
    try:
        async with Phones() as phones:
            await own.execute(
                "INSERT INTO contacts (id, person_id, channel, area_path, address, version, created_at, created_by) "
                "VALUES ($1, $2, 'webhook', '410503', $3, 1, $4, 'test')",
                new_id(),
                person("网格员"),
                phones.phone("grid").url,
                START,
            )
            posts = [registry.AreaPost(person_id=person("网格员"), role="grid_worker")]
            await bus.publish([to_message(announced(area(c, posts=posts if c == GRID else ()))) for c in AREAS])

            async def count(table: str, where: str = "true") -> int:
                found: int = await own.fetchval(f"SELECT count(*) FROM {table} WHERE {where}")
                return found

            async def some_are_open() -> bool:
                return await count("alerts") > 0

            async def all_are_told() -> bool:
                return await count("deliveries", "state = 'delivered'") == HAZARDS

            with started(environment, tmp_path / "log") as process:
                await until(lambda: _is_positive(count("areas")), 30)
                for n in range(HAZARDS):
                    hazard = Hazard(number=f"HZ-410503-2026-{n:06d}")
                    await bus.publish([to_message(hazard.tells(said.HazardFound, START))])
                await until(some_are_open, 30)
                process.send_signal(signal.SIGKILL)
                process.wait()
            with started(environment, tmp_path / "log") as process:
                await until(all_are_told, 60)
                assert await count("alerts") == HAZARDS
                assert await count("outbox", "type = 'alert-opened'") == HAZARDS
                calls = phones.phone("grid").take_all()
                assert len({call.delivery_id for call in calls}) == HAZARDS
                began = time.monotonic()
                process.send_signal(signal.SIGTERM)
                assert process.wait(10) == 0, (tmp_path / "log").read_text()
                assert time.monotonic() - began < 10
    finally:
        await own.close()
        await bus.stop()


async def _is_positive(number: Awaitable[int]) -> bool:
    return await number > 0
