"""One member of a Kafka consumer group: manual commits, fenced by what was delivered since the last rebalance."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from libs.common.bus.base import BusUnavailable, Delivered, Message
from libs.common.bus.kafka_closing import close_consumer
from libs.common.bus.kafka_producer import RETRY_MS
from libs.common.bus.kafka_progress import Progress
from libs.common.bus.kafka_tolerance import tolerate

log = logging.getLogger(__name__)

_CONNECT_SECONDS: Final = 10.0
_COMMIT_SECONDS: Final = 5.0
_GRACE_SECONDS: Final = 3.0  # how much longer than asked a fetch may take before its client counts as stuck
_UNASSIGNED_SECONDS: Final = 30.0  # beyond the session: how long a client may stay without an assignment
_LOOK_SECONDS: Final = 0.2
_RETRY_SECONDS: Final = (0.1, 0.2, 0.5, 1.0, 2.0)


class KafkaSubscription:
    """See `Subscription` in `base` for the promises."""

    def __init__(
        self,
        bootstrap_servers: str,
        client_id: str,
        group: str,
        topics: Sequence[str],
        *,
        session: float,
        max_poll_interval: float,
        on_stop: Callable[[KafkaSubscription], None],
    ) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._client_id = client_id
        self._group = group
        self._topics = tuple(topics)
        self._session = session
        self._max_poll_interval = max_poll_interval
        self._on_stop = on_stop
        self._consumer: AIOKafkaConsumer | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._wanted = asyncio.Event()  # a consumer is missing
        self._assigned = asyncio.Event()  # the consumer is a member and knows its partitions
        self._unassigned_since = 0.0
        self._progress = Progress()
        self._commit: asyncio.Task[None] | None = None
        self._stopped = False

    @property
    def assigned(self) -> frozenset[tuple[str, int]]:
        """The partitions that this member holds now."""
        if self._consumer is None or not self._assigned.is_set():
            return frozenset()
        return frozenset((tp.topic, tp.partition) for tp in self._consumer.assignment())

    async def start(self) -> None:
        """Begin to join; see `Subscription`."""
        if self._keeper is None:
            self._stopped = False
            self._wanted.set()
            self._keeper = asyncio.create_task(self._keep_consumer(), name=f"bus-member-{self._group}")

    async def stop(self) -> None:
        """Leave; see `Subscription`."""
        self._on_stop(self)
        self._stopped = True
        keeper, self._keeper = self._keeper, None
        if keeper is None:
            return
        keeper.cancel()
        await asyncio.wait([keeper], timeout=_GRACE_SECONDS)
        self._forget()
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await close_consumer(consumer)

    async def poll(self, max_messages: int, timeout: float) -> list[Delivered]:
        """Messages after those delivered; see `Subscription`."""
        if self._keeper is not None and self._keeper.done():
            self._keeper.result()  # an error of ours must not look like a quiet log
        deadline = _now() + timeout
        consumer = await self._member(deadline)
        if consumer is None:
            return []
        wait = max(0.0, deadline - _now())
        try:
            async with asyncio.timeout(wait + _GRACE_SECONDS):  # no task of its own: see `Subscription.poll`
                batches = await consumer.getmany(timeout_ms=int(wait * 1000), max_records=max_messages)
        except UnicodeDecodeError as error:  # a header's name; what else was in the same fetch comes again
            tolerate()
            self._lose(consumer, error)
            return []
        except (KafkaError, OSError) as error:
            self._lose(consumer, error)
            return []
        found: list[Delivered] = []
        for partition, records in batches.items():
            self._progress.hand_out(partition, records[0].offset, records[-1].offset)
            found.extend(_delivered(record) for record in records)
        return found

    async def ack(self, delivered: Sequence[Delivered]) -> None:
        """Store what is done; see `Subscription`."""
        done = self._progress.to_commit(delivered)
        if not done or self._consumer is None:
            return
        consumer = self._consumer
        self._commit = asyncio.create_task(consumer.commit(done))
        try:
            async with asyncio.timeout(_COMMIT_SECONDS):
                await asyncio.wait([self._commit])
        except TimeoutError:
            raise BusUnavailable("Kafka did not confirm the acknowledgement") from None
        finally:
            self._commit.cancel()
        if self._commit.cancelled():  # by the rebalance: the partitions went elsewhere, or are ours anew
            return
        try:
            self._commit.result()
        except (CommitFailedError, IllegalStateError) as error:
            log.info("%s: acknowledged too late, the partitions have moved: %s", self._group, error)
        except (KafkaError, OSError) as error:
            raise BusUnavailable(f"Kafka refused the acknowledgement: {error!r}") from error
        else:
            self._progress.committed(done)

    def _on_assigned(self, consumer: AIOKafkaConsumer) -> None:
        if self._consumer is consumer and not self._wanted.is_set():
            self._assigned.set()

    def _on_revoked(self, consumer: AIOKafkaConsumer) -> None:
        if self._consumer is consumer:
            self._forget()

    def _forget(self) -> None:
        """The assignment is over. A commit under way must not be repeated in the name of the next generation."""
        self._assigned.clear()
        self._unassigned_since = _now()
        self._progress.forget()
        if self._commit is not None:
            self._commit.cancel()

    async def _member(self, deadline: float) -> AIOKafkaConsumer | None:
        """The consumer once it has an assignment; None if it has none by `deadline`. Waits here, not in the fetch:
        a fetch that is cancelled while it waits for an assignment stops counting its own idle time.
        """
        while not self._assigned.is_set():
            consumer = self._consumer
            if consumer is not None:
                try:
                    consumer._coordinator.check_errors()
                except KafkaError as error:
                    self._lose(consumer, error)
                if _now() - self._unassigned_since > self._session + _UNASSIGNED_SECONDS:
                    self._lose(consumer, TimeoutError("no assignment"))
            if _now() >= deadline:
                return None
            seconds = min(_LOOK_SECONDS, deadline - _now())
            if consumer is None:
                await self._assignment(seconds)
            else:
                with consumer._subscription.fetch_context():  # we are polling: it may rejoin after a long absence
                    await self._assignment(seconds)
        if self._consumer is not None and self._consumer._fetcher._fetch_task.done():
            self._lose(self._consumer, RuntimeError("the fetcher has ended"))
        return self._consumer

    async def _assignment(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._assigned.wait()

    def _lose(self, consumer: AIOKafkaConsumer, error: Exception) -> None:
        if self._consumer is consumer and not self._wanted.is_set():
            log.warning("%s: starting another Kafka client: %r", self._group, error)
            self._forget()
            self._wanted.set()

    async def _keep_consumer(self) -> None:
        """Make a consumer whenever one is wanted, for as long as it takes."""
        failures = 0
        while not self._stopped:
            await self._wanted.wait()
            consumer, self._consumer = self._consumer, None
            if consumer is not None:
                await close_consumer(consumer)
            try:
                self._consumer = await self._connect()
            except (KafkaError, OSError) as error:
                log.log(logging.DEBUG if failures else logging.WARNING, "%s: Kafka is away: %r", self._group, error)
                await asyncio.sleep(_RETRY_SECONDS[min(failures, len(_RETRY_SECONDS) - 1)])
                failures += 1
            else:
                failures = 0
                self._wanted.clear()

    async def _connect(self) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap_servers,
            client_id=self._client_id,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=int(self._session * 1000),
            heartbeat_interval_ms=int(self._session * 1000 / 3),
            max_poll_interval_ms=int(self._max_poll_interval * 1000),
            request_timeout_ms=10_000,
            metadata_max_age_ms=5000,  # a topic made later is found within this time
            retry_backoff_ms=RETRY_MS,
        )
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await consumer.start()
            self._forget()
            watch = _Watch(lambda: self._on_assigned(consumer), lambda: self._on_revoked(consumer))
            consumer.subscribe(list(self._topics), listener=watch)
        except (KafkaError, OSError, asyncio.CancelledError):
            await close_consumer(consumer)
            raise
        return consumer


class _Watch(ConsumerRebalanceListener):  # type: ignore[misc]
    """Only notes: an exception in these callbacks would be swallowed, a lock would deadlock with a waiting fetch."""

    def __init__(self, on_assigned: Callable[[], None], on_revoked: Callable[[], None]) -> None:
        self._on_assigned = on_assigned
        self._on_revoked = on_revoked

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self._on_revoked()

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._on_assigned()


def _delivered(record: ConsumerRecord) -> Delivered:
    headers = tuple([one if one[1] is not None else (one[0], b"") for one in record.headers])  # Kafka knows bare names
    message = Message(record.topic, record.key or b"", record.value or b"", headers)
    return Delivered(message, record.partition, record.offset)


def _now() -> float:
    return asyncio.get_running_loop().time()
