"""The relay: carries the outbox to the bus, one leaseholder a shard, in id order, at least once.

A relay that reads `id > last` loses what commits late, and two readers of one shard break the order of an aggregate;
so unpublished rows are read by the shard's only leaseholder, and its token fences whoever held the lease before.
"""

import asyncio
import logging
import time
from collections.abc import Collection, Sequence
from itertools import groupby
from operator import itemgetter

from libs.common import relay_leases
from libs.common.bus.base import Bus, BusUnavailable, Message
from libs.common.clock import Clock
from libs.common.db import Database, Record
from libs.common.envelope import Event, encoded
from libs.common.errors import Busy
from libs.common.facts import swap_fact
from libs.common.failpoints import failpoint
from libs.common.metrics import OUTBOX_OLDEST, RELAYED
from libs.common.relay_leases import HeldShard, Leases
from libs.common.settled import Settled
from libs.common.stopping import rest

log = logging.getLogger(__name__)

LEASE_SECONDS = 5.0
_IDLE_SECONDS = 0.1
_NEXT_SECONDS = 0.01  # after a batch: who announces in another process cannot wake this one
_MEET_SECONDS = 15.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 3.0  # seconds between two tries while bus or database is away
_LANES = 4  # with two, the database waits for the loop that encodes: a quarter fewer events a second

# Cast once, not once a row: hence the WITH. Texts come as they go out, since the database has a core of its own.
_UNPUBLISHED = """
WITH held AS MATERIALIZED (
    SELECT shard, upto, beyond::bigint[] FROM unnest($1::smallint[], $2::bigint[], $3::text[]) AS h(shard, upto, beyond)
)
SELECT o.* FROM held CROSS JOIN LATERAL (
    SELECT id, shard, time, convert_to(event_id::text, 'UTF8') AS event_id, topic, convert_to(key, 'UTF8') AS key, type,
           schema_id, convert_to(sequence::text, 'UTF8') AS sequence,
           convert_to(to_char(time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'UTF8') AS told,
           traceparent, convert_to(data, 'UTF8') AS data FROM outbox
    WHERE shard = held.shard AND id > held.upto AND id <> ALL (held.beyond) ORDER BY id LIMIT $4
) AS o
"""


