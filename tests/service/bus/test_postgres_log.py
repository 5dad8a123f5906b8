"""What only the log in PostgreSQL must show: no gap becomes visible, shares add up, old messages go when told to."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from uuid import uuid4
from zlib import crc32

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.bus import postgres_schema as schema
from libs.common.bus.base import BusUnavailable, Message, TopicSpec
from libs.common.bus.postgres import PostgresBus
from libs.common.bus.postgres_group import fair_share
from libs.common.bus.postgres_records import decode_headers, encode_headers
from libs.common.bus.postgres_subscription import PostgresSubscription
from tests.support.bus import eventually, new_topic, nothing_comes, numbered, take, values

Create = Callable[[str | None], Awaitable[str]]
WAITING_FOR_A_LOCK = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
)


@pytest.fixture
async def url(create_database: Create) -> str:
    """An empty database for the bus."""
    return await create_database(None)


async def _started(url: str, session: float = 10.0) -> PostgresBus:
    bus = PostgresBus(url, client_id="tests", session=session)
    await bus.start()
    return bus


async def test_a_publisher_that_holds_is_waited_for_so_nothing_appears_behind_a_reader(url: str) -> None:
    bus = await _started(url)
    topic = await new_topic(bus, partitions=1)
    member = bus.subscribe("g", [topic])
    await member.start()
    holder, watcher = await asyncpg.connect(url), await asyncpg.connect(url)
    held = holder.transaction()
    await held.start()
    await holder.execute(schema.PUBLISH, [topic], [crc32(b"a")], [b"a"], ["[]"], [b"0"])

    second = asyncio.create_task(bus.publish([Message(topic, b"b", b"1")]))
    await eventually(lambda: _counts(watcher, WAITING_FOR_A_LOCK, 1))
    assert await nothing_comes(member, 0.3)
    await held.commit()
    await second
    taken = await take(member, 2)
    assert [(item.offset, item.message.value) for item in taken] == [(0, b"0"), (1, b"1")]

    rolled_back = holder.transaction()
    await rolled_back.start()
    await holder.execute(schema.PUBLISH, [topic], [crc32(b"a")], [b"a"], ["[]"], [b"never"])
    await rolled_back.rollback()
    await bus.publish([Message(topic, b"b", b"2")])
    assert [item.offset for item in await take(member, 1)] == [2]  # no hole is left by what never happened
    await asyncio.gather(holder.close(), watcher.close())
    await bus.stop()


async def test_control_a_log_numbered_by_a_sequence_loses_what_commits_late(url: str) -> None:
    writer, other, reader = [await asyncpg.connect(url) for _ in range(3)]
    await writer.execute("CREATE TABLE naive (id bigserial PRIMARY KEY, value text)")
    held = writer.transaction()
    await held.start()
    await writer.execute("INSERT INTO naive (value) VALUES ('early')")
    await other.execute("INSERT INTO naive (value) VALUES ('late')")
    first = await reader.fetch("SELECT id, value FROM naive WHERE id > 0 ORDER BY id")
    await held.commit()
    second = await reader.fetch("SELECT id, value FROM naive WHERE id > $1 ORDER BY id", first[-1]["id"])
    assert [row["value"] for row in (*first, *second)] == ["late"]
    await asyncio.gather(writer.close(), other.close(), reader.close())


async def test_sixteen_publishers_and_a_reader_who_never_looks_back(url: str) -> None:
    bus = await _started(url)
    topic = await new_topic(bus, partitions=4)
    member = bus.subscribe("g", [topic])
    await member.start()

    async def publish(writer: int) -> None:
        for step in range(15):
            batch = numbered(topic, 12, keys=5, first=(writer * 15 + step) * 12)
            await bus.publish([Message(m.topic, f"{writer}-".encode() + m.key, m.value) for m in batch])

    writers = [asyncio.create_task(publish(writer)) for writer in range(16)]
    taken = await take(member, 16 * 15 * 12)
    await asyncio.gather(*writers)
    assert sorted(values(taken)) == list(range(16 * 15 * 12))
    by_partition: dict[int, list[int]] = {}
    for item in taken:
        by_partition.setdefault(item.partition, []).append(item.offset)
    assert all(offsets == list(range(len(offsets))) for offsets in by_partition.values())
    await bus.stop()


async def test_old_messages_go_only_where_a_retention_says_so(url: str) -> None:
    bus = await _started(url)
    kept, dropped = f"kept-{uuid4().hex}", f"dropped-{uuid4().hex}"
    await bus.ensure_topics([TopicSpec(kept, 1), TopicSpec(dropped, 1, retention=timedelta(hours=1))])
    await bus.publish(numbered(kept, 10) + numbered(dropped, 10))
    connection = await asyncpg.connect(url)
    await connection.execute("UPDATE bus.messages SET published_at = published_at - interval '2 hours'")
    await bus.publish(numbered(dropped, 5, first=10))
    assert await bus.purge() == 10
    assert await bus.purge() == 0
    member = bus.subscribe("g", [kept, dropped])
    await member.start()
    assert sorted(values(await take(member, 15))) == sorted([*range(10), *range(10, 15)])
    await connection.close()
    await bus.stop()


async def test_a_stopped_member_lets_go_at_once(url: str) -> None:
    bus = await _started(url, session=3600.0)  # whoever waits for the session to end has failed the test
    topic = await new_topic(bus, partitions=3)
    for _ in range(3):
        member = bus.subscribe("g", [topic])
        await member.start()
        await eventually(partial(_holds, member, 3))
        await member.stop()
    await bus.stop()


async def test_many_processes_may_install_the_log_at_once(url: str) -> None:
    buses = [await _started(url) for _ in range(6)]
    assert len(set(await asyncio.gather(*(bus.identity() for bus in buses)))) == 1
    await asyncio.gather(*(bus.stop() for bus in buses))


async def test_a_bus_that_is_not_started_says_so(url: str) -> None:
    with pytest.raises(BusUnavailable, match="not started"):
        await PostgresBus(url).publish([Message("t", b"k", b"v")])


@given(st.integers(1, 64), st.integers(1, 9), st.text(min_size=1, max_size=20))
def test_shares_are_even_and_add_up(partitions: int, members: int, topic: str) -> None:
    ids = [uuid4() for _ in range(members)]
    shares = [fair_share(topic, partitions, ids, me) for me in ids]
    assert sum(shares) == partitions
    assert max(shares) - min(shares) <= 1


@given(st.lists(st.tuples(st.text(max_size=8).filter(lambda text: text.isprintable()), st.binary(max_size=40))))
def test_headers_come_back_as_they_were(headers: list[tuple[str, bytes]]) -> None:
    encoded = encode_headers(headers)
    assert "\x00" not in encoded  # which a text column would refuse
    assert list(decode_headers(encoded)) == headers


def _holds(member: PostgresSubscription, partitions: int) -> bool:
    return len(member.assigned) == partitions


async def _counts(connection: "asyncpg.Connection[asyncpg.Record]", query: str, expected: int) -> bool:
    return bool(await connection.fetchval(query) == expected)
