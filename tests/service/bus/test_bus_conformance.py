"""What the bus promises, asked of both adapters: order, completeness, sharing, redelivery, fencing."""

import asyncio
import random
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from libs.common.bus import postgres_subscription
from libs.common.bus.base import MAX_MESSAGE_BYTES, Delivered, Message, TopicSpec, UnknownTopic
from libs.common.bus.kafka_subscription import KafkaSubscription
from libs.common.bus.postgres_subscription import PostgresSubscription
from tests.service.bus.conftest import Log
from tests.support.bus import (
    PATIENCE,
    AnyBus,
    eventually,
    new_topic,
    nothing_comes,
    numbered,
    order_is_broken,
    take,
    values,
)
from tests.support.postgres import ROOT

Member = PostgresSubscription | KafkaSubscription
NEVER = 3600.0  # whoever waits for this has failed the test
QUIET = 1.5  # long enough for a message that should not come to come


async def test_messages_of_one_key_keep_their_order(log: Log, group: str) -> None:
    bus = await log.bus()
    topic = await new_topic(bus)

    async def publish_keys(writer: int) -> None:
        for start in range(0, 300, 30):
            numbers = range(start, start + 30)
            await bus.publish([Message(topic, f"{writer}-{n % 7}".encode(), str(n).encode()) for n in numbers])

    await asyncio.gather(*(publish_keys(writer) for writer in range(6)))
    taken = await take(await log.member(bus, group, topic), 1800)
    assert len(taken) == 1800
    assert not order_is_broken(taken)


async def test_control_without_the_right_key_order_is_lost(log: Log, group: str) -> None:
    bus = await log.bus()
    topic = await new_topic(bus)
    await bus.publish([Message(topic, f"same/{n}".encode(), str(n).encode()) for n in range(200)])
    assert order_is_broken(await take(await log.member(bus, group, topic), 200))


async def test_keys_headers_and_values_survive_byte_for_byte(log: Log, group: str) -> None:
    bus = await log.bus()
    topic = await new_topic(bus, partitions=1)
    every_byte = bytes(range(256))
    sent = [
        Message(topic, b"key", every_byte * 40, (("id", b"1"), ("id", b"2"), ("bytes", every_byte), ("empty", b""))),
        Message(topic, "隐患".encode(), b"", (("标题", "🚒 隐患".encode()),)),
        Message(topic, b"", b"no key"),
        Message(topic, every_byte, b"\x00", (("nul", b"\x00\x00"),)),
    ]
    await bus.publish(sent)
    taken = await take(await log.member(bus, group, topic), len(sent))
    assert [item.message for item in taken] == sent
    assert [item.offset for item in taken] == [0, 1, 2, 3]
    assert {item.partition for item in taken} == {0}


async def test_a_list_of_five_thousand_is_stored_whole(log: Log, group: str) -> None:
    bus = await log.bus()
    topic = await new_topic(bus)
    padding = b" " * 600
    messages = [Message(m.topic, m.key, m.value + padding) for m in numbered(topic, 5000, keys=97)]
    await bus.publish(messages)
    taken = await take(await log.member(bus, group, topic), 5000)
    assert sorted(values(taken)) == list(range(5000))
    assert not order_is_broken(taken)


async def test_two_members_share_the_partitions_and_miss_nothing(log: Log, group: str) -> None:
    bus, other = await log.bus(), await log.bus()
    topic = await new_topic(bus)
    first, second = await log.member(bus, group, topic), await log.member(other, group, topic)
    await _both_poll_until_shared(first, second, partitions=8)
    assert not first.assigned & second.assigned
    assert {len(first.assigned), len(second.assigned)} == {4}

    await bus.publish(numbered(topic, 400))
    taken = await _take_together([first, second], 400)
    assert sorted(values(taken)) == list(range(400))  # each once: nobody came or went

    await second.stop()
    await bus.publish(numbered(topic, 400, first=400))
    assert sorted(values(await take(first, 400))) == list(range(400, 800))


