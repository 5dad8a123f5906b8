"""One process that consumes: `python -m tests.bench.taker DATABASE SERVERS TOPIC EVENTS BATCH`.

The consumer of the hazards service with the effect that it really has: events of enterprises become rows of its copy,
a row an event. Prints one line of JSON: events that had their effect, seconds from the first that arrived to the last
acknowledged, processor time in seconds. Joining the group is not counted.
"""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from libs.common.bus.base import Delivered, Subscription
from libs.common.bus.kafka import KafkaBus
from libs.common.clock import SystemClock
from libs.common.consumer import BATCH, Consumer
from libs.common.db import Database, Tx
from libs.common.envelope import Event
from libs.common.runner import run
from services.hazards import consumers


@dataclass(slots=True)
class Watch:
    """What was seen so far, and when."""

    wanted: int
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    effects: int = 0
    acknowledged: int = 0
    began: float = 0.0
    ended: float = 0.0
    cpu: float = 0.0

    async def apply(self, tx: Tx, events: Sequence[Event], now: datetime) -> None:
        """The effect of the service, counted."""
        await consumers.apply(tx, events, now)
        self.effects += len(events)

    def arrived(self) -> None:
        """Events were polled."""
        if not self.began:
            self.began, self.cpu = time.perf_counter(), time.process_time()

    def taken(self, count: int) -> None:
        """So many were acknowledged."""
        self.acknowledged += count
        if self.acknowledged >= self.wanted and not self.ended:
            self.ended, self.cpu = time.perf_counter(), time.process_time() - self.cpu
            self.stop.set()


class WatchedBus(KafkaBus):
    """Kafka, with somebody looking."""

    watch: Watch

    def subscribe(self, group: str, topics: Sequence[str]) -> Subscription:  # type: ignore[override]
        return _Watched(super().subscribe(group, topics), self.watch)


class _Watched:
    def __init__(self, inner: Subscription, watch: Watch) -> None:
        self._inner = inner
        self._watch = watch
        self.start, self.stop = inner.start, inner.stop

    async def poll(self, max_messages: int, timeout: float) -> list[Delivered]:
        found = await self._inner.poll(max_messages, timeout)
        if found:
            self._watch.arrived()
        return found

    async def ack(self, delivered: Sequence[Delivered]) -> None:
        await self._inner.ack(delivered)
        self._watch.taken(len(delivered))


async def main(database: str, servers: str, topic: str, events: int, batch: int) -> None:
    """Consumes so many events, then says how long it took."""
    db, bus, watch = Database(database, pool_size=4), WatchedBus(servers), Watch(events)
    bus.watch = watch
    consumer = Consumer("hazards", db, bus, [topic], watch.apply, SystemClock(), batch=batch or BATCH)
    await consumer.run(watch.stop)
    seconds = watch.ended - watch.began
    print(json.dumps({"events": watch.effects, "seconds": seconds, "cpu": watch.cpu}))
    await bus.stop()
    await db.close()


if __name__ == "__main__":
    database, servers, topic, events, batch = sys.argv[1:]
    run(main(database, servers, topic, int(events), int(batch)))
