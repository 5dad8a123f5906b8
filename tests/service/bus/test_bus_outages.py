"""What the bus promises while its log dies, hangs, is away, comes back, or comes back empty: asked of both adapters."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from libs.common.bus.base import BusUnavailable, Delivered, Message
from tests.service.bus.conftest import KINDS
from tests.support.bus import (
    AnyBus,
    KillableKafka,
    KillableLog,
    KillablePostgres,
    eventually,
    make_bus,
    new_topic,
    numbered,
    take,
    values,
)
from tests.support.kafka import require_kafka

STOP_LIMIT = 10.0
ANSWER_LIMIT = 20.0  # a publish that hangs would be worse than one that fails: within this it must do one or the other


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest) -> Iterator[KillableLog]:
    """A log server of this module's own."""
    if request.param == "kafka":
        require_kafka()
    folder = Path(tempfile.mkdtemp(prefix="hazardloop-outage-"))
    folder.chmod(0o755)  # PostgreSQL may run under another account
    made = KillableKafka(folder) if request.param == "kafka" else KillablePostgres(folder)
    try:
        made.start()
        yield made
    finally:
        made.end()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def log(server: KillableLog) -> AsyncIterator[KillableLog]:
    """The server, running again after the test whatever the test did to it."""
    yield server
    server.thaw()
    if not server.running():
        await asyncio.to_thread(server.start)


@pytest.fixture
async def bus(log: KillableLog) -> AsyncIterator[AnyBus]:
    """A started bus on it."""
    made = make_bus(log.kind, log.address(), session=6.0)
    await made.start()
    yield made
    await made.stop()


async def test_work_goes_on_after_the_log_was_killed_and_came_back(log: KillableLog, bus: AnyBus) -> None:
    topic, group = await new_topic(bus), f"g-{uuid4().hex}"
    member = bus.subscribe(group, [topic])
    await member.start()
    await bus.publish(numbered(topic, 200))
    before = await take(member, 200)
    identity = await bus.identity()

    await asyncio.to_thread(log.kill)
    began = _now()
    with pytest.raises(BusUnavailable):
        await bus.publish(numbered(topic, 5, first=900))
    with pytest.raises(BusUnavailable):
        await bus.identity()
    assert _now() - began < ANSWER_LIMIT
    assert await member.poll(10, 0.5) == []  # an absent log looks like a quiet one

    await asyncio.to_thread(log.start)
    await eventually(lambda: _published(bus, numbered(topic, 200, first=200)))
    assert await bus.identity() == identity
    after = await take(member, 200)
    assert set(values(before)) | set(values(after)) >= set(range(400))
    assert set(values(after)) >= set(range(200, 400))  # the publishing that failed at first may have doubled some
    await member.stop()

    successor = bus.subscribe(group, [topic])
    await successor.start()
    await bus.publish(numbered(topic, 1, first=400))
    late = values(await take(successor, 1))
    assert max(late) == 400
    assert min(late) >= 200  # what was acknowledged before the crash stayed acknowledged


async def test_what_was_not_acknowledged_when_the_log_died_comes_again(log: KillableLog, bus: AnyBus) -> None:
    topic, group = await new_topic(bus, partitions=1), f"g-{uuid4().hex}"
    member = bus.subscribe(group, [topic])
    await member.start()
    await bus.publish(numbered(topic, 50))
    held = await take(member, 50, ack=False)
    await member.ack(held[:10])
    await asyncio.to_thread(log.kill)
    with pytest.raises(BusUnavailable):
        await member.ack(held)
    await member.stop()
    await asyncio.to_thread(log.start)

    successor = bus.subscribe(group, [topic])
    await successor.start()
    assert values(await take(successor, 40))[-40:] == list(range(10, 50))


async def test_a_bus_may_be_started_before_its_log(log: KillableLog) -> None:
    ready = make_bus(log.kind, log.address())
    await ready.start()
    topic = await new_topic(ready)
    await ready.publish(numbered(topic, 20))
    await ready.stop()

    await asyncio.to_thread(log.kill)
    early = make_bus(log.kind, log.address())
    began = _now()
    await early.start()
    member = early.subscribe(f"g-{uuid4().hex}", [topic])
    await member.start()
    assert _now() - began < 5
    assert await member.poll(10, 0.3) == []
    await asyncio.to_thread(log.start)
    assert sorted(values(await take(member, 20))) == list(range(20))
    await early.stop()


@pytest.mark.parametrize("fate", ["alive", "killed", "frozen"])
async def test_stopping_takes_less_than_ten_seconds_whatever_the_log_does(log: KillableLog, fate: str) -> None:
    bus = make_bus(log.kind, log.address())
    await bus.start()
    topic = await new_topic(bus)
    member = bus.subscribe(f"g-{uuid4().hex}", [topic])
    await member.start()
    await bus.publish(numbered(topic, 100))
    held = await take(member, 100, ack=False)

    if fate == "killed":
        await asyncio.to_thread(log.kill)
    elif fate == "frozen":
        log.freeze()
    under_way = [
        asyncio.create_task(member.poll(10, 60.0)),
        asyncio.create_task(member.ack(held)),
        asyncio.create_task(bus.publish(numbered(topic, 100, first=100))),
    ]
    await asyncio.wait(under_way, timeout=0.5)
    began = _now()
    for task in under_way:
        task.cancel()
    await asyncio.wait(under_way)
    await bus.stop()
    assert _now() - began < STOP_LIMIT
    await bus.stop()  # again is no harm
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("bus-")]


async def test_a_log_that_hangs_is_told_from_one_that_works(log: KillableLog, bus: AnyBus) -> None:
    topic = await new_topic(bus, partitions=2)
    await bus.publish(numbered(topic, 10))
    log.freeze()
    began = _now()
    with pytest.raises(BusUnavailable):
        await bus.publish(numbered(topic, 10, first=10))
    with pytest.raises(BusUnavailable):
        await bus.identity()
    assert _now() - began < 2 * ANSWER_LIMIT
    log.thaw()

    await eventually(lambda: _published(bus, numbered(topic, 10, first=10)))
    member = bus.subscribe(f"g-{uuid4().hex}", [topic])
    await member.start()
    taken = await take(member, 20)
    assert set(values(taken)) == set(range(20))
    newest = {key: max(n for other, n in _pairs(taken) if other == key) for key, _ in _pairs(taken)}
    assert dict(_pairs(taken)) == newest  # whatever came twice, the newest message of a key comes last


async def test_a_log_made_anew_is_noticed_and_filled_again(log: KillableLog, bus: AnyBus) -> None:
    topic, group = await new_topic(bus, partitions=1), f"g-{uuid4().hex}"
    member = bus.subscribe(group, [topic])
    await member.start()
    await bus.publish(numbered(topic, 30))
    assert len(await take(member, 30)) == 30
    identity = await bus.identity()

    await asyncio.to_thread(log.renew)
    await eventually(lambda: _identified(bus, other_than=identity))
    await eventually(lambda: _published(bus, numbered(topic, 30)))  # the topic is made again on the way
    assert set(values(await take(member, 30))) == set(range(30))  # though it had all of them, in the other log


async def _published(bus: AnyBus, messages: list[Message]) -> bool:
    try:
        await bus.publish(messages)
    except BusUnavailable:
        return False
    return True


async def _identified(bus: AnyBus, other_than: str) -> bool:
    try:
        return await bus.identity() != other_than
    except BusUnavailable:
        return False


def _pairs(taken: list[Delivered]) -> list[tuple[bytes, int]]:
    return [(item.message.key, int(item.message.value)) for item in taken]


def _now() -> float:
    return asyncio.get_running_loop().time()
