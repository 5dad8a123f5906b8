"""A copy that somebody emptied is filled again by the next start, from the log alone; a full one is not read anew."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime

import pytest

from libs.common.clock import SystemClock
from libs.common.consumer import Consumer
from libs.common.db import Database
from libs.common.envelope import to_message
from services.hazards import consumers as hazards
from services.notifications import consumers as notifications
from tests.support import world
from tests.support.memory_bus import MemoryBus
from tests.support.waiting import until

COPIES = ("areas", "enterprises")
Make = Callable[[], Consumer]


@pytest.fixture
def bus() -> MemoryBus:
    """The log; it outlives every start of the service."""
    return MemoryBus()


@pytest.fixture(params=["hazards", "notifications"])
async def service(
    request: pytest.FixtureRequest, bus: MemoryBus, create_database: Callable[[str | None], Awaitable[str]]
) -> AsyncIterator[tuple[Database, Make]]:
    """The database of a service that keeps copies, and how its consumer is made at a start."""
    db = Database(await create_database(request.param), pool_size=2)

    def make() -> Consumer:
        if request.param == "hazards":
            return Consumer("hazards", db, bus, hazards.TOPICS, hazards.apply, SystemClock(), copies=hazards.COPIES)
        apply = notifications.apply_events(3)
        return Consumer(
            "notifications", db, bus, notifications.TOPICS, apply, SystemClock(), copies=notifications.COPIES
        )

    await bus.publish([to_message(event) for event in world.announcements(datetime.now(UTC))])
    yield db, make
    await db.close()


@pytest.mark.parametrize("emptied", [COPIES, COPIES[1:]], ids=["both", "one"])
async def test_an_emptied_copy_is_filled_again_by_the_next_start(
    service: tuple[Database, Make], emptied: Sequence[str], bus: MemoryBus
) -> None:
    db, make = service
    await run_until_read(make, bus)
    before = await rows(db)
    assert all(before.values())
    for _ in range(2):  # and so again the next time
        await empty(db, emptied)
        await run_until_read(make, bus)
        assert await rows(db) == before


async def test_what_is_announced_after_a_second_reading_is_read_once(
    service: tuple[Database, Make], bus: MemoryBus
) -> None:
    db, make = service
    await run_until_read(make, bus)
    await empty(db, COPIES)
    await run_until_read(make, bus)
    await bus.publish([to_message(event) for event in world.announcements(datetime.now(UTC))])
    await run_until_read(make, bus)
    first, second, third = bus.subscribed
    assert first != second == third, "a start over full copies goes on where the last one stopped"


async def test_a_copy_that_never_had_a_row_is_not_missed(service: tuple[Database, Make], bus: MemoryBus) -> None:
    _, make = service
    bus.log = [item for item in bus.log if item.message.topic == hazards.TOPICS[0]]
    for _ in range(2):
        await run_until_read(make, bus)
    assert len(set(bus.subscribed)) == 1


async def run_until_read(make: Make, bus: MemoryBus) -> None:
    """A start: the service reads until it has acknowledged all that its group had before it, and ends."""
    consumer, stop, starts = make(), asyncio.Event(), len(bus.subscribed)
    running = asyncio.create_task(consumer.run(stop))
    await until(lambda: len(bus.subscribed) > starts and not bus.waiting(bus.subscribed[-1], hazards.TOPICS))
    stop.set()
    await running


async def empty(db: Database, tables: Sequence[str]) -> None:
    async with db.transaction() as tx:
        await tx.execute(f"TRUNCATE {', '.join(tables)}")


async def rows(db: Database) -> dict[str, list[str]]:
    """Everything in the copies."""
    async with db.transaction() as tx:
        return {t: [r[0] for r in await tx.fetch(f"SELECT c::text FROM {t} c ORDER BY id")] for t in COPIES}
