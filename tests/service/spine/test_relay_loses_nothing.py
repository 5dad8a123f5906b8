"""Nothing announced is lost, and nothing of one aggregate is reordered, whatever writers, relays and logs do."""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import pytest

from libs.common import relay as relays
from libs.common.bus.base import Message
from libs.common.clock import SystemClock
from libs.common.db import Database
from libs.common.envelope import from_message, to_message
from libs.common.ids import new_id
from libs.common.outbox import UNPUBLISHED, announce
from libs.common.relay import Relay
from tests.support import toyservice as toys
from tests.support.memory_bus import MemoryBus
from tests.support.waiting import until

WRITERS = 16
CLOCK = SystemClock()


class RolledBack(Exception):
    """A writer changes its mind."""


class Writers:
    """Sixteen writers on a few hot things: each holds its transaction for a while, three in ten roll back."""

    def __init__(self, url: str, things: int = 12) -> None:
        self.db = Database(url, pool_size=WRITERS)
        self.ids = [new_id() for _ in range(things)]
        self.committed: defaultdict[str, list[int]] = defaultdict(list)
        self._dice = random.Random(13)

    async def begin(self) -> None:
        async with self.db.transaction() as tx:
            await toys.make_things(tx, [toys.Make(id, "hot") for id in self.ids], CLOCK.now())
        for id in self.ids:
            self.committed[str(id)].append(1)

    async def write(self, rounds: int) -> None:
        await asyncio.gather(*(self._writer(rounds) for _ in range(WRITERS)))

    async def _writer(self, rounds: int) -> None:
        for _ in range(rounds):
            try:
                await self._one(self._dice.choice(self.ids))
            except RolledBack:
                continue

    async def _one(self, id: UUID) -> None:
        async with self.db.transaction() as tx:
            version = await tx.fetchval("UPDATE things SET version = version + 1 WHERE id = $1 RETURNING version", id)
            await announce(tx, [toys.change_of(id, version, "hot", CLOCK.now())])
            await tx.flush()
            await asyncio.sleep(self._dice.random() * 0.01)  # the hold: others commit before us with higher ids
            if self._dice.random() < 0.3:
                raise RolledBack
        self.committed[str(id)].append(version)

    def count(self) -> int:
        return sum(len(versions) for versions in self.committed.values())


def first_seen(bus: MemoryBus) -> dict[str, list[int]]:
    """The versions of each aggregate in the order in which the log saw them first."""
    seen: defaultdict[str, list[int]] = defaultdict(list)
    for delivered in list(bus.log):
        event = from_message(delivered.message)
        if event.sequence not in seen[event.key]:
            seen[event.key].append(event.sequence)
    return seen


def distinct(bus: MemoryBus) -> int:
    return sum(len(versions) for versions in first_seen(bus).values())


def broken_order(bus: MemoryBus) -> list[str]:
    return [key for key, versions in first_seen(bus).items() if versions != sorted(versions)]


@pytest.fixture
async def writers(toy_url: str) -> AsyncIterator[Writers]:
    made = Writers(toy_url)
    await made.begin()
    yield made
    await made.db.close()


@pytest.fixture(autouse=True)
def short_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relays, "LEASE_SECONDS", 0.6)
    monkeypatch.setattr(relays, "_MEET_SECONDS", 0.1)


def a_relay(db: Database, bus: MemoryBus, holder: str, per_shard: int = 20) -> Relay:
    return Relay(db, bus, CLOCK, holder=holder, source=toys.SOURCE, per_shard=per_shard)


async def unpublished(db: Database) -> int:
    rows = await toys.rows_of(db, f"SELECT count(*) AS n FROM {UNPUBLISHED}")
    return int(rows[0]["n"])


async def test_two_relays_lose_and_reorder_nothing_and_one_may_die(
    toy_url: str, db: Database, writers: Writers
) -> None:
    other, bus, stop = Database(toy_url), MemoryBus(), asyncio.Event()
    bus.lose_answers = 3
    dying = asyncio.create_task(a_relay(db, bus, "dying").run(stop))
    living = asyncio.create_task(a_relay(other, bus, "living").run(stop))
    writing = asyncio.create_task(writers.write(40))
    await until(lambda: distinct(bus) > 100)
    dying.cancel()  # as kill -9 would: nothing is given back, the leases simply end
    await asyncio.gather(dying, return_exceptions=True)
    bus.fail_publishes = 2
    await writing
    await until(lambda: distinct(bus) >= writers.count())
    stop.set()
    await living
    assert first_seen(bus) == {key: sorted(versions) for key, versions in writers.committed.items()}
    assert broken_order(bus) == []
    assert await unpublished(db) == 0
    assert await toys.rows_of(db, "SELECT holder FROM relay_leases WHERE holder <> 'dying' AND holder <> ''") == []
    await other.close()


