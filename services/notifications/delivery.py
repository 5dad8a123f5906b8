"""The door for messages: claims them with a lease, sends them, records how it went; no transaction is open meanwhile.

After a crash between sending and recording the lease ends and the same message goes out again under the same id.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Protocol

from libs.common.clock import Clock
from libs.common.db import Database
from libs.common.errors import Busy
from libs.common.failpoints import failpoint
from libs.common.metrics import DELIVERY_ATTEMPTS
from services.notifications.channels.bulkhead import Bulkhead
from services.notifications.domain.audience import Channel
from services.notifications.domain.delivery import Backoff, Claimed, Outcome, Result
from services.notifications.store import deliveries

log = logging.getLogger(__name__)

_IDLE_SECONDS = 0.2
# that a result waits for others, to be recorded with them: each turn is a flush to the disk; less while places are few
_GATHER_SECONDS, _SHORT_GATHER_SECONDS = 0.1, 0.01
_LAST_WORDS_SECONDS = 3.0


class Sender(Protocol):
    """One way to reach a person."""

    async def send(self, message: Claimed) -> Result:
        """One attempt, bounded in time; never raises for what the other side does."""
        ...

    async def close(self) -> None:
        """Closes what is open."""
        ...


class DeliveryDoor:
    """Sends what is due, some at a time; run one on every replica."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        senders: Mapping[Channel, Sender],
        *,
        concurrency: int,
        lease: timedelta,
        backoff: Backoff,
    ) -> None:
        self._db = db
        self._clock = clock
        self._senders = senders
        self._concurrency = concurrency
        self._lease = lease
        self._backoff = backoff
        self._bulkhead = Bulkhead(concurrency)
        self._sending: dict[asyncio.Task[Result], Claimed] = {}
        self._unrecorded: list[tuple[Claimed, Result]] = []

    async def run(self, stop: asyncio.Event) -> None:
        """Sends until `stop` is set; then what is under way gets a few seconds, and comes again if it needs more."""
        try:
            while not stop.is_set():
                try:
                    await self._turn()
                except Busy as error:
                    log.warning("deliveries wait: %s", error)
                await self._wait(stop)
            await self._finish()
        finally:
            for task in self._sending:
                task.cancel()

    async def sweep(self) -> int:
        """Sends everything that is due now and records it; how many attempts were made. Raises Busy."""
        made = 0
        while started := await self._turn():
            made += started
            await asyncio.wait(self._sending)
        await self._record()
        return made

    async def close(self) -> None:
        """Closes the channels."""
        for sender in self._senders.values():
            await sender.close()

    async def _turn(self) -> int:
        """Records what is finished, claims as much as there is room for and begins to send it; how much that was.

        When a receiver has no room left the claim is repeated without it: others may wait behind its messages.
        """
        started = 0
        while True:
            full = self._full()
            claimed = await self._record_and_claim()
            for message in claimed:
                self._bulkhead.enter(message.receiver)
                self._sending[asyncio.create_task(self._send(message))] = message
            started += len(claimed)
            if not claimed or self._full() == full or len(self._sending) >= self._concurrency:
                return started

    def _full(self) -> set[str]:
        return {receiver for receiver, places in self._bulkhead.room().items() if not places}

    async def _record_and_claim(self) -> list[Claimed]:
        """One transaction, hence one flush, for what is done and what comes next. Raises Busy; nothing is lost then."""
        self._collect()
        limit = self._concurrency - len(self._sending)
        if not self._unrecorded and limit <= 0:
            return []
        claimed: list[Claimed] = []
        async with self._db.transaction() as tx:
            now = self._clock.now()
            if self._unrecorded:
                await deliveries.record(tx, self._unrecorded, self._backoff, now)
                failpoint("sender.recording")
            if limit > 0:
                room = self._bulkhead.room()
                claimed = await deliveries.claim(tx, limit, self._lease, now, room=room, share=self._bulkhead.share)
        failpoint("sender.recorded")
        self._count()
        failpoint("sender.claimed")
        return claimed

    async def _send(self, message: Claimed) -> Result:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            return await self._call(message)
        finally:
            self._bulkhead.leave(message.receiver, loop.time() - began)

    async def _call(self, message: Claimed) -> Result:
        if message.address is None:
            return Result(Outcome.FAILED, error="contact_gone")
        begun = self._clock.now()
        failpoint("sender.calling")
        result = await self._senders[message.channel].send(message)
        failpoint("sender.called")
        return replace(result, latency_ms=int((self._clock.now() - begun).total_seconds() * 1000))

    def _collect(self) -> None:
        for task in [task for task in self._sending if task.done()]:
            message = self._sending.pop(task)
            self._unrecorded.append((message, _result_of(task)))

    async def _record(self) -> None:
        self._collect()
        if self._unrecorded:
            async with self._db.transaction() as tx:
                await deliveries.record(tx, self._unrecorded, self._backoff, self._clock.now())
            self._count()

    def _count(self) -> None:
        """What was recorded is forgotten here."""
        for message, result in self._unrecorded:
            DELIVERY_ATTEMPTS.labels(message.channel.value, result.outcome.value, result.error or "").inc()
        self._unrecorded.clear()

    async def _wait(self, stop: asyncio.Event) -> None:
        """Until some messages are through, `stop` is set, or it is time to look again."""
        stopping = asyncio.ensure_future(stop.wait())
        done, _ = await asyncio.wait(
            {stopping, *self._sending}, timeout=_IDLE_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        if done:
            few = len(self._sending) > self._concurrency // 2
            await asyncio.wait({stopping}, timeout=_SHORT_GATHER_SECONDS if few else _GATHER_SECONDS)
        stopping.cancel()

    async def _finish(self) -> None:
        if self._sending:
            await asyncio.wait(self._sending, timeout=_LAST_WORDS_SECONDS)
        try:
            await self._record()
        except Busy:
            log.warning("%d messages are recorded by whoever sends them again", len(self._unrecorded))


def _result_of(task: "asyncio.Task[Result]") -> Result:
    """A fault in a channel costs that attempt alone."""
    if task.cancelled():
        return Result(Outcome.FAILED, error="cancelled")
    if error := task.exception():
        log.error("a channel failed", exc_info=error)
        return Result(Outcome.FAILED, error="fault")
    return task.result()
