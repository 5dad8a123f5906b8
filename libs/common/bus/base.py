"""The port between the services and the log that carries their events: what a bus promises, whichever adapter keeps it.

Promises that both adapters keep (one conformance suite checks them):

* a message is stored when `publish` returns; messages of one key stay in the order in which they were published;
* every message reaches every group at least once; a message that was polled and not acknowledged comes again after
  its member dies, stops, or loses the partition;
* within a group a partition belongs to one member at a time; an acknowledgement for a partition that has meanwhile
  gone to another member changes nothing;
* every call is bounded in time, with the broker alive, dead, or dying.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, NamedTuple, Protocol


class BusUnavailable(Exception):
    """The log cannot be reached, or did not answer in time; what was asked may or may not have happened."""


class UnknownTopic(BusUnavailable):
    """A message names a topic that `ensure_topics` never made; trying again helps only once it is made."""


class Message(NamedTuple):
    """One record: `key` decides the partition and with it the order; `headers` may repeat a name."""

    topic: str
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


MAX_MESSAGE_BYTES: Final = 900_000  # key, value and headers; below the megabyte that a broker takes by default


class Delivered(NamedTuple):
    """A message with its place in the log; (topic, partition, offset) names it for good."""

    message: Message
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as the project wants it.

    `compacted` keeps at least the newest message of each key: right only where a message carries the whole state.
    `retention` None keeps everything; otherwise older messages may be dropped.
    """

    name: str
    partitions: int = 8
    compacted: bool = False
    retention: timedelta | None = None


class Subscription(Protocol):
    """One member of one group, used by one task at a time. Heartbeats run beside it: a slow caller stays a member."""

    async def start(self) -> None:
        """Begin to join the group. Returns even if the log is away: joining goes on in the background of `poll`."""

    async def stop(self) -> None:
        """Leave the group, within seconds whatever state the log is in; what was not acknowledged comes again."""

    async def poll(self, max_messages: int, timeout: float) -> list[Delivered]:
        """Return up to `max_messages` as soon as there is one, or [] after `timeout` seconds.

        An absent log looks like a quiet one: the answer is [] and never BusUnavailable, and the member reconnects by
        itself; a topic that does not exist yet looks empty. Messages of one partition come in order. Do not wrap it in
        `asyncio.wait_for`: a batch that arrives in the instant of the time-out would be lost to this member.
        """

    async def ack(self, delivered: Sequence[Delivered]) -> None:
        """Store that these, and all before them in their partitions, are done: call it after the effect is committed.

        Partitions that this member has lost since are left alone (their new owner sees the messages again).
        Raises BusUnavailable if the log did not answer: the messages then come again, unless the answer alone was lost.
        """


class Bus(Protocol):
    """A log of keyed messages in topics and partitions."""

    async def start(self) -> None:
        """Prepare to work. Returns within seconds even if the log is away; later calls then connect by themselves."""

    async def stop(self) -> None:
        """Stop every subscription and close, within a few seconds even if the log is gone. Safe to call twice."""

    async def ensure_topics(self, topics: Sequence[TopicSpec]) -> None:
        """Make the missing topics; existing ones stay as they are. Safe from many processes at once. BusUnavailable."""

    async def publish(self, messages: Sequence[Message]) -> None:
        """Store all messages, pipelined; returns when ALL are acknowledged, keeping the order per key.

        Raises BusUnavailable if any is not known to be stored: the caller publishes the whole list again, later
        messages of the same keys after it. Raises UnknownTopic for a missing topic, ValueError for a message that no
        log takes (`MAX_MESSAGE_BYTES`). One task at a time per key.
        """

    def subscribe(self, group: str, topics: Sequence[str]) -> Subscription:
        """A new member of `group`, not yet started. A group that is new begins at the oldest message."""

    async def identity(self) -> str:
        """Ask the log for its id (Kafka: the cluster; PostgreSQL: a row of the bus database). BusUnavailable.

        A relay that meets an id it has not seen publishes everything again. Never cached, so it serves as a ping.
        """


def check_sizes(messages: Sequence[Message]) -> None:
    """Raise ValueError for a message that a broker would never take, whatever the adapter."""
    for message in messages:
        size = len(message.key) + len(message.value) + sum([len(name) + len(value) for name, value in message.headers])
        if size > MAX_MESSAGE_BYTES:
            raise ValueError(f"a message of {size} bytes for {message.topic}: the bus takes {MAX_MESSAGE_BYTES}")
