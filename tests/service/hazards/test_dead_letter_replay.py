"""`python -m services.hazards replay`: what was buried for a fault of ours is healed by one command, and it says so."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

import pytest

from libs.common.bus.base import Message
from libs.common.clock import SystemClock
from libs.common.consumer import Consumer
from libs.common.db import Database, Tx
from libs.common.envelope import Event, to_message
from services.hazards import consumers
from tests.support import world
from tests.support.memory_bus import MemoryBus


async def replay(url: str) -> tuple[int, str]:
    """Exit code and output of the command."""
    environment = {"DATABASE_URL": url, "BUS": "postgres", "BUS_DATABASE_URL": url, "LOG_LEVEL": "CRITICAL"}
    command = [sys.executable, "-m", "services.hazards", "replay"]
    done = await asyncio.to_thread(
        subprocess.run, command, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout.strip()


@pytest.mark.parametrize(("noise", "outcome"), [(0, (0, "healed 8, left 0")), (1, (1, "healed 8, left 1"))])
async def test_one_command_heals_what_the_mended_code_can_read(
    create_database: Callable[[str | None], Awaitable[str]], noise: int, outcome: tuple[int, str]
) -> None:
    url = await create_database("hazards")
    db, bus = Database(url, pool_size=2), MemoryBus()
    try:
        await bury_all(db, bus, noise)
        assert await replay(url) == outcome
        async with db.transaction() as tx:
            assert await tx.fetchval("SELECT count(*) FROM enterprises") == 2
            assert await tx.fetchval("SELECT count(*) FROM areas") == len(world.AREAS)
            assert await tx.fetchval("SELECT count(*) FROM dead_letters WHERE replayed_at IS NULL") == noise
    finally:
        await db.close()


async def bury_all(db: Database, bus: MemoryBus, noise: int) -> None:
    """What the registry announced comes to code that is not up to it."""

    async def broken(tx: Tx, events: Sequence[Event], now: datetime) -> None:
        raise LookupError("a fault of ours")

    await bus.publish([to_message(event) for event in world.announcements(datetime.now(UTC))])
    for _ in range(noise):
        bus.put(Message(consumers.TOPICS[0], b"noise", b"no JSON", ()))
    await Consumer("hazards", db, bus, consumers.TOPICS, broken, SystemClock()).handle(bus.log)
