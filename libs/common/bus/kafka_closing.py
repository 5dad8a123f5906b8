"""Ending aiokafka clients that may be stuck: asked politely, then taken apart, never waited for.

aiokafka's own `stop()` waits for the broker: a producer for everything unsent (aiokafka#1101), a consumer for its
coordinator. What is left after the time-out is cancelled here by its private name; there is no public way.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

log = logging.getLogger(__name__)

POLITE_SECONDS: Final = 2.0
_CUT_SECONDS: Final = 0.5


async def close_producer(producer: AIOKafkaProducer) -> None:
    """End a producer within seconds; what it has not sent is never sent, so a successor cannot be overtaken by it."""
    accumulator, sender = producer._message_accumulator, producer._sender.sender_task
    if sender is not None:
        sender.remove_done_callback(producer._sender._fail_all)  # done below; on its own it fails without transactions
    batches = [*accumulator._pending_batches, *(batch for queue in accumulator._batches.values() for batch in queue)]
    accumulator.fail_all(KafkaError("the producer was given up"))
    for batch in batches:
        if batch._drain_waiter.done():
            batch._drain_waiter.exception()  # see `_look_at`
    await _bounded(producer.stop(), POLITE_SECONDS)
    await _cut([sender])
    _look_at(sender)
    await _bounded(producer.client.close(), _CUT_SECONDS)


async def close_consumer(consumer: AIOKafkaConsumer) -> None:
    """End a consumer within seconds: it leaves its group if the broker answers, and is dropped if not."""
    await _bounded(consumer.stop(), POLITE_SECONDS)
    coordinator, fetcher = consumer._coordinator, consumer._fetcher
    names = ("_coordination_task", "_heartbeat_task", "_commit_refresh_task")
    tasks = [getattr(coordinator, name, None) for name in names]
    if fetcher is not None:
        tasks += [fetcher._fetch_task, *fetcher._pending_tasks]
    await _cut(tasks)
    await _bounded(consumer._client.close(), _CUT_SECONDS)


async def _bounded(work: Coroutine[Any, Any, Any], seconds: float) -> None:
    task = asyncio.ensure_future(work)
    await asyncio.wait([task], timeout=seconds)
    await _cut([task])
    _look_at(task)


def _look_at(task: asyncio.Task[Any] | None) -> None:
    """What goes wrong while closing is of no consequence, but asyncio complains about errors that nobody looked at."""
    if task is not None and task.done() and not task.cancelled() and (error := task.exception()):
        log.debug("closing a Kafka client: %r", error)


async def _cut(tasks: list[asyncio.Task[Any] | None]) -> None:
    """Cancel twice: aiokafka's sender answers the first time by waiting for its requests, and the second by ending."""
    for _ in range(2):
        left = [task for task in tasks if task is not None and not task.done()]
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=_CUT_SECONDS / 2)
