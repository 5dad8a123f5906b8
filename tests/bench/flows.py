"""The three flows that part `snapshot` runs in two databases each: relay, consume, and the control."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from libs.common.bus.base import Delivered, Message
from libs.common.clock import SystemClock
from libs.common.consumer import Consumer
from libs.common.db import Database
from libs.common.relay import Relay
from services.hazards import consumers
from tests.bench import queue_table
from tests.bench.announced import SOURCE, announce, finds, unpublished
from tests.bench.carrier import Accepting
from tests.bench.consume import registered
from tests.evidence.cluster import connected
from tests.evidence.effects import WrongEffect

_CHANGED = 4  # every so manieth event changes an enterprise that is there already
_BATCH = 500  # as many as the consumer takes at once


class Flow(Protocol):
    """Work on one database that goes on for long."""

    url: str

    async def burst(self, events: int) -> float:
        """Does so much work at once; events a second. Raises WrongEffect unless all of it was done."""

    async def trickle(self, events: int) -> None:
        """Does so much work, each event for itself, as in quiet hours."""

    async def close(self) -> None:
        """Lets go of the database."""


class RelayFlow:
    """The relay over a bus that takes everything at once: nothing hides what the database costs."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._db = Database(url, pool_size=4)
        self._relay = Relay(self._db, Accepting(), SystemClock(), holder="bench", source=SOURCE)
        self._met = False

    async def burst(self, events: int) -> float:
        """See `Flow`."""
        await self._meet()
        await announce(self.url, finds(events))
        began, moved = time.perf_counter(), 0
        while moved < events:
            moved += await self._relay.publish_once()
        seconds = time.perf_counter() - began
        if moved != events or (left := await unpublished(self.url)):
            raise WrongEffect(f"relay: {moved} of {events} events were published, {left} are not marked")
        return events / seconds

    async def trickle(self, events: int) -> None:
        """See `Flow`."""
        await self._meet()
        for _ in range(events):
            await announce(self.url, finds(1))
            await self._relay.publish_once()

    async def close(self) -> None:
        """See `Flow`."""
        await self._db.close()

    async def _meet(self) -> None:
        if not self._met:
            await self._relay.meet_log()
            self._met = True


@dataclass(slots=True)
class ConsumeFlow:
    """The consumer of the hazards service; events come from memory, since no snapshot slows Kafka."""

    url: str
    _db: Database = field(init=False)
    _consumer: Consumer = field(init=False)
    _known: list[UUID] = field(default_factory=list)
    _versions: dict[UUID, int] = field(default_factory=dict)
    _offset: int = 0

    def __post_init__(self) -> None:
        self._db = Database(self.url, pool_size=4)
        self._consumer = Consumer("hazards", self._db, Accepting(), consumers.TOPICS, consumers.apply, SystemClock())

    async def burst(self, events: int) -> float:
        """See `Flow`."""
        delivered = self._next(events)
        began = time.perf_counter()
        for start in range(0, events, _BATCH):
            await self._consumer.handle(delivered[start : start + _BATCH])
        seconds = time.perf_counter() - began
        async with connected(self.url) as connection:
            remembered = await connection.fetchval("SELECT count(*) FROM inbox")
            copied = await connection.fetchval("SELECT coalesce(sum(version), 0) FROM enterprises")
        if (remembered, copied) != (self._offset, sum(self._versions.values())):
            raise WrongEffect(f"consume: {self._offset} events, {remembered} remembered, {copied} versions copied")
        return events / seconds

    async def trickle(self, events: int) -> None:
        """See `Flow`."""
        for one in self._next(events):
            await self._consumer.handle([one])

    async def close(self) -> None:
        """See `Flow`."""
        await self._db.close()

    def _next(self, events: int) -> Sequence[Delivered]:
        return [self._delivered(self._message(self._offset)) for _ in range(events)]

    def _message(self, nr: int) -> Message:
        if nr % _CHANGED == _CHANGED - 1:
            id = self._known[nr // 2 % len(self._known)]
        else:
            id = UUID(registered(nr).key.decode())
            self._known.append(id)
        self._versions[id] = self._versions.get(id, 0) + 1
        return registered(nr, id, self._versions[id])

    def _delivered(self, message: Message) -> Delivered:
        self._offset += 1
        return Delivered(message, 0, self._offset)


@dataclass(slots=True)
class ControlFlow:
    """An outbox that is a queue table."""

    url: str
    _made: bool = False

    async def burst(self, events: int) -> float:
        """See `Flow`."""
        await self._put(events)
        began = time.perf_counter()
        moved = await queue_table.drain(self.url)
        if moved != events:
            raise WrongEffect(f"control: {moved} of {events} rows were moved")
        return events / (time.perf_counter() - began)

    async def trickle(self, events: int) -> None:
        """See `Flow`."""
        for _ in range(events):
            await self._put(1)
            await queue_table.drain(self.url)

    async def close(self) -> None:
        """See `Flow`."""

    async def _put(self, events: int) -> None:
        if not self._made:
            await queue_table.make(self.url)
            self._made = True
        await queue_table.put(self.url, events)
