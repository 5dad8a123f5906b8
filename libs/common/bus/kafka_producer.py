"""The idempotent producer: pipelined, bounded, and replaced whenever it failed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from libs.common.bus.base import BusUnavailable, Message, UnknownTopic
from libs.common.bus.kafka_batches import in_layers
from libs.common.bus.kafka_closing import close_producer
from libs.common.failpoints import failpoint

log = logging.getLogger(__name__)

CONNECT_SECONDS: Final = 5.0
RETRY_MS: Final = 250  # between attempts at a broker that is away: each writes several lines into the log
PUBLISH_SECONDS: Final = 5.0
_TOPIC_SECONDS: Final = 2.0  # a topic just made may not have reached the broker that we ask
_LOOK_SECONDS: Final = 0.05
_BATCH_BYTES: Final = 524_288  # a partition's share of one request: what does not fit waits for the next


class Producer:
    """Keeps one aiokafka producer alive.

    A producer that failed once is not trusted again: it may hold messages that it would send later, be stuck on a
    sequence number (aiokafka#1017), or have lost its sender (#1039). It is closed before the next one begins.
    """

    def __init__(self, bootstrap_servers: str, client_id: str) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._client_id = client_id
        self._producer: AIOKafkaProducer | None = None
        self._replacing = asyncio.Lock()
        self._handing_over = asyncio.Lock()  # who waits for a partition beside others may wait in vain until it is late

    async def publish(self, messages: Sequence[Message]) -> None:
        """Store all messages or raise BusUnavailable; UnknownTopic before anything is sent."""
        producer = await self._ready()
        try:
            async with asyncio.timeout(PUBLISH_SECONDS):
                for topic in {message.topic for message in messages}:
                    await _find_topic(producer, topic)
                await self._send(producer, messages)
        except UnknownTopic:
            raise
        except (KafkaError, OSError, TypeError) as error:  # TypeError: aiokafka, when a topic vanishes meanwhile
            await self._give_up(producer)
            raise BusUnavailable(f"not published: {error!r}") from error

    async def close(self) -> None:
        """End the producer, within seconds."""
        async with self._replacing:
            producer, self._producer = self._producer, None
            if producer is not None:
                await close_producer(producer)

    async def _send(self, producer: AIOKafkaProducer, messages: Sequence[Message]) -> None:
        """Hand everything over, then wait once: waiting for each message in turn is 28 times slower."""
        stored: list[asyncio.Future[Any]] = []
        try:
            async with self._handing_over:
                for place, batch in in_layers(producer, messages):
                    stored.append(await producer.send_batch(batch, place.topic, partition=place.partition))
            failpoint("producer.sending")
            outcomes = await asyncio.gather(*stored, return_exceptions=True)
        finally:
            for future in stored:
                future.cancel()  # nobody looks at them any more; a no-op for those that are done
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def _ready(self) -> AIOKafkaProducer:
        async with self._replacing:
            if self._producer is not None and not _works(self._producer):
                log.warning("the Kafka producer has lost its sender, starting another")
                await close_producer(self._producer)
                self._producer = None
            if self._producer is None:
                self._producer = await self._connect()
            return self._producer

    async def _connect(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap_servers,
            client_id=self._client_id,
            enable_idempotence=True,
            acks="all",
            max_batch_size=_BATCH_BYTES,
            request_timeout_ms=5000,
            retry_backoff_ms=RETRY_MS,
            metadata_max_age_ms=60_000,
        )
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await producer.start()
        except (KafkaError, OSError) as error:
            await close_producer(producer)
            raise BusUnavailable(f"Kafka is away: {error!r}") from error
        except asyncio.CancelledError:
            await close_producer(producer)
            raise
        return producer

    async def _give_up(self, producer: AIOKafkaProducer) -> None:
        async with self._replacing:
            if self._producer is producer:
                self._producer = None
                await close_producer(producer)


def _works(producer: AIOKafkaProducer) -> bool:
    task: asyncio.Task[None] | None = producer._sender.sender_task
    return task is not None and not task.done()


async def _find_topic(producer: AIOKafkaProducer, topic: str) -> None:
    client = producer.client
    deadline = asyncio.get_running_loop().time() + _TOPIC_SECONDS
    while True:
        if client.cluster.partitions_for_topic(topic):
            return
        if asyncio.get_running_loop().time() > deadline:
            raise UnknownTopic(topic)
        await client.add_topic(topic)
        await client.force_metadata_update()
        await asyncio.sleep(_LOOK_SECONDS)