async def test_members_come_and_go_all_the_time_and_nothing_is_lost(log: Log, group: str) -> None:
    buses = [await log.bus(session=3.0) for _ in range(3)]
    topic = await new_topic(buses[0])
    published, done = asyncio.Event(), set[int]()
    generator = random.Random(7)

    async def publish() -> None:
        for first in range(0, 3000, 20):
            await buses[0].publish(numbered(topic, 20, keys=31, first=first))
            await asyncio.sleep(0.02)
        published.set()

    async def come_and_go(bus: AnyBus) -> None:
        while not published.is_set():
            member = await log.member(bus, group, topic)
            for _ in range(generator.randint(2, 12)):
                batch = await member.poll(40, 0.2)
                if generator.random() < 0.8:  # sometimes it goes with a batch in its hands
                    done.update(values(batch))
                    await member.ack(batch)
                else:
                    break
            await member.stop()

    await asyncio.gather(publish(), *(come_and_go(bus) for bus in buses))
    last = await log.member(buses[0], group, topic)

    async def finish() -> bool:
        batch = await last.poll(500, 0.2)
        done.update(values(batch))
        await last.ack(batch)
        return len(done) >= 3000

    await eventually(finish)
    assert done == set(range(3000))


async def test_what_is_acknowledged_does_not_come_again_and_the_rest_does(log: Log, group: str) -> None:
    bus = await log.bus()
    topic = await new_topic(bus, partitions=1)
    await bus.publish(numbered(topic, 100))
    member = await log.member(bus, group, topic)
    taken = await take(member, 100, ack=False)
    await member.ack(taken[:60])
    await member.ack(taken[20:30])  # late and out of order: it must not move the group back
    await member.stop()

    successor = await log.member(bus, group, topic)
    assert values(await take(successor, 40)) == list(range(60, 100))
    assert await nothing_comes(successor, QUIET)


async def test_a_new_group_begins_at_the_oldest_message_and_groups_do_not_disturb_each_other(log: Log) -> None:
    bus = await log.bus()
    topic = await new_topic(bus)
    await bus.publish(numbered(topic, 50))
    for name in ("one", "two"):
        member = await log.member(bus, f"{name}-{uuid4().hex}", topic)
        assert sorted(values(await take(member, 50))) == list(range(50))


@pytest.mark.parametrize("done", ["effect-first", "ack-first"])
async def test_a_member_killed_before_it_acknowledged(log: Log, group: str, tmp_path: Path, done: str) -> None:
    """Effect, then acknowledgement: nothing is lost. The control does it the wrong way round, and loses."""
    bus = await log.bus(session=3.0)
    topic = await new_topic(bus, partitions=1)
    await bus.publish(numbered(topic, 30))
    effects = tmp_path / "effects"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.bus_member", log.kind, log.address, group, topic, done, str(effects)),
        cwd=ROOT,
    )
    try:
        await eventually(lambda: Path(f"{effects}.between").exists())
    finally:
        process.kill()
        await process.wait()

    successor = await log.member(bus, group, topic)
    if done == "effect-first":
        assert values(await take(successor, 30)) == list(range(30))
    else:
        await _member_of_all(successor, partitions=1)
        assert await nothing_comes(successor, QUIET)
        assert not effects.exists()  # lost: neither done nor delivered again


async def test_a_late_acknowledgement_of_a_lost_partition_changes_nothing(log: Log, group: str) -> None:
    bus, other = await log.bus(session=2.0), await log.bus(session=2.0)
    topic = await new_topic(bus, partitions=2)
    await bus.publish(numbered(topic, 40))
    slow = await log.member(bus, group, topic)
    held = await take(slow, 40, ack=False)

    quick = await log.member(other, group, topic)
    redelivered = await _take_from_one_partition(quick)  # the slow one is entitled to one of two only
    lost = redelivered[0].partition
    await quick.ack(redelivered[:3])
    late = [item for item in held if item.partition == lost]
    assert len(late) > 3
    await slow.ack(late)  # all of them: without the fence the group would now skip what `quick` has not done
    await asyncio.gather(slow.stop(), quick.stop())

    successor = await log.member(bus, group, topic)
    again = [item.offset for item in await take(successor, len(late) - 3) if item.partition == lost]
    assert again == [item.offset for item in late[3:]]


