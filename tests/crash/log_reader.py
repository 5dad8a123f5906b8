"""Reads the topics of the three services on from where it stopped, and says what arrived twice or out of order."""

from dataclasses import dataclass
from uuid import UUID

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from libs.common.bus.kafka_closing import close_consumer
from libs.common.contracts import hazards, notifications, registry

TOPICS = (registry.AREAS, registry.ENTERPRISES, hazards.TOPIC, notifications.TOPIC)
_SILENCE_MS = 15_000


@dataclass(slots=True)
class Reading:
    """What one reading brought: new events, events seen before, events that came after a later one of their key."""

    fresh: int = 0
    repeated: int = 0
    disordered: int = 0


class LogReader:
    """Remembers every event that was ever in the log, and the highest sequence of each key."""

    def __init__(self, servers: str) -> None:
        self._servers = servers
        self._places: dict[TopicPartition, int] = {}
        self._highest: dict[tuple[str, bytes], int] = {}
        self.seen: set[bytes] = set()

    async def read_on(self) -> Reading:
        """Everything up to what is the end now. Raises RuntimeError when the log cannot be read that far."""
        reading = Reading()
        consumer = AIOKafkaConsumer(bootstrap_servers=self._servers, enable_auto_commit=False)
        await consumer.start()
        try:
            partitions = [
                TopicPartition(topic, number)
                for topic in TOPICS
                for number in consumer.partitions_for_topic(topic) or await self._partitions(consumer, topic)
            ]
            consumer.assign(partitions)
            for partition in partitions:
                consumer.seek(partition, self._places.get(partition, 0))
            ends: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
            while any([await consumer.position(p) < end for p, end in ends.items()]):
                batches = await consumer.getmany(timeout_ms=_SILENCE_MS)
                if not batches:
                    raise RuntimeError("the log cannot be read to its end")
                for partition, records in batches.items():
                    for record in records:
                        self._take(partition.topic, record.key, dict(record.headers), reading)
            self._places = {p: await consumer.position(p) for p in partitions}
        finally:
            await close_consumer(consumer)
        return reading

    async def is_read_by(self, group: str) -> bool:
        """Whether the group has acknowledged everything in the topics that notifications reads."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._servers)
        consumer = AIOKafkaConsumer(bootstrap_servers=self._servers, enable_auto_commit=False)
        await admin.start()
        await consumer.start()
        try:
            stored = await admin.list_consumer_group_offsets(group)
            places = {partition: found.offset for partition, found in stored.items() if found.offset >= 0}
            read = [p for p in self._places if p.topic != notifications.TOPIC]
            ends: dict[TopicPartition, int] = await consumer.end_offsets(read)
        finally:
            await close_consumer(consumer)
            await admin.close()
        return all(places.get(partition, 0) >= end for partition, end in ends.items())

    def _take(self, topic: str, key: bytes, headers: dict[str, bytes], reading: Reading) -> None:
        event = UUID(headers["ce_id"].decode()).bytes
        if event in self.seen:
            reading.repeated += 1
            return
        self.seen.add(event)
        reading.fresh += 1
        sequence = int(headers["sequence"])
        if sequence <= self._highest.get((topic, key), 0):
            reading.disordered += 1
        else:
            self._highest[topic, key] = sequence

    async def _partitions(self, consumer: AIOKafkaConsumer, topic: str) -> set[int]:
        await consumer._client.add_topic(topic)
        await consumer._client.force_metadata_update()
        found: set[int] = consumer.partitions_for_topic(topic) or set()
        return found