async def test_control_a_relay_that_reads_past_its_last_id_loses(db: Database, writers: Writers) -> None:
    bus, last, stop = MemoryBus(), 0, asyncio.Event()

    async def naive() -> None:
        nonlocal last
        while True:
            ending = stop.is_set()
            rows = await toys.rows_of(db, "SELECT * FROM outbox WHERE id > $1 ORDER BY id LIMIT 100", last)
            await bus.publish([to_message(relays.event_of(row, toys.SOURCE)) for row in rows])
            last = rows[-1]["id"] if rows else last
            if ending and not rows:
                return
            await asyncio.sleep(0.001)

    reading = asyncio.create_task(naive())
    await writers.write(15)
    stop.set()
    await reading
    assert distinct(bus) < writers.count(), "the control must lose, or the test above is blind"


async def test_control_two_readers_of_one_shard_break_the_order(db: Database) -> None:
    bus, id = MemoryBus(), new_id()
    async with db.transaction() as tx:
        await announce(tx, [toys.change_of(id, version, "hot", CLOCK.now()) for version in (1, 2)])
    taken, overtaken = asyncio.Event(), asyncio.Event()

    async def naive(slow: bool) -> None:
        async with db.transaction() as tx:
            row = await tx.fetchrow("SELECT * FROM outbox ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED")
            assert row is not None
            taken.set()
            if slow:
                await overtaken.wait()
            await bus.publish([to_message(relays.event_of(row, toys.SOURCE))])

    first = asyncio.create_task(naive(slow=True))
    await taken.wait()
    await naive(slow=False)
    overtaken.set()
    await first
    assert broken_order(bus) == [str(id)], "the control must reorder, or the check of the order is blind"


async def test_shards_are_shared_and_handed_over(toy_url: str, db: Database) -> None:
    other, bus = Database(toy_url), MemoryBus()
    stops = [asyncio.Event(), asyncio.Event()]

    async def held(holder: str) -> int:
        rows = await toys.rows_of(
            db, "SELECT count(*) AS n FROM relay_leases WHERE holder = $1 AND expires_at > clock_timestamp()", holder
        )
        return int(rows[0]["n"])

    async def holding(one: int, two: int) -> bool:
        return (await held("one"), await held("two")) == (one, two)

    first = asyncio.create_task(a_relay(db, bus, "one").run(stops[0]))
    await until(lambda: holding(8, 0))
    second = asyncio.create_task(a_relay(other, bus, "two").run(stops[1]))
    await until(lambda: holding(4, 4))
    stops[0].set()
    await first
    await until(lambda: holding(0, 8))
    stops[1].set()
    await second
    assert await toys.rows_of(db, "SELECT holder FROM relay_members") == []
    await other.close()


class SlowAnswers(MemoryBus):
    """Stores what it is given, and answers when it is let."""

    def __init__(self, log: MemoryBus) -> None:
        super().__init__()
        self.inner = log
        self.stored = asyncio.Event()
        self.let = asyncio.Event()

    async def identity(self) -> str:
        return await self.inner.identity()

    async def publish(self, messages: Sequence[Message]) -> None:
        await self.inner.publish(messages)
        self.stored.set()
        await self.let.wait()


async def some_events(db: Database, count: int) -> None:
    async with db.transaction() as tx:
        await toys.make_things(tx, [toys.Make(new_id(), f"thing {n}") for n in range(count)], CLOCK.now())


async def test_a_holder_that_lost_its_lease_marks_nothing(toy_url: str, db: Database) -> None:
    other, log = Database(toy_url), MemoryBus()
    slow = SlowAnswers(log)
    late, next_one = a_relay(db, slow, "late"), a_relay(other, log, "next")
    await late.meet_log()
    await some_events(db, 20)
    hanging = asyncio.create_task(late.publish_once())
    await slow.stored.wait()
    async with other.transaction() as tx:
        await tx.execute("UPDATE relay_leases SET expires_at = '-infinity'")  # as time would
        await tx.execute("DELETE FROM relay_members")
    await next_one.meet_log()
    assert await next_one.publish_once() == 20  # again: nobody had said that they are out
    async with db.transaction() as tx:
        await tx.execute("DELETE FROM relay_marks")
    slow.let.set()
    await hanging
    assert await unpublished(db) == 20
    await other.close()