async def test_a_member_that_stops_polling_loses_its_partitions(log: Log, group: str) -> None:
    bus = await log.bus(session=2.0, max_poll_interval=2.0)
    topic = await new_topic(bus, partitions=2)
    stuck, lively = await log.member(bus, group, topic), await log.member(bus, group, topic)
    await _both_poll_until_shared(stuck, lively, partitions=2)

    async def everything_is_with_the_lively_one() -> bool:
        await lively.poll(1, 0.1)
        return len(lively.assigned) == 2

    await eventually(everything_is_with_the_lively_one)
    await _both_poll_until_shared(stuck, lively, partitions=2)  # and it may come back


async def test_publishing_wakes_a_waiting_member(log: Log, group: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_subscription, "_LOOK_SECONDS", (NEVER, 0.1))  # who is told need not look
    bus = await log.bus()
    topic = await new_topic(bus)
    member = await log.member(bus, group, topic)
    await _member_of_all(member, partitions=8)
    for n in range(15):
        poll = asyncio.create_task(member.poll(10, NEVER))
        await asyncio.sleep(0.05)  # it waits by now; if not, the test asks less, not something else
        await bus.publish(numbered(topic, 1, first=n))
        assert values(await asyncio.wait_for(poll, PATIENCE)) == [n]


async def test_topics_are_made_once_and_left_alone(log: Log) -> None:
    bus, other = await log.bus(), await log.bus()
    name = f"tests.{uuid4().hex[:12]}"
    both = [TopicSpec(name, 3), TopicSpec(f"{name}.state", 2, compacted=True)]
    await asyncio.gather(*(each.ensure_topics(both) for each in (bus, other, bus, other)))
    await other.ensure_topics([TopicSpec(name, 5)])  # not what it is: existing topics win
    await bus.publish(numbered(name, 60) + numbered(f"{name}.state", 60))
    member = await log.member(bus, f"g-{name}", name)
    assert {item.partition for item in await take(member, 60)} <= {0, 1, 2}


async def test_a_topic_that_nobody_made_is_refused(log: Log) -> None:
    bus = await log.bus()
    known = await new_topic(bus)
    with pytest.raises(UnknownTopic):
        await bus.publish([Message(f"tests.{uuid4().hex}", b"k", b"v")])
    await bus.publish([Message(known, b"k", b"v")])  # and nothing is broken by it


async def test_a_message_that_no_log_takes_is_refused_before_anything_is_stored(log: Log, group: str) -> None:
    bus = await log.bus()
    topic = await new_topic(bus, partitions=1)
    with pytest.raises(ValueError, match="bytes"):
        await bus.publish([Message(topic, b"k", b"small"), Message(topic, b"k", b"x" * (MAX_MESSAGE_BYTES + 1))])
    await bus.publish([Message(topic, b"k", b"x" * (MAX_MESSAGE_BYTES - 1))])
    taken = await take(await log.member(bus, group, topic), 1)
    assert [len(item.message.value) for item in taken] == [MAX_MESSAGE_BYTES - 1]


async def test_identity_is_the_logs_and_not_the_clients(log: Log) -> None:
    assert await (await log.bus()).identity() == await (await log.bus()).identity() != ""


async def _take_together(members: list[Member], count: int) -> list[Delivered]:
    taken: list[Delivered] = []

    async def consume(member: Member) -> None:
        while len(taken) < count:
            batch = await member.poll(50, 0.2)
            await member.ack(batch)
            taken.extend(batch)

    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*(consume(member) for member in members))
    return taken


async def _both_poll_until_shared(first: Member, second: Member, partitions: int) -> None:
    async def shared() -> bool:
        await asyncio.gather(first.poll(1, 0.1), second.poll(1, 0.1))
        sizes = len(first.assigned), len(second.assigned)
        return sum(sizes) == partitions and abs(sizes[0] - sizes[1]) <= 1 and not first.assigned & second.assigned

    await eventually(shared)


async def _take_from_one_partition(member: Member) -> list[Delivered]:
    taken: list[Delivered] = []
    async with asyncio.timeout(PATIENCE):
        while len(taken) < 4 or len(member.assigned) != 1:
            taken += await member.poll(500, 0.2)
    return taken


async def _member_of_all(member: Member, partitions: int) -> None:
    async def joined() -> bool:
        await member.poll(1, 0.1)
        return len(member.assigned) == partitions

    await eventually(joined)