class Relay:
    """Publishes what one service announced. Any number of replicas may run; each shard has one reader at a time.

    An event on a quiet system goes out at once. After a batch that left nothing behind those that follow gather for
    so many seconds: a batch costs nearly the same for one event as for fifty. 0 where somebody is woken by them.
    """

    def __init__(
        self,
        db: Database,
        bus: Bus,
        clock: Clock,
        *,
        holder: str,
        source: str,
        per_shard: int = 250,
        gather: float = 0.0,
    ) -> None:
        self._db = db
        self._bus = bus
        self._clock = clock
        self._source = source
        self._per_shard = per_shard
        self._gather = gather
        self._leases = Leases(db, holder)
        self._settled = Settled(db)
        self._behind = False

    async def run(self, stop: asyncio.Event) -> None:
        """Publishes until `stop` is set; a bus or a database that is away is waited for."""
        pause, meet_at, away = 0.0, 0.0, False
        while not stop.is_set():
            self._db.announced.clear()  # before reading, so that nothing announced meanwhile is slept over
            try:
                if time.monotonic() >= meet_at:
                    await self.meet_log()
                    meet_at = time.monotonic() + _MEET_SECONDS
                moved = await self.publish_once()
                away = False
                if self._gather and moved and not self._behind:
                    await rest(stop, self._gather)
                pause = 0.0 if self._behind else _NEXT_SECONDS if moved else _IDLE_SECONDS
            except (BusUnavailable, Busy) as error:
                meet_at, away = 0.0, True  # what comes back may be another log
                pause = min(max(pause * 2, _FIRST_PAUSE), _LONGEST_PAUSE)
                log.warning("relay waits %.1f s: %s", pause, error)
            if pause:
                await self._wait(stop, pause, wakeable=not away)
        await self._leases.release()

    async def meet_log(self) -> None:
        """Lets nothing count as published when the log is not the one that it went to.

        A new log knows nothing, and consumers drop what they have seen, so publishing all again is safe and heals.
        """
        identity = await self._bus.identity()
        async with self._db.transaction() as tx:
            await relay_leases.prepare(tx)
            former = await swap_fact(tx, "bus_identity", identity)
            failpoint("relay.meeting")
            if former not in (None, identity):
                log.warning("the bus is another log than before: everything is published again")
                await relay_leases.begin_again(tx)
                self._leases.forget()

    async def publish_once(self) -> int:
        """Goes over the shards held: once, or again and again in lanes while one pass leaves something behind.

        The number of events published; raises BusUnavailable, Busy.
        """
        held = await self._leases.hold(LEASE_SECONDS)
        if not held:
            return 0
        if not self._behind:
            return await self._pass(held)
        self._behind = False
        shards = sorted(held, key=lambda one: one.shard)
        return await self._in_lanes([lane for nr in range(_LANES) if (lane := shards[nr::_LANES])])

    async def _in_lanes(self, lanes: list[list[HeldShard]]) -> int:
        """One reads and marks in the database while another encodes for the bus; a key is in one lane only."""
        outcomes = await asyncio.gather(*map(self._lane, lanes), return_exceptions=True)  # no lane outlives this call
        moved = 0
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
            moved += outcome
        return moved

    async def _lane(self, held: Collection[HeldShard]) -> int:
        moved = 0
        while True:
            moved += (published := await self._pass(held))
            if published < self._per_shard or time.monotonic() >= self._leases.renew_at:
                return moved

    async def _pass(self, held: Collection[HeldShard]) -> int:
        settled = await self._settled.upto(next(iter(held)).server)
        rows = await self._db.alone(
            _UNPUBLISHED,
            [one.shard for one in held],
            [one.published_to for one in held],
            [one.beyond_text() for one in held],
            self._per_shard,
        )
        ids = {shard: [row["id"] for row in some] for shard, some in groupby(rows, itemgetter("shard"))}
        oldest = min((row["time"] for row in rows), default=None)
        OUTBOX_OLDEST.labels(self._source).set((self._clock.now() - oldest).total_seconds() if oldest else 0)
        if rows:
            await self._publish(rows)
        for one in held:
            one.published(ids.get(one.shard, ()), settled, self._per_shard)
        if rows:
            await self._leases.mark([one for one in held if one.shard in ids])
            failpoint("relay.marked")
            RELAYED.labels(self._source).inc(len(rows))
        self._behind |= any(len(some) >= self._per_shard for some in ids.values())
        return len(rows)

    async def _publish(self, rows: Sequence[Record]) -> None:
        failpoint("relay.read")
        await self._bus.publish([_message_of(row, self._source) for row in rows])
        failpoint("relay.published")

    async def _wait(self, stop: asyncio.Event, seconds: float, *, wakeable: bool) -> None:
        """Until `stop` is set or the time is over; if wakeable, until something is announced in this process."""
        waits = [asyncio.ensure_future(stop.wait())]
        if wakeable:
            waits.append(asyncio.ensure_future(self._db.announced.wait()))
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


def _message_of(row: Record, source: str) -> Message:
    """The message of a row as `_UNPUBLISHED` reads it: its texts arrive as they go out."""
    _, _, _, id, topic, key, type_, schema, sequence, told, traceparent, data = row
    return encoded(topic, key, data, id, (source, type_, schema), sequence, told, traceparent)


def event_of(row: Record, source: str) -> Event:
    """The event in a row of the outbox."""
    return Event(
        id=row["event_id"],
        type=row["type"],
        source=source,
        topic=row["topic"],
        key=row["key"],
        sequence=row["sequence"],
        time=row["time"],
        schema=row["schema_id"],
        body=row["data"],
        traceparent=row["traceparent"],
    )
