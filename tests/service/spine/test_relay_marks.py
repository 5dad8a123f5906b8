"""How far the outbox is published is said by marks; what commits late below them is not lost, whoever writes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import asyncpg
import pytest

from libs.common import relay as relays
from libs.common import settled as settling
from libs.common.bus.base import Message
from libs.common.clock import SystemClock
from libs.common.db import Database
from libs.common.envelope import from_message, to_message
from libs.common.ids import new_id
from libs.common.outbox import UNPUBLISHED, announce
from libs.common.relay import Relay
from libs.common.relay_leases import Leases
from tests.support import toyservice as toys
from tests.support.memory_bus import MemoryBus

CLOCK = SystemClock()
_LAST = "SELECT DISTINCT ON (shard) published_to, published_beyond FROM relay_marks ORDER BY shard, id DESC"


@pytest.fixture(autouse=True)
def looks_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "_LOOK_SECONDS", 0.0)


@pytest.fixture
async def relay(db: Database) -> tuple[Relay, MemoryBus]:
    bus = MemoryBus()
    made = Relay(db, bus, CLOCK, holder="one", source=toys.SOURCE)
    await made.meet_log()
    return made, bus


async def tell(db: Database, count: int = 1) -> None:
    async with db.transaction() as tx:
        await announce(tx, [toys.change_of(new_id(), 1, "told", CLOCK.now()) for _ in range(count)])


async def last_marks(db: Database) -> tuple[int, int]:
    """The highest id below which a shard is done, and how many ids are noted beyond."""
    rows = await toys.rows_of(db, _LAST)
    return max(row["published_to"] for row in rows), sum(len(row["published_beyond"]) for row in rows)


async def waiting(db: Database) -> int:
    rows = await toys.rows_of(db, f"SELECT count(*) AS n FROM {UNPUBLISHED}")
    return int(rows[0]["n"])


async def highest(db: Database) -> int:
    rows = await toys.rows_of(db, "SELECT max(id) AS top FROM outbox")
    return int(rows[0]["top"])


@asynccontextmanager
async def idle_in_transaction(url: str, *statements: str) -> AsyncIterator[None]:
    connection = await asyncpg.connect(url)
    await connection.execute("BEGIN")
    for statement in statements:
        await connection.execute(statement)
    yield
    await connection.execute("COMMIT")
    await connection.close()


async def test_what_commits_below_what_is_published_is_published(db: Database, relay: tuple[Relay, MemoryBus]) -> None:
    one, bus = relay
    late = toys.change_of(new_id(), 1, "late", CLOCK.now())
    async with db.transaction() as tx:
        await announce(tx, [late])
        await tx.flush()  # its place in the outbox is taken now
        for _ in range(3):
            await tell(db, 20)
            assert await one.publish_once() == 20
            assert await one.publish_once() == 0
        assert (await last_marks(db))[1] > 0, "the control: without the late one nothing would be noted beyond"
    assert await waiting(db) == 1
    assert await one.publish_once() == 1
    assert from_message(bus.log[-1].message) == late
    await tell(db)
    assert await one.publish_once() == 1
    await tell(db)
    assert await one.publish_once() == 1
    assert await waiting(db) == 0
    assert (await last_marks(db))[0] >= await highest(db) - 1


async def test_who_does_not_write_events_holds_up_nothing(
    toy_url: str, db: Database, relay: tuple[Relay, MemoryBus], create_database: Callable[[str | None], Awaitable[str]]
) -> None:
    one, _ = relay
    elsewhere = await create_database(None)
    thing = f"INSERT INTO things (id, version, state, label, weight) VALUES ('{new_id()}', 1, '', '', 1)"
    async with (
        idle_in_transaction(elsewhere, "CREATE TABLE any_table (id int)"),
        idle_in_transaction(toy_url, thing),
        idle_in_transaction(toy_url, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM outbox"),
    ):
        for _ in range(3):
            await tell(db, 20)
            assert await one.publish_once() == 20
        assert await last_marks(db) == (await highest(db), 0)


async def test_rows_of_the_outbox_stay_as_they_were_written(db: Database, relay: tuple[Relay, MemoryBus]) -> None:
    one, bus = relay
    await tell(db, 30)
    before = await toys.rows_of(db, "SELECT ctid, xmin, id FROM outbox ORDER BY id")
    assert await one.publish_once() == 30
    bus.forget_everything()
    await one.meet_log()
    assert await waiting(db) == 30
    assert await one.publish_once() == 30
    assert await toys.rows_of(db, "SELECT ctid, xmin, id FROM outbox ORDER BY id") == before


async def test_marks_that_others_have_followed_are_swept(
    db: Database, relay: tuple[Relay, MemoryBus], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _ = relay
    monkeypatch.setattr(relays, "LEASE_SECONDS", 60.0)
    for _ in range(5):
        for _ in range(4):
            await tell(db, 40)
            await one.publish_once()
        one._leases._renew_at = 0.0  # as time would
    await one.publish_once()
    rows = await toys.rows_of(db, "SELECT count(*) AS n FROM relay_marks")
    assert rows[0]["n"] == 8
    assert await waiting(db) == 0


async def test_the_next_holder_goes_on_where_the_last_one_was(
    toy_url: str, db: Database, relay: tuple[Relay, MemoryBus]
) -> None:
    one, bus = relay
    async with db.transaction() as tx:
        await announce(tx, [toys.change_of(new_id(), 1, "late", CLOCK.now())])
        await tx.flush()
        await tell(db, 50)
        assert await one.publish_once() == 50
    other = Database(toy_url)
    await one._leases.release()
    two = Relay(other, bus, CLOCK, holder="two", source=toys.SOURCE)
    assert await two.publish_once() == 1
    assert len(bus.log) == 51
    await other.close()


async def test_who_learnt_it_from_another_server_marks_nothing(db: Database, relay: tuple[Relay, MemoryBus]) -> None:
    """A replica that took over may lack the last rows and give their ids to others, which nobody has published."""
    leases = Leases(db, "one")
    held = list(await leases.hold(60.0))
    assert len(held) == 8
    for shard in held:
        shard.published([], 1000, 250)
    elsewhere = [replace(shard, server=shard.server - timedelta(hours=1)) for shard in held]
    await leases.mark(elsewhere)
    assert await toys.rows_of(db, "SELECT * FROM relay_marks") == []
    assert {shard.published_to for shard in await leases.hold(60.0)} == {0}, "what was believed is forgotten"
    await leases.mark(held)
    assert len(await toys.rows_of(db, "SELECT * FROM relay_marks")) == 8, "the control: the server itself marks"


async def test_two_lanes_keep_the_order_of_a_key(db: Database, relay: tuple[Relay, MemoryBus]) -> None:
    _, bus = relay
    one = Relay(db, bus, CLOCK, holder="one", source=toys.SOURCE, per_shard=10)
    ids = [new_id() for _ in range(20)]
    async with db.transaction() as tx:
        await announce(tx, [toys.change_of(id, version, "x", CLOCK.now()) for version in range(1, 31) for id in ids])
    while await one.publish_once():
        pass
    for id in ids:
        told = [from_message(d.message).sequence for d in bus.log if d.message.key == str(id).encode()]
        assert told == list(range(1, 31))


@pytest.mark.parametrize("microsecond", [0, 120, 999_999])
async def test_the_message_of_a_row_is_that_of_its_event(
    db: Database, relay: tuple[Relay, MemoryBus], microsecond: int
) -> None:
    one, bus = relay
    now = datetime(2026, 3, 1, 7, 59, 59, microsecond, tzinfo=timezone(timedelta(hours=8)))
    event = replace(toys.change_of(new_id(), 2**40, '隐患 "x"', now), traceparent="00-1")
    async with db.transaction() as tx:
        await announce(tx, [event])
    await one.publish_once()
    assert bus.log[-1].message == to_message(event)


async def test_what_is_announced_while_a_relay_gathers_goes_out_together(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lone event goes at once; those behind it wait for each other."""
    bus, stop, rests, ended = MemoryBus(), asyncio.Event(), asyncio.Queue[float](), asyncio.Semaphore(0)

    async def rest(stopping: asyncio.Event, seconds: float) -> None:
        assert stopping is stop
        rests.put_nowait(seconds)
        await ended.acquire()

    monkeypatch.setattr(relays, "rest", rest)
    published: list[int] = []
    publish = bus.publish

    async def counted(messages: Sequence[Message]) -> None:
        published.append(len(messages))
        await publish(messages)

    monkeypatch.setattr(bus, "publish", counted)
    running = asyncio.create_task(
        Relay(db, bus, CLOCK, holder="one", source=toys.SOURCE, gather=0.25).run(stop), name="relay"
    )
    await tell(db)
    assert await asyncio.wait_for(rests.get(), 10) == 0.25
    for _ in range(3):
        await tell(db)
    assert published == [1], "they gather"
    ended.release()
    await asyncio.wait_for(rests.get(), 10)
    assert published == [1, 3]
    stop.set()
    ended.release()
    await running
