"""One process that carries announced events: `python -m tests.bench.carrier HOW DATABASE EVENTS [SERVERS TOPIC]`.

HOW is `relay` (the relay over Kafka), `producer` (aiokafka alone, the same messages, already in memory), `batches`
(the bus alone, likewise), `accept` (the relay over a bus that takes everything at once), or `boast` (a relay that stops
after one pass and says it has carried all: the control). Prints one line of JSON: events, seconds and processor time in
seconds.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence

from aiokafka import AIOKafkaProducer

from libs.common.bus.base import Bus, Message, Subscription, TopicSpec
from libs.common.bus.kafka import KafkaBus
from libs.common.clock import SystemClock
from libs.common.db import Database
from libs.common.envelope import to_message
from libs.common.relay import Relay, event_of
from libs.common.runner import run
from tests.bench.announced import SOURCE

_AT_ONCE = 2000  # as many as the relay hands over at once
_PRODUCER_BATCH = 131_072  # what the bus uses; with aiokafka's default of 16 kB the bare producer is slower

Carry = Callable[[], Awaitable[int]]


class Accepting:
    """A bus that takes everything at once and keeps nothing."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def ensure_topics(self, topics: Sequence[TopicSpec]) -> None: ...

    async def publish(self, messages: Sequence[Message]) -> None: ...

    async def identity(self) -> str:
        return "accepting"

    def subscribe(self, group: str, topics: Sequence[str]) -> Subscription:
        raise AssertionError("nobody reads from a bus that only accepts")


async def _timed(carry: Carry) -> dict[str, float]:
    began, cpu = time.perf_counter(), time.process_time()
    events = await carry()
    seconds = time.perf_counter() - began
    return {"events": events, "seconds": seconds, "cpu": time.process_time() - cpu}


async def _relayed(db: Database, bus: Bus, events: int, *, boasts: bool) -> dict[str, float]:
    relay = Relay(db, bus, SystemClock(), holder="bench", source=SOURCE)
    await relay.meet_log()

    async def carry() -> int:
        moved = 0
        while moved < events:
            moved += await relay.publish_once()
            if boasts:
                return events
        return moved

    return await _timed(carry)


async def _produced(servers: str, messages: Sequence[Message]) -> dict[str, float]:
    async with AIOKafkaProducer(
        bootstrap_servers=servers, acks="all", enable_idempotence=True, max_batch_size=_PRODUCER_BATCH
    ) as producer:
        await producer.partitions_for(messages[0].topic)

        async def carry() -> int:
            stored = [await producer.send(m.topic, m.value, key=m.key, headers=list(m.headers)) for m in messages]
            return len(await asyncio.gather(*stored))

        return await _timed(carry)


async def _published(bus: KafkaBus, messages: Sequence[Message]) -> dict[str, float]:
    async def carry() -> int:
        for start in range(0, len(messages), _AT_ONCE):
            await bus.publish(messages[start : start + _AT_ONCE])
        return len(messages)

    return await _timed(carry)


async def main(how: str, database: str, events: int, servers: str, topic: str) -> None:
    """Carries them all, then says how long it took."""
    db = Database(database, pool_size=4)
    bus = KafkaBus(servers) if servers else Accepting()
    if isinstance(bus, KafkaBus):
        await bus.ensure_topics([TopicSpec(topic), TopicSpec(f"{topic}.first")])
        await bus.publish([Message(f"{topic}.first", b"first", b"{}")])  # connects
    if how in ("relay", "accept", "boast"):
        said = await _relayed(db, bus, events, boasts=how == "boast")
    else:
        rows = await db.alone("SELECT * FROM outbox ORDER BY id DESC LIMIT $1", events)
        messages = [to_message(event_of(row, SOURCE)) for row in reversed(rows)]
        messages = [Message(topic, m.key, m.value, m.headers) for m in messages]
        if how == "producer":
            said = await _produced(servers, messages)
        else:
            assert isinstance(bus, KafkaBus)
            said = await _published(bus, messages)
    print(json.dumps(said))
    await bus.stop()
    await db.close()


if __name__ == "__main__":
    how, database, events, *kafka = sys.argv[1:]
    run(main(how, database, int(events), *(kafka or ["", ""])))
