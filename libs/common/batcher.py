"""The batcher: gathers concurrent single requests into one call, answers each when that call has committed."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from libs.common.errors import Busy, Overloaded
from libs.common.failpoints import failpoint

T = TypeVar("T")
R = TypeVar("R")

Flush = Callable[[Sequence[T]], Awaitable[Sequence[R | BaseException]]]
"""Handles a batch; one result an item, an exception in its place refuses that item alone."""


class Batcher(Generic[T, R]):
    """Batches by itself: while one flush is under way the next batch gathers, so load alone decides its size.

    A lone item on an idle system is flushed at once. Under load a batch waits until as many have come as were there
    when the last flush ended, since those just answered ask again a moment later, and a flush costs nearly the same
    for one as for thirty; no longer than the last flush took, and than `max_wait` (seconds). The queue is
    bounded: full means Overloaded. A cancelled caller never cancels the flush that it is part of.
    """

    def __init__(
        self, flush: Flush[T, R], *, max_items: int = 256, max_wait: float = 0.01, queue: int = 4000, parallel: int = 2
    ) -> None:
        self._flush = flush
        self._max_items = max_items
        self._max_wait = max_wait
        self._limit = queue
        self._parallel = parallel
        self._queue: deque[tuple[T, asyncio.Future[R]]] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._alarm: asyncio.TimerHandle | None = None
        self._due = 0.0  # when the alarm goes off, by the clock of the event loop
        self._expected = 1  # as many as were here when the last flush ended: those it answered and those that wait
        self._took = 0.0  # seconds of the last flush

    async def submit(self, item: T) -> R:
        """The result of this item, once its batch has committed. Raises Overloaded when the queue is full."""
        if len(self._queue) >= self._limit:
            raise Overloaded
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._queue.append((item, future))
        self._consider()
        return await future

    async def drain(self) -> None:
        """Returns when everything that was submitted has been answered."""
        while self._queue or self._running:
            self._start()
            await asyncio.wait(set(self._running), return_when=asyncio.FIRST_COMPLETED)

    def _consider(self) -> None:
        if len(self._running) >= self._parallel:
            return
        enough = self._max_items if self._running else min(self._expected, self._max_items)
        if len(self._queue) >= enough:
            self._set_alarm(0.0)
        elif self._alarm is None:
            self._set_alarm(min(self._max_wait, self._took))

    def _set_alarm(self, seconds: float) -> None:
        """At 0 the batch starts when this round of the event loop is over, so that all that came in it are in."""
        loop = asyncio.get_running_loop()
        if self._alarm is not None:
            if self._due <= loop.time():
                return
            self._alarm.cancel()
        self._due = loop.time() + seconds  # not asked of the alarm: uvloop has none that knows when 0 is
        self._alarm = loop.call_later(seconds, self._start)

    def _start(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        while self._queue and len(self._running) < self._parallel:
            count = min(self._max_items, len(self._queue))
            batch = [self._queue.popleft() for _ in range(count)]
            task = asyncio.ensure_future(self._run(batch))
            self._running.add(task)
            task.add_done_callback(self._done)
            if len(self._queue) < self._max_items:
                break
        if self._queue:
            self._consider()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if self._queue:
            self._consider()

    async def _run(self, batch: list[tuple[T, asyncio.Future[R]]]) -> None:
        began = asyncio.get_running_loop().time()
        try:
            failpoint("batcher.gathered")
            results = await self._flush([item for item, _ in batch])
            failpoint("batcher.flushed")
            if len(results) != len(batch):
                raise RuntimeError(f"{len(results)} answers to {len(batch)} items")
        except BaseException as error:  # handed on to every caller of the batch, whatever it is
            for _, future in batch:
                if not future.done():
                    future.set_exception(Busy() if isinstance(error, asyncio.CancelledError) else error)
            if not isinstance(error, Exception):
                raise
            return
        finally:
            self._took = asyncio.get_running_loop().time() - began
            self._expected = len(batch) + len(self._queue)
        for (_, future), result in zip(batch, results, strict=True):
            if future.done():
                continue
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)
