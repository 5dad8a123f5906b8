"""The log of one crash run, Kafka or PostgreSQL, of its own; and reading back everything that ever arrived in it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

from deploy.kafka import jars
from libs.common.bus.base import Delivered, Message, Subscription, TopicSpec
from tests.evidence.cluster import BenchCluster
from tests.evidence.patience import STILL_SECONDS, Patience
from tests.support.bus import AnyBus, Kind, make_bus
from tests.support.kafka import Broker

_BATCH = 2000
_END = "end of the log "
_MARKS = 128  # enough for each of eight partitions to get one, but for one time in three million


@dataclass(frozen=True, slots=True)
class EventLog:
    """Where a bus finds the log."""

    kind: Kind
    address: str

    def bus(self, *, session: float = 10.0) -> AnyBus:
        """A bus on it, not started."""
        return make_bus(self.kind, self.address, session=session)

    async def make_topics(self, *topics: TopicSpec) -> None:
        """The topics, if they are missing."""
        bus = self.bus()
        await bus.start()
        try:
            await bus.ensure_topics(topics)
        finally:
            await bus.stop()

    async def read(self, topic: str, take: Callable[[Delivered], None], still: float = STILL_SECONDS) -> int:
        """Hands every message that is in the topic now to `take`, from the first on. How many there were.

        Marks are written behind them, so that their end is known and need not be guessed from silence. Call it when
        nobody writes any more. Raises RuntimeError when nothing has arrived for `still` seconds and marks are missing.
        """
        bus = self.bus()
        await bus.start()
        try:
            marks = [Message(topic, f"{_END}{nr}".encode(), _END.encode()) for nr in range(_MARKS)]
            await bus.publish(marks)
            subscription = bus.subscribe(f"reader-{uuid4().hex}", [topic])
            await subscription.start()
            return await _read_to_marks(subscription, marks, take, Patience(still))
        finally:
            await bus.stop()


async def _read_to_marks(
    subscription: Subscription, marks: Sequence[Message], take: Callable[[Delivered], None], patience: Patience
) -> int:
    missing, count = {mark.key for mark in marks}, 0
    while missing:
        for delivered in await subscription.poll(_BATCH, 1.0):
            if delivered.message.value == _END.encode():
                missing.discard(delivered.message.key)
            else:
                take(delivered)
                count += 1
        if missing and patience.is_over((count, len(missing))):
            raise RuntimeError(
                f"the log was not read to its end: {len(missing)} marks are missing after {count} messages"
            )
    return count


def long_form() -> Kind:
    """The log of the long form: Kafka, wherever it can run."""
    return "postgres" if jars.missing() else "kafka"


@asynccontextmanager
async def event_log(cluster: BenchCluster, kind: Kind) -> AsyncIterator[EventLog]:
    """A log that nobody else writes to; gone with the block."""
    if kind == "postgres":
        yield EventLog(kind, await cluster.create("bus"))
        return
    broker = Broker(cluster.folder / "kafka")
    try:
        await asyncio.to_thread(broker.start)
        yield EventLog(kind, broker.servers)
    finally:
        await asyncio.to_thread(broker.stop)
