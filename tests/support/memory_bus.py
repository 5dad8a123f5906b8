"""A bus that remembers everything in this process, and fails, hangs or doubles when a test asks it to."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from uuid import uuid4
from zlib import crc32

from libs.common.bus.base import BusUnavailable, Delivered, Message, TopicSpec, check_sizes

PARTITIONS = 8


class MemoryBus:
    """See `Bus` in `libs/common/bus/base.py`. Acknowledged places survive a subscription, as they do in a real log."""

    def __init__(self) -> None:
        self.log: list[Delivered] = []
        self.fail_publishes = 0  # so many calls of `publish` fail before anything is stored
        self.lose_answers = 0  # so many calls store everything and fail afterwards
        self.hang = False  # publish never returns
        self.duplicate = False  # every message is stored twice
        self.away = False
        self.published_calls = 0
        self.identity_asked = 0
        self.subscribed: list[str] = []  # the group of every subscription, in order
        self._identity = str(uuid4())
        self._acked: defaultdict[str, set[tuple[str, int, int]]] = defaultdict(set)
        self._arrived = asyncio.Event()

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def ensure_topics(self, topics: Sequence[TopicSpec]) -> None: ...

    async def identity(self) -> str:
        self.identity_asked += 1
        if self.away:
            raise BusUnavailable("away")
        return self._identity

    async def publish(self, messages: Sequence[Message]) -> None:
        self.published_calls += 1
        check_sizes(messages)
        if self.hang:
            await asyncio.Event().wait()
        if self.away or self.fail_publishes:
            self.fail_publishes = max(0, self.fail_publishes - 1)
            raise BusUnavailable("told to fail")
        await asyncio.sleep(0)
        for message in messages:
            for _ in range(2 if self.duplicate else 1):
                self.put(message)
        if self.lose_answers:
            self.lose_answers -= 1
            raise BusUnavailable("stored, but the answer was lost")

    def put(self, message: Message) -> Delivered:
        """Stores one message, whatever it is."""
        partition = crc32(message.key) % PARTITIONS
        offset = sum(1 for d in self.log if (d.message.topic, d.partition) == (message.topic, partition))
        delivered = Delivered(message, partition, offset)
        self.log.append(delivered)
        self._arrived.set()
        return delivered

    def forget_everything(self) -> None:
        """Becomes another log, empty, as if the broker's disk had been replaced."""
        self.log.clear()
        self._acked.clear()
        self._identity = str(uuid4())

    def subscribe(self, group: str, topics: Sequence[str]) -> "MemorySubscription":
        self.subscribed.append(group)
        return MemorySubscription(self, group, topics)

    def acked(self, group_prefix: str) -> int:
        """How many messages the groups of that name have acknowledged."""
        return sum(len(places) for group, places in self._acked.items() if group.startswith(group_prefix))

    def waiting(self, group: str, topics: Sequence[str]) -> list[Delivered]:
        return [d for d in self.log if d.message.topic in topics and _place(d) not in self._acked[group]]

    def settle(self, group: str, delivered: Sequence[Delivered]) -> None:
        self._acked[group] |= {_place(d) for d in delivered}

    async def news(self, timeout: float) -> None:
        self._arrived.clear()
        try:
            await asyncio.wait_for(self._arrived.wait(), timeout)
        except TimeoutError:
            return


class MemorySubscription:
    """The only member of its group; it takes whatever it has not taken yet and its group has not acknowledged."""

    def __init__(self, bus: MemoryBus, group: str, topics: Sequence[str]) -> None:
        self._bus = bus
        self._group = group
        self._topics = topics
        self._taken: set[tuple[str, int, int]] = set()

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def poll(self, max_messages: int, timeout: float) -> list[Delivered]:
        found = self._fresh(max_messages)
        if not found:
            await self._bus.news(timeout)
            found = self._fresh(max_messages)
        self._taken |= {_place(d) for d in found}
        return found

    async def ack(self, delivered: Sequence[Delivered]) -> None:
        if self._bus.away:
            self._taken -= {_place(d) for d in delivered}  # what is not acknowledged comes again
            raise BusUnavailable("away")
        self._bus.settle(self._group, delivered)

    def _fresh(self, count: int) -> list[Delivered]:
        if self._bus.away:
            return []
        return [d for d in self._bus.waiting(self._group, self._topics) if _place(d) not in self._taken][:count]


def _place(delivered: Delivered) -> tuple[str, int, int]:
    return delivered.message.topic, delivered.partition, delivered.offset
