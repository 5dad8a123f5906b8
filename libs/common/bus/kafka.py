"""The bus on Apache Kafka, through aiokafka."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from libs.common.bus.base import BusUnavailable, Message, TopicSpec, UnknownTopic, check_sizes
from libs.common.bus.kafka_producer import Producer
from libs.common.bus.kafka_subscription import KafkaSubscription

log = logging.getLogger(__name__)

_ADMIN_SECONDS: Final = 8.0
_LOOK_SECONDS: Final = 0.05


class KafkaBus:
    """See `Bus` in `base` for the promises.

    `session` is how long (seconds) a member may be silent before its partitions go to others; the broker sets limits.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        *,
        client_id: str = "hazardloop",
        topics: Sequence[TopicSpec] = (),
        session: float = 10.0,
        max_poll_interval: float = 300.0,
    ) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._client_id = client_id
        self._session = session
        self._max_poll_interval = max_poll_interval
        self._producer = Producer(bootstrap_servers, client_id)
        self._topics = {topic.name: topic for topic in topics}  # made again in a log that lacks them
        self._subscriptions: set[KafkaSubscription] = set()

    async def start(self) -> None:
        """See `Bus`. Clients connect when they are first needed."""

    async def stop(self) -> None:
        """See `Bus`."""
        subscriptions = [subscription.stop() for subscription in list(self._subscriptions)]
        await asyncio.gather(self._producer.close(), *subscriptions)

    async def ensure_topics(self, topics: Sequence[TopicSpec]) -> None:
        """See `Bus`. Replication is what the brokers do by default; returns when the topics can be written to."""
        if not topics:
            return
        async with self._admin() as admin:
            response = await admin.create_topics([_new_topic(topic) for topic in topics])
            for name, code, *text in response.topic_errors:
                if code and for_code(code) is not TopicAlreadyExistsError:
                    raise BusUnavailable(f"topic {name} could not be made: {for_code(code).__name__} {text}")
            while True:
                if await _visible(admin, topics):
                    break
                await asyncio.sleep(_LOOK_SECONDS)
        self._topics |= {topic.name: topic for topic in topics}

    async def publish(self, messages: Sequence[Message]) -> None:
        """See `Bus`."""
        if not messages:
            return
        check_sizes(messages)
        try:
            await self._producer.publish(messages)
        except UnknownTopic:
            if not {message.topic for message in messages} <= self._topics.keys():
                raise
            await self.ensure_topics(list(self._topics.values()))
            await self._producer.publish(messages)

    def subscribe(self, group: str, topics: Sequence[str]) -> KafkaSubscription:
        """See `Bus`."""
        subscription = KafkaSubscription(
            self._bootstrap_servers,
            self._client_id,
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
        async with self._admin() as admin:
            return str((await admin.describe_cluster())["cluster_id"])

    @contextlib.asynccontextmanager
    async def _admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(
            bootstrap_servers=self._bootstrap_servers, client_id=self._client_id, request_timeout_ms=5000
        )
        try:
            async with asyncio.timeout(_ADMIN_SECONDS):
                await admin.start()
                yield admin
        except (KafkaError, OSError, AttributeError) as error:  # AttributeError: aiokafka, before a controller is known
            raise BusUnavailable(f"Kafka is away: {error!r}") from error
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await admin.close()


def _new_topic(topic: TopicSpec) -> NewTopic:
    configs = {"cleanup.policy": "compact"} if topic.compacted else {"cleanup.policy": "delete", "retention.ms": "-1"}
    if topic.retention is not None:
        configs["retention.ms"] = str(int(topic.retention.total_seconds() * 1000))
    new = NewTopic(name=topic.name, num_partitions=topic.partitions, replication_factor=1, topic_configs=configs)
    new.replication_factor = -1  # "as the broker does"; the constructor refuses it, the protocol knows it
    return new


async def _visible(admin: AIOKafkaAdminClient, topics: Sequence[TopicSpec]) -> bool:
    """Whether every topic has a leader for every partition, so that the first message finds its way."""
    found = {topic["topic"]: topic for topic in await admin.describe_topics([topic.name for topic in topics])}
    for topic in topics:
        partitions = found[topic.name]["partitions"]
        if found[topic.name]["error_code"] or any(partition["leader"] < 0 for partition in partitions):
            return False
        if len(partitions) != topic.partitions:
            log.warning("topic %s has %d partitions, not %d", topic.name, len(partitions), topic.partitions)
    return True
