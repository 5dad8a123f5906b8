"""An event has one effect, however often it is delivered and wherever its consumer dies; poison is set aside."""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pytest

from libs.common.bus.base import Delivered, Message, TopicSpec
from libs.common.bus.postgres import PostgresBus
from libs.common.clock import SystemClock
from libs.common.consumer import Apply, Consumer
from libs.common.db import Database, Tx
from libs.common.envelope import Event, from_message, to_message
from libs.common.ids import new_id
from tests.support import toyservice as toys
from tests.support.consumer_process import ForgetfulConsumer
from tests.support.memory_bus import MemoryBus, MemorySubscription
from tests.support.waiting import until

CLOCK = SystemClock()
ROOT = Path(__file__).resolve().parents[3]


def some_events(count: int, label: str = "fine") -> list[Event]:
    return [toys.change_of(new_id(), 1, label, CLOCK.now()) for _ in range(count)]


def a_consumer(
    db: Database, bus: MemoryBus, apply: Apply = toys.apply_changes, kind: type[Consumer] = Consumer
) -> Consumer:
    return kind("toys", db, bus, [toys.TOPIC], apply, CLOCK, batch=40)


async def effects(db: Database) -> Counter[str]:
    """How often each thing was heard of."""
    return Counter(str(row["thing_id"]) for row in await toys.rows_of(db, "SELECT thing_id FROM happenings"))


async def dead(db: Database) -> dict[str, str]:
    """Reasons of the buried messages, by their key."""
    rows = await toys.rows_of(db, "SELECT key, reason FROM dead_letters WHERE replayed_at IS NULL")
    return {row["key"].decode(): row["reason"] for row in rows}


async def consume_all(consumer: Consumer, bus: MemoryBus) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(consumer.run(stop))
    await until(lambda: bus.acked("toys-") == len(bus.log))
    stop.set()
    await running


@pytest.mark.parametrize(("kind", "times"), [(Consumer, 1), (ForgetfulConsumer, 2)], ids=["spine", "control"])
async def test_delivered_twice(db: Database, kind: type[Consumer], times: int) -> None:
    bus, events = MemoryBus(), some_events(100)
    bus.duplicate = True  # twice in one batch, and again in a later one
    await bus.publish([to_message(event) for event in events])
    await bus.publish([to_message(event) for event in events])
    await consume_all(a_consumer(db, bus, kind=kind), bus)
    heard = await effects(db)
    assert set(heard) == {event.key for event in events}
    assert set(heard.values()) == {1 if times == 1 else 4}


