"""The consumer: events from the bus become effects, each once, in one transaction with the inbox."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from libs.common.bus.base import Bus, BusUnavailable, Delivered, Subscription, UnknownTopic
from libs.common.clock import Clock
from libs.common.copies import Copies, current_reading, id_in_reading, note_filled
from libs.common.db import Database, Tx
from libs.common.dead_letters import DeadLetter, bury, count_lying, exhume, mark_replayed
from libs.common.envelope import BadEnvelope, Event, from_message
from libs.common.errors import Busy
from libs.common.facts import database_id
from libs.common.failpoints import failpoint
from libs.common.inbox import seen_before
from libs.common.metrics import CONSUMED
from libs.common.stopping import rest

log = logging.getLogger(__name__)

Apply = Callable[[Tx, Sequence[Event], datetime], Awaitable[None]]
"""What a service does with fresh events, in the order of the log, set-based; raising refuses the whole batch."""

BATCH = 500
_NONE: Copies = MappingProxyType({})


class Consumer:
    """One member of the group `<name>-<database id>`, reading some topics into one database.

    Where a table of `copies` has been emptied since, the group is a new one that reads the log from its beginning.
    """

    def __init__(
        self,
        name: str,
        db: Database,
        bus: Bus,
        topics: Sequence[str],
        apply: Apply,
        clock: Clock,
        *,
        batch: int = BATCH,
        copies: Copies = _NONE,
    ) -> None:
        self._name = name
        self._db = db
        self._bus = bus
        self._topics = topics
        self._apply = apply
        self._clock = clock
        self._batch = batch
        self._copies = copies
        self._reading = 0
        self._filled: frozenset[str] = frozenset()

    async def run(self, stop: asyncio.Event) -> None:
        """Consumes until `stop` is set. What was taken and not finished comes again to whoever is next."""
        subscription: Subscription | None = None
        try:
            while not stop.is_set():
                try:
                    if subscription is None:
                        subscription = self._bus.subscribe(await self._group(), self._topics)
                        await subscription.start()
                    await self._step(subscription, stop)
                except (BusUnavailable, UnknownTopic, Busy) as error:
                    log.warning("consumer %s waits: %s", self._name, error)
                    await rest(stop, 0.5)
        finally:
            if subscription is not None:
                await subscription.stop()

    async def _group(self) -> str:
        self._reading = await current_reading(self._db, self._copies.values())
        group = f"{self._name}-{await database_id(self._db)}"
        return f"{group}-{self._reading}" if self._reading else group

    async def _step(self, subscription: Subscription, stop: asyncio.Event) -> None:
        delivered = await subscription.poll(self._batch, 0.5)
        if not delivered:
            return
        failpoint("consumer.polled")
        while True:
            try:
                await self.handle(delivered)
                break
            except Busy as error:  # the database is away: keep what was taken and try again, nothing is acknowledged
                log.warning("consumer %s holds %d events: %s", self._name, len(delivered), error)
                await rest(stop, 0.5)
                if stop.is_set():
                    return
        failpoint("consumer.committed")
        await subscription.ack(delivered)
        failpoint("consumer.acknowledged")

    async def handle(self, delivered: Sequence[Delivered]) -> None:
        """The effect of these messages, once each. What cannot be handled goes to the dead letters alone.

        Raises Busy when the database is away; nothing of the batch has happened then, or all of it.
        """
        good: list[tuple[Delivered, Event]] = []
        bad: list[tuple[Delivered, str]] = []
        for item in delivered:
            try:
                good.append((item, from_message(item.message)))
            except BadEnvelope as error:
                bad.append((item, _reason(error)))
        try:
            await self._effect([event for _, event in good])
        except Busy:
            raise
        except Exception:  # some event of the batch is poison: its halves find out which
            log.exception("consumer %s: a batch of %d failed and is halved", self._name, len(good))
            bad += await self._apart(good)
        if bad:
            await self._bury(bad)
        CONSUMED.labels(self._name, "handled").inc(len(delivered) - len(bad))

    async def replay_dead_letters(self, limit: int = 1000) -> int:
        """Handles buried messages again, oldest first, each alone, after the cause was mended.

        How many had their effect; what fails again stays buried with its new reason. Raises Busy.
        """
        tried: list[UUID] = []
        healed = 0
        while len(tried) < limit:
            letter: DeadLetter | None = None
            try:
                async with self._db.transaction() as tx:
                    letter = await exhume(tx, self._topics, tried)
                    if letter is None:
                        break
                    tried.append(letter.id)
                    await self._effect_in(tx, [from_message(letter.delivered.message)])
                    await mark_replayed(tx, letter, self._clock.now())
                healed += 1
            except Busy:
                raise
            except Exception as error:
                if letter is None:
                    raise
                log.exception("consumer %s: a dead letter fails again", self._name)
                await self._bury([(letter.delivered, _reason(error))])
        return healed

    async def replay_all(self) -> tuple[int, int]:
        """Every buried message again, each once: how many had their effect, how many stay. Raises Busy."""
        async with self._db.transaction() as tx:
            lying = await count_lying(tx, self._topics)
        healed = await self.replay_dead_letters(lying)
        return healed, lying - healed

    async def _apart(self, items: Sequence[tuple[Delivered, Event]]) -> list[tuple[Delivered, str]]:
        """The effect of a batch that failed as a whole: of its halves, in order, until the event at fault fails alone.

        One bad event among five hundred costs nineteen transactions and not five hundred, so that nobody waits for it.
        """
        failed: list[tuple[Delivered, str]] = []
        half = len(items) // 2
        for part in (items[:half], items[half:]):
            try:
                await self._effect([event for _, event in part])
            except Busy:
                raise
            except Exception as error:
                if len(part) > 1:
                    failed += await self._apart(part)
                    continue
                ((item, event),) = part
                log.exception("consumer %s: event %s goes to the dead letters", self._name, event.id)
                failed.append((item, _reason(error)))
        return failed

    async def _bury(self, letters: Sequence[tuple[Delivered, str]]) -> None:
        async with self._db.transaction() as tx:
            await bury(tx, letters, self._clock.now())
        CONSUMED.labels(self._name, "dead").inc(len(letters))

    async def _effect(self, events: Sequence[Event]) -> None:
        if events:
            filled = {self._copies[event.topic] for event in events if event.topic in self._copies} - self._filled
            async with self._db.transaction() as tx:
                await self._effect_in(tx, events)
                await note_filled(tx, sorted(filled))
            self._filled |= filled

    async def _effect_in(self, tx: Tx, events: Sequence[Event]) -> None:
        now = self._clock.now()
        ids = [id_in_reading(event, self._reading, self._copies) for event in events]
        seen = await seen_before(tx, ids, now)
        failpoint("consumer.remembered")
        fresh: list[Event] = []
        for known_as, event in zip(ids, events, strict=True):
            if known_as not in seen:
                seen.add(known_as)
                fresh.append(event)
        if fresh:
            await self._apply(tx, fresh, now)
            failpoint("consumer.applied")


def _reason(error: Exception) -> str:
    return f"bad_envelope: {error}" if isinstance(error, BadEnvelope) else f"{type(error).__name__}: {error}"