async def test_what_went_to_a_log_that_was_replaced_meanwhile_is_sent_again(toy_url: str, db: Database) -> None:
    other, log = Database(toy_url), MemoryBus()
    slow = SlowAnswers(log)
    late, next_one = a_relay(db, slow, "late"), a_relay(other, log, "next")
    await late.meet_log()
    await some_events(db, 20)
    hanging = asyncio.create_task(late.publish_once())
    await slow.stored.wait()
    log.forget_everything()
    await next_one.meet_log()
    slow.let.set()
    await hanging
    assert await unpublished(db) == 20
    assert await next_one.publish_once() + await late.publish_once() == 20  # they share the shards
    assert distinct(log) == 20
    await other.close()


async def test_a_new_log_gets_everything_again_while_the_relay_runs(db: Database) -> None:
    bus, stop = MemoryBus(), asyncio.Event()
    running = asyncio.create_task(a_relay(db, bus, "one").run(stop))
    await some_events(db, 50)
    await until(lambda: distinct(bus) == 50)
    bus.forget_everything()
    await until(lambda: distinct(bus) == 50)
    await some_events(db, 5)
    await until(lambda: distinct(bus) == 55)
    calls = bus.published_calls
    stop.set()
    await running
    await asyncio.sleep(0)
    assert bus.published_calls == calls


async def test_the_same_log_gets_nothing_again(db: Database) -> None:
    bus = MemoryBus()
    for holder in ("one", "two"):
        relay = a_relay(db, bus, holder)
        await relay.meet_log()
        await some_events(db, 10)
        assert await relay.publish_once() == 10
        assert await relay.publish_once() == 0
        async with db.transaction() as tx:
            await tx.execute("UPDATE relay_leases SET expires_at = '-infinity'")
            await tx.execute("DELETE FROM relay_members")
    assert len(bus.log) == 20


async def test_a_bus_that_is_away_is_waited_for(db: Database) -> None:
    bus, stop = MemoryBus(), asyncio.Event()
    bus.away = True
    running = asyncio.create_task(a_relay(db, bus, "one").run(stop))
    await some_events(db, 10)
    await until(lambda: bus.identity_asked >= 2)
    assert bus.log == []
    bus.away = False
    await until(lambda: distinct(bus) == 10)
    stop.set()
    await running


async def test_a_bus_that_is_away_is_not_asked_at_every_commit(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_FIRST_PAUSE", "_LONGEST_PAUSE"):
        monkeypatch.setattr(relays, name, 3600)
    bus, stop = MemoryBus(), asyncio.Event()
    bus.away = True
    running = asyncio.create_task(a_relay(db, bus, "one").run(stop))
    await until(lambda: bus.identity_asked >= 1)
    for _ in range(30):
        await some_events(db, 1)
    assert bus.identity_asked == 1
    stop.set()
    await asyncio.wait_for(running, 5)


async def test_an_event_that_no_log_takes_is_refused_where_it_is_made(db: Database) -> None:
    id = new_id()
    with pytest.raises(ValueError, match="too large"):
        async with db.transaction() as tx:
            await toys.make_things(tx, [toys.Make(id, "灾" * 300_000)], CLOCK.now())
    assert await toys.rows_of(db, "SELECT * FROM things") == []
    async with db.transaction() as tx:
        await toys.make_things(tx, [toys.Make(id, "灾" * 250_000)], CLOCK.now())
    bus = MemoryBus()
    relay = a_relay(db, bus, "one")
    await relay.meet_log()
    assert await relay.publish_once() == 1
    assert distinct(bus) == 1


async def test_the_event_on_the_bus_is_the_event_announced(db: Database) -> None:
    bus, event = MemoryBus(), toys.change_of(new_id(), 3, "标签 🧯 \\u0000", CLOCK.now())
    async with db.transaction() as tx:
        await announce(tx, [event])
    relay = a_relay(db, bus, "one")
    await relay.meet_log()
    await relay.publish_once()
    (delivered,) = bus.log
    assert from_message(delivered.message) == event
    assert delivered.message == to_message(event)


async def test_events_of_one_announcement_keep_their_order(db: Database) -> None:
    bus, id = MemoryBus(), new_id()
    async with db.transaction() as tx:
        await announce(tx, [toys.change_of(id, n, "x", CLOCK.now()) for n in range(1, 500)])
    relay = a_relay(db, bus, "one", per_shard=100)
    await relay.meet_log()
    while await relay.publish_once():
        pass
    assert [from_message(d.message).sequence for d in bus.log] == list(range(1, 500))
