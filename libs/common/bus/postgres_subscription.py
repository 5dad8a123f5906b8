"""One member of a group on the PostgreSQL bus: its heartbeat, what it reads, what it acknowledges."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID, uuid4

from libs.common.bus import postgres_group as group_work
from libs.common.bus import postgres_schema as schema
from libs.common.bus.base import BusUnavailable, Delivered
from libs.common.bus.postgres_connections import Connections, News
from libs.common.bus.postgres_group import Beat, Lease, Place
from libs.common.bus.postgres_records import to_delivered

log = logging.getLogger(__name__)

_LOOK_SECONDS: Final = (1.0, 0.1)  # how often to look without being told: when news are heard, when they are not
_LEAVE_SECONDS: Final = 2.0
_BEATS_PER_SESSION: Final = 3
_RETRY_SECONDS: Final = 0.5


class PostgresSubscription:
    """See `Subscription` in `base` for the promises."""

    def __init__(
        self,
        connections: Connections,
        news: News,
        group: str,
        topics: Sequence[str],
        *,
        session: float,
        max_poll_interval: float,
        on_stop: Callable[[PostgresSubscription], None],
    ) -> None:
        self._connections = connections
        self._news = news
        self._group = group
        self._topics = tuple(topics)
        self._session = session
        self._max_poll_interval = max_poll_interval
        self._on_stop = on_stop
        self._id: UUID = uuid4()
        self._leases: dict[Place, Lease] = {}
        self._turn = 0  # which partition is read first; it moves on, so that none starves
        self._arrived = asyncio.Event()
        self._regroup = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._last_poll = 0.0
        self._away = False
        self._stopped = False

    @property
    def assigned(self) -> frozenset[Place]:
        """The partitions that this member holds now."""
        return frozenset(self._leases)

    async def start(self) -> None:
        """Begin to join; see `Subscription`."""
        if self._task is None:
            self._stopped = False
            self._last_poll = _now()
            self._news.watch([f"topic:{topic}" for topic in self._topics], self._arrived)
            self._news.watch([f"group:{self._group}", "topics"], self._regroup)
            self._task = asyncio.create_task(self._stay_member(), name=f"bus-member-{self._group}")

    async def stop(self) -> None:
        """Leave; see `Subscription`."""
        self._on_stop(self)
        self._stopped = True
        task, self._task = self._task, None
        if task is None:
            return
        self._news.forget(self._arrived)
        self._news.forget(self._regroup)
        task.cancel()
        await asyncio.wait([task], timeout=1.0)
        self._leases.clear()
        await self._leave()

    async def poll(self, max_messages: int, timeout: float) -> list[Delivered]:
        """Messages after those delivered; see `Subscription`."""
        deadline = _now() + timeout
        while True:
            if self._task is not None and self._task.done():
                self._task.result()  # a heartbeat that ended with an error of ours must not look like a quiet log
            self._last_poll = _now()
            self._arrived.clear()  # before reading, so that what comes meanwhile is not slept over
            try:
                found = await self._read(max_messages)
            except BusUnavailable as error:
                self._missed(error)
                found = []
            remaining = deadline - _now()
            if found or remaining <= 0:
                return found
            look = _LOOK_SECONDS[0] if self._news.heard and not self._away else _LOOK_SECONDS[1]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(remaining, look)):
                    await self._arrived.wait()

    async def ack(self, delivered: Sequence[Delivered]) -> None:
        """Store what is done; see `Subscription`."""
        done: dict[Place, int] = {}
        for item in delivered:
            place = (item.message.topic, item.partition)
            lease = self._leases.get(place)
            if lease is not None and lease.acked <= item.offset < lease.position:
                done[place] = max(done.get(place, 0), item.offset + 1)
        if not done:
            return
        leases = [self._leases[place] for place in sorted(done)]
        async with self._connections.work() as connection:
            rows = await connection.fetch(
                schema.ACK,
                self._group,
                self._id,
                [lease.topic for lease in leases],
                [lease.partition for lease in leases],
                [lease.token for lease in leases],
                [done[lease.place] for lease in leases],
            )
        stored = {(row["topic"], row["partition"]): row["acked"] for row in rows}
        for lease in leases:
            if lease.place in stored:
                lease.acked = max(lease.acked, stored[lease.place])
            elif self._leases.get(lease.place) is lease:
                del self._leases[lease.place]  # another member has it: it will see these messages again
                self._regroup.set()
            if lease.surplus_since is not None and lease.drained:
                self._regroup.set()

    async def _read(self, max_messages: int) -> list[Delivered]:
        leases = [lease for lease in self._leases.values() if lease.surplus_since is None]
        if not leases:
            return []
        self._turn = (self._turn + 1) % len(leases)
        leases = leases[self._turn :] + leases[: self._turn]
        async with self._connections.work() as connection:
            rows = await connection.fetch(
                schema.READ,
                self._group,
                self._id,
                [lease.topic for lease in leases],
                [lease.partition for lease in leases],
                [lease.token for lease in leases],
                [lease.position for lease in leases],
                max_messages,
            )
        self._reached()
        read_from = {lease.place: lease for lease in leases}
        found = []
        for row in rows:
            lease = read_from[row["topic"], row["partition"]]
            if self._leases.get(lease.place) is lease:  # it may have been lost while we read
                lease.position = row["offset"] + 1
                found.append(to_delivered(row))
        return found

    async def _stay_member(self) -> None:
        pause = 0.0
        while not self._stopped:  # asked as well as cancelled: a member that goes on unnoticed would starve the group
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._regroup.wait()
            self._regroup.clear()
            try:
                if _now() - self._last_poll > self._max_poll_interval:
                    await self._step_aside()
                else:
                    await self._beat()
                pause = self._session / _BEATS_PER_SESSION
            except BusUnavailable as error:
                log.debug("%s: no heartbeat: %s", self._group, error)
                pause = _RETRY_SECONDS

    async def _beat(self) -> None:
        give_back = [lease.place for lease in self._leases.values() if self._may_go(lease)]
        for place in give_back:
            del self._leases[place]
        async with self._connections.work() as connection:
            beat = await group_work.beat(connection, self._group, self._id, self._topics, self._session, give_back)
            if beat.changed:
                await self._news.tell(connection, {f"group:{self._group}"})
        if self._adopt(beat):
            self._arrived.set()

    def _may_go(self, lease: Lease) -> bool:
        """A surplus partition goes as soon as it is drained, and at the end of our patience in any case."""
        since = lease.surplus_since
        return since is not None and (lease.drained or _now() - since > self._session)

    def _adopt(self, beat: Beat) -> bool:
        """Make our leases those of the database; positions of leases that we kept stay. True if there is a new one."""
        kept = {
            place: lease
            for place, lease in self._leases.items()
            if place in beat.held and beat.held[place][0] == lease.token
        }
        fresh = {place: Lease(*place, token, acked, acked) for place, (token, acked) in beat.held.items()}
        self._leases = dict(sorted((fresh | kept).items()))
        for topic, share in beat.shares.items():
            ours = [lease for lease in self._leases.values() if lease.topic == topic]
            for lease in ours[:share]:
                lease.surplus_since = None
            for lease in ours[share:]:
                lease.surplus_since = lease.surplus_since or _now()
                if lease.drained:
                    self._regroup.set()
        return len(kept) < len(self._leases)

    async def _step_aside(self) -> None:
        """Nobody has polled for too long: whatever holds the caller up must not hold up its partitions."""
        if self._leases:
            log.warning("%s: no poll for %.0f s, leaving the group", self._group, self._max_poll_interval)
            self._leases.clear()
            await self._leave()

    async def _leave(self) -> None:
        try:
            async with self._connections.work(_LEAVE_SECONDS) as connection:
                await group_work.leave(connection, self._group, self._id)
                await self._news.tell(connection, {f"group:{self._group}"})
        except BusUnavailable as error:
            log.info("%s: could not say good-bye, the leases will expire: %s", self._group, error)

    def _missed(self, error: BusUnavailable) -> None:
        if not self._away:
            log.warning("%s: the bus is away: %s", self._group, error)
        self._away = True

    def _reached(self) -> None:
        if self._away:
            log.warning("%s: the bus is back", self._group)
        self._away = False


def _now() -> float:
    return asyncio.get_running_loop().time()
