"""The bus on a PostgreSQL database of its own: the log is a table, groups share it by leases."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final
from zlib import crc32

import asyncpg

from libs.common.bus import postgres_schema as schema
from libs.common.bus.base import BusUnavailable, Message, TopicSpec, UnknownTopic, check_sizes
from libs.common.bus.postgres_connections import Connections, News, cut
from libs.common.bus.postgres_records import encode_headers
from libs.common.bus.postgres_subscription import PostgresSubscription

if TYPE_CHECKING:
    from libs.common.bus.postgres_connections import Connection

log = logging.getLogger(__name__)

_PURGE_SECONDS: Final = 300.0
_STEP_MESSAGES: Final = 1000  # what one statement stores: it keeps partitions locked for milliseconds …
_STEP_BYTES: Final = 8_000_000  # … and its parameters small


class PostgresBus:
    """See `Bus` in `base` for the promises.

    Everything is kept unless a topic has a retention; `compacted` topics keep every message too. `session` is how long
    (seconds) a member may be silent before its partitions go to others.
    """

    def __init__(
        self,
        url: str,
        *,
        client_id: str = "hazardloop",
        topics: Sequence[TopicSpec] = (),
        session: float = 10.0,
        max_poll_interval: float = 300.0,
    ) -> None:
        self._connections = Connections(url, client_id)
        self._news = News(self._connections)
        self._session = session
        self._max_poll_interval = max_poll_interval
        self._topics = {topic.name: topic for topic in topics}  # made again in a database that lacks them
        self._subscriptions: set[PostgresSubscription] = set()
        self._purging: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """See `Bus`."""
        await self._connections.open()
        self._news.start()
        self._purging = asyncio.create_task(self._keep_purging(), name="bus-purge")

    async def stop(self) -> None:
        """See `Bus`."""
        purging, self._purging = self._purging, None
        if purging is not None:
            purging.cancel()
        await asyncio.gather(*(subscription.stop() for subscription in list(self._subscriptions)))
        await self._news.stop()
        await self._connections.close()

    async def ensure_topics(self, topics: Sequence[TopicSpec]) -> None:
        """See `Bus`."""
        if not topics:
            return
        async with self._connections.work() as connection:
            async with connection.transaction():
                await connection.execute(
                    schema.ADD_TOPICS,
                    [topic.name for topic in topics],
                    [topic.partitions for topic in topics],
                    [topic.compacted for topic in topics],
                    [topic.retention for topic in topics],
                )
                await connection.execute(schema.ADD_PARTITIONS, [topic.name for topic in topics])
            await self._news.tell(connection, {"topics"})
        self._topics |= {topic.name: topic for topic in topics}

    async def publish(self, messages: Sequence[Message]) -> None:
        """See `Bus`. A long list is stored in several steps, in order."""
        check_sizes(messages)
        for step in _steps(messages):
            try:
                await self._append(step)
            except UnknownTopic:
                if not {message.topic for message in step} <= self._topics.keys():
                    raise
                await self.ensure_topics(list(self._topics.values()))
                await self._append(step)

    def subscribe(self, group: str, topics: Sequence[str]) -> PostgresSubscription:
        """See `Bus`."""
        subscription = PostgresSubscription(
            self._connections,
            self._news,
            group,
            topics,
            session=self._session,
            max_poll_interval=self._max_poll_interval,
            on_stop=self._subscriptions.discard,
        )
        self._subscriptions.add(subscription)
        return subscription

    async def identity(self) -> str:
        """See `Bus`."""
        async with self._connections.work() as connection:
            return str(await connection.fetchval(schema.IDENTITY))

    async def purge(self) -> int:
        """Drop messages older than the retention of their topic; answers how many. BusUnavailable."""
        async with self._connections.work() as connection:
            return int((await connection.execute(schema.PURGE)).split()[-1])

    async def _append(self, messages: Sequence[Message]) -> None:
        async with self._connections.work() as connection:
            try:
                await connection.execute(
                    schema.PUBLISH,
                    [message.topic for message in messages],
                    [crc32(message.key) for message in messages],
                    [message.key for message in messages],
                    [encode_headers(message.headers) for message in messages],
                    [message.value for message in messages],
                )
            except asyncpg.PostgresError as error:
                if error.sqlstate == schema.UNKNOWN_TOPIC_STATE:
                    raise UnknownTopic(", ".join(sorted({message.topic for message in messages}))) from error
                raise
            await self._tell(connection, messages)

    async def _tell(self, connection: Connection, messages: Sequence[Message]) -> None:
        """The messages are stored; if readers cannot be told, they find them a moment later by themselves."""
        try:
            await self._news.tell(connection, {f"topic:{message.topic}" for message in messages})
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            log.debug("stored, but nobody was told: %s", error)
            cut(connection)

    async def _keep_purging(self) -> None:
        while True:
            await asyncio.sleep(_PURGE_SECONDS)
            try:
                while await self.purge() > 0:
                    pass
            except BusUnavailable as error:
                log.debug("nothing purged: %s", error)


def _steps(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    first = size = 0
    for place, message in enumerate(messages):
        size += len(message.value)
        if place - first == _STEP_MESSAGES or (size > _STEP_BYTES and place > first):
            yield messages[first:place]
            first, size = place, len(message.value)
    if messages:
        yield messages[first:]