class NeverAcknowledged(MemoryBus):
    """Its members reach the point between effect and acknowledgement, and stay there."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = asyncio.Event()
        self.hold = True

    def subscribe(self, group: str, topics: Sequence[str]) -> MemorySubscription:
        bus = self

        class Held(MemorySubscription):
            async def ack(self, delivered: Sequence[Delivered]) -> None:
                if bus.hold:
                    bus.reached.set()
                    await asyncio.Event().wait()
                await super().ack(delivered)

        return Held(self, group, topics)


@pytest.mark.parametrize(("kind", "times"), [(Consumer, 1), (ForgetfulConsumer, 2)], ids=["spine", "control"])
async def test_cut_off_between_effect_and_acknowledgement(db: Database, kind: type[Consumer], times: int) -> None:
    bus, events = NeverAcknowledged(), some_events(30)
    await bus.publish([to_message(event) for event in events])
    cut = asyncio.create_task(a_consumer(db, bus, kind=kind).run(asyncio.Event()))
    await bus.reached.wait()
    cut.cancel()
    with suppress(asyncio.CancelledError):
        await cut
    assert bus.acked("toys-") == 0
    bus.hold = False
    await consume_all(a_consumer(db, bus, kind=kind), bus)
    assert await effects(db) == {event.key: times for event in events}


def start(command: Sequence[str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)


@pytest.mark.parametrize(("flags", "times"), [((), 1), (("--forgetful",), 2)], ids=["spine", "control"])
async def test_killed_between_effect_and_acknowledgement(
    toy_url: str,
    db: Database,
    create_database: Callable[[str | None], Awaitable[str]],
    flags: Sequence[str],
    times: int,
) -> None:
    bus_url, events = await create_database(None), some_events(50)
    bus = PostgresBus(bus_url)
    await bus.start()
    await bus.ensure_topics([TopicSpec(toys.TOPIC, partitions=1)])
    await bus.publish([to_message(event) for event in events])
    await bus.stop()
    command = [sys.executable, "-m", "tests.support.consumer_process", toy_url, bus_url, *flags]
    doomed = start([*command, "--hang-before-ack"])
    try:
        assert doomed.stdout is not None
        said = await asyncio.wait_for(asyncio.to_thread(doomed.stdout.readline), 30)
        assert said.split() == [b"effect", b"50"]
    finally:
        doomed.kill()
        doomed.communicate()
    assert await effects(db) == {event.key: 1 for event in events}
    heir = start(command)
    try:
        last = toys.change_of(new_id(), 1, "last", CLOCK.now())
        await bus.start()
        await bus.publish([to_message(last)])  # one partition: when this one is heard, all before it were heard again
        await bus.stop()

        async def heard_last() -> bool:
            return (await effects(db))[last.key] == 1

        await until(heard_last, 30)
    finally:
        heir.kill()
        heir.communicate()
    assert await effects(db) == {last.key: 1} | {event.key: times for event in events}


async def test_two_members_with_the_same_events_at_the_same_time(toy_url: str, db: Database) -> None:
    """A partition that changes hands may be worked on by both for a moment: the inbox makes the second one wait."""
    other, bus, events = Database(toy_url), MemoryBus(), some_events(200)
    await bus.publish([to_message(event) for event in events])
    consumers = [a_consumer(db, bus), a_consumer(other, bus)]
    await asyncio.gather(*(c.handle(list(reversed(bus.log)) if n else bus.log) for n, c in enumerate(consumers)))
    assert await effects(db) == {event.key: 1 for event in events}
    await other.close()


async def test_poison_is_set_aside_and_its_neighbours_are_handled(db: Database) -> None:
    bus, fine, poison = MemoryBus(), some_events(60), some_events(2, "poison")
    noise = Message(toys.TOPIC, b"noise", b"[" * 50_000, (("ce_id", b"\xff"), ("odd\x00name", b"\x00")))
    await bus.publish([to_message(event) for event in (*fine[:30], poison[0], *fine[30:], poison[1])])
    bus.put(noise)
    await consume_all(a_consumer(db, bus), bus)
    assert await effects(db) == {event.key: 1 for event in fine}
    reasons = await dead(db)
    assert reasons.keys() == {poison[0].key, poison[1].key, "noise"}
    assert reasons[poison[0].key] == "ValueError: this label is poison"
    assert reasons["noise"].startswith("bad_envelope: ")
    await a_consumer(db, bus).handle(bus.log)  # delivered again: nothing new, nothing twice
    assert await effects(db) == {event.key: 1 for event in fine}
    assert len(await toys.rows_of(db, "SELECT * FROM dead_letters")) == 3


async def test_one_poisonous_event_among_many_costs_few_transactions(db: Database) -> None:
    bus, (poison,), fine = MemoryBus(), some_events(1, "poison"), some_events(499)
    tried = 0

    async def counted(tx: Tx, fresh: Sequence[Event], now: datetime) -> None:
        nonlocal tried
        tried += 1
        await toys.apply_changes(tx, fresh, now)

    await bus.publish([to_message(event) for event in (*fine[:123], poison, *fine[123:])])
    await a_consumer(db, bus, counted).handle(bus.log)
    assert await effects(db) == {event.key: 1 for event in fine}
    assert (await dead(db)).keys() == {poison.key}
    assert tried < 30


async def test_order_is_kept_where_a_batch_is_halved(db: Database) -> None:
    bus, key, (poison,) = MemoryBus(), new_id(), some_events(1, "poison")
    events = [toys.change_of(key, version, "fine", CLOCK.now()) for version in range(1, 40)]
    seen: list[int] = []

    async def noted(tx: Tx, fresh: Sequence[Event], now: datetime) -> None:
        await toys.apply_changes(tx, fresh, now)
        seen.extend(event.sequence for event in fresh)

    await bus.publish([to_message(event) for event in (*events[:17], poison, *events[17:])])
    await a_consumer(db, bus, noted).handle(bus.log)
    assert seen == sorted(seen) == list(range(1, 40))


async def test_dead_letters_heal_once_the_cause_is_mended(db: Database) -> None:
    bus, poison = MemoryBus(), some_events(5, "poison")
    await bus.publish([to_message(event) for event in poison])
    bus.put(Message(toys.TOPIC, b"noise", b"no json", (("x", b"\x00\xff"),)))
    await consume_all(a_consumer(db, bus), bus)
    assert len(await dead(db)) == 6
    assert await a_consumer(db, bus).replay_dead_letters() == 0  # not mended yet: all are still there
    assert len(await dead(db)) == 6

    async def mended(tx: Tx, events: Sequence[Event], now: datetime) -> None:
        if events[0].key == poison[3].key:
            raise LookupError("still not this one")
        await toys.happen(tx, [events[0].data["thingId"] for _ in events], "heard", now)

    assert await a_consumer(db, bus, mended).replay_dead_letters() == 4
    assert await effects(db) == {event.key: 1 for event in poison if event is not poison[3]}
    assert await dead(db) == {
        poison[3].key: "LookupError: still not this one",
        "noise": (await dead(db))["noise"],
    }
    assert await a_consumer(db, bus, mended).replay_dead_letters() == 0
    assert await effects(db) == {event.key: 1 for event in poison if event is not poison[3]}


async def test_letters_of_other_topics_are_left_to_their_consumers(db: Database) -> None:
    bus, (poison,) = MemoryBus(), some_events(1, "poison")
    await bus.publish([to_message(poison)])
    await consume_all(a_consumer(db, bus), bus)
    stranger = Consumer("strangers", db, bus, ["other.topic"], toys.apply_changes, CLOCK)
    assert await stranger.replay_dead_letters() == 0
    assert (await dead(db)).keys() == {poison.key}


async def test_a_letter_survives_as_the_message_that_it_was(db: Database) -> None:
    bus, (event,) = MemoryBus(), some_events(1, "poison")
    await bus.publish([to_message(event)])
    await consume_all(a_consumer(db, bus), bus)
    seen: list[Event] = []

    async def look(_: Tx, events: Sequence[Event], __: datetime) -> None:
        seen.extend(events)

    assert await a_consumer(db, bus, look).replay_dead_letters() == 1
    assert seen == [event] == [from_message(bus.log[0].message)]


async def test_a_new_log_may_bury_at_the_same_places(db: Database) -> None:
    bus = MemoryBus()
    for round in range(2):
        poison = toys.change_of(new_id(), 1, "poison", CLOCK.now())
        bus.put(Message(toys.TOPIC, b"same key", to_message(poison).value, to_message(poison).headers))
        await consume_all(a_consumer(db, bus), bus)
        rows = await toys.rows_of(db, "SELECT value FROM dead_letters")
        assert [row["value"] for row in rows] == [to_message(poison).value], round
        bus.forget_everything()


async def test_a_database_that_is_away_buries_nothing(toy_url: str, db: Database) -> None:
    bus, events = MemoryBus(), some_events(10)
    failures = 0

    async def apply(tx: Tx, fresh: Sequence[Event], now: datetime) -> None:
        nonlocal failures
        await toys.apply_changes(tx, fresh, now)
        if failures < 2:
            failures += 1
            await toys.end_sessions(toy_url)
            await tx.fetchval("SELECT 1")

    await bus.publish([to_message(event) for event in events])
    await consume_all(a_consumer(db, bus, apply), bus)
    assert failures == 2
    assert await effects(db) == {event.key: 1 for event in events}
    assert await dead(db) == {}


async def test_a_database_that_is_away_while_poison_is_looked_for_buries_no_neighbour(
    toy_url: str, db: Database
) -> None:
    bus, fine, (poison,) = MemoryBus(), some_events(5), some_events(1, "poison")
    failed = False

    async def apply(tx: Tx, fresh: Sequence[Event], now: datetime) -> None:
        nonlocal failed
        await toys.apply_changes(tx, fresh, now)
        if not failed:
            failed = True
            await toys.end_sessions(toy_url)
            await tx.fetchval("SELECT 1")

    await bus.publish([to_message(event) for event in (poison, *fine)])
    await consume_all(a_consumer(db, bus, apply), bus)
    assert failed
    assert (await dead(db)).keys() == {poison.key}
    assert await effects(db) == {event.key: 1 for event in fine}


async def test_an_emptied_database_reads_the_log_from_its_beginning(
    db: Database, create_database: Callable[[str | None], Awaitable[str]]
) -> None:
    bus, events = MemoryBus(), some_events(20)
    await bus.publish([to_message(event) for event in events])
    await consume_all(a_consumer(db, bus), bus)
    url = await create_database(None)
    await toys.create_tables(url)
    fresh = Database(url)
    stop = asyncio.Event()
    running = asyncio.create_task(a_consumer(fresh, bus).run(stop))

    async def caught_up() -> bool:
        return await effects(fresh) == {event.key: 1 for event in events}

    await until(caught_up)
    stop.set()
    await running
    await fresh.close()
