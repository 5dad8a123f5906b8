"""The relay: carries the outbox to the bus, one leaseholder a shard, in id order, at least once.

A relay that reads `id > last` loses what commits late, and two readers of one shard break the order of an aggregate;
so unpublished rows are read by the shard's only leaseholder, and its token fences whoever held the lease before.
"""

import asyncio
import logging
import math
import time
from collections.abc import Mapping

from libs.common.bus.base import Bus, BusUnavailable
from libs.common.clock import Clock
from libs.common.db import Database, Record, Tx
from libs.common.envelope import Event, to_message
from libs.common.errors import Busy
from libs.common.facts import swap_fact
from libs.common.metrics import OUTBOX_OLDEST, RELAYED
from libs.common.outbox import SHARDS

log = logging.getLogger(__name__)

LEASE_SECONDS = 5.0
_IDLE_SECONDS = 0.1
_MEET_SECONDS = 15.0

# MATERIALIZED: a locking subquery with LIMIT must run once, whatever plan is chosen
_CLAIM = """
WITH open AS MATERIALIZED (
    SELECT shard FROM relay_leases WHERE holder = $1 OR expires_at <= clock_timestamp()
    ORDER BY (holder = $1) DESC, shard LIMIT $3 FOR UPDATE SKIP LOCKED
)
UPDATE relay_leases l SET
    holder = $1,
    token = CASE WHEN l.holder = $1 AND l.expires_at > clock_timestamp() THEN l.token ELSE l.token + 1 END,
    expires_at = clock_timestamp() + make_interval(secs => $2)
FROM open WHERE l.shard = open.shard RETURNING l.shard, l.token
"""
_UNPUBLISHED = """
SELECT o.* FROM unnest($1::smallint[]) AS held(shard)
CROSS JOIN LATERAL (
    SELECT id, event_id, topic, key, type, schema_id, sequence, time, traceparent, data FROM outbox
    WHERE shard = held.shard AND published_at IS NULL ORDER BY id LIMIT $2
) AS o
"""
# the lease rows stay locked until COMMIT: who lost a lease meanwhile, or wrote to a log since replaced, marks nothing
_MARK = """
WITH held AS MATERIALIZED (
    SELECT l.shard FROM relay_leases l
    JOIN unnest($3::smallint[], $4::bigint[]) AS h(shard, token) ON l.shard = h.shard AND l.token = h.token
    FOR SHARE OF l
)
UPDATE outbox o SET published_at = $2 FROM held
WHERE o.id = ANY($1::bigint[]) AND o.shard = held.shard AND o.published_at IS NULL
"""
_SHARE = """
SELECT count(*) FROM relay_members WHERE holder <> $1 AND expires_at > clock_timestamp()
"""


class Relay:
    """Publishes what one service announced. Any number of replicas may run; each shard has one reader at a time."""

    def __init__(self, db: Database, bus: Bus, clock: Clock, *, holder: str, source: str, per_shard: int = 250) -> None:
        self._db = db
        self._bus = bus
        self._clock = clock
        self._holder = holder
        self._source = source
        self._per_shard = per_shard
        self._held: Mapping[int, int] = {}
        self._held_until = 0.0

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
                pause, away = 0.0 if moved else _IDLE_SECONDS, False
            except (BusUnavailable, Busy) as error:
                meet_at, away = 0.0, True  # what comes back may be another log
                pause = min(max(pause, 0.1) * 2, 3.0)
                log.warning("relay waits %.1f s: %s", pause, error)
            if pause:
                await self._wait(stop, pause, wakeable=not away)
        await self._release()

    async def meet_log(self) -> None:
        """Marks every event unpublished when the log is not the one that they went to.

        A new log knows nothing, and consumers drop what they have seen, so publishing all again is safe and heals.
        """
        identity = await self._bus.identity()
        async with self._db.transaction() as tx:
            await tx.execute(
                "INSERT INTO relay_leases (shard, holder, token, expires_at) "
                "SELECT s, '', 0, '-infinity' FROM generate_series(0, $1) AS s ON CONFLICT DO NOTHING",
                SHARDS - 1,
            )
            former = await swap_fact(tx, "bus_identity", identity)
            if former not in (None, identity):
                log.warning("the bus is another log than before: everything is published again")
                await tx.execute("UPDATE relay_leases SET token = token + 1, expires_at = '-infinity'")
                self._held_until = 0.0
                await tx.execute("UPDATE outbox SET published_at = NULL WHERE published_at IS NOT NULL")

    async def publish_once(self) -> int:
        """One pass over the shards held. The number of events published; raises BusUnavailable, Busy."""
        await self._hold()
        if not self._held:
            return 0
        rows = await self._unpublished()
        if not rows:
            OUTBOX_OLDEST.labels(self._source).set(0)
            return 0
        now = self._clock.now()
        OUTBOX_OLDEST.labels(self._source).set((now - min(row["time"] for row in rows)).total_seconds())
        await self._bus.publish([to_message(event_of(row, self._source)) for row in rows])
        await self._db.alone(_MARK, [row["id"] for row in rows], now, list(self._held), list(self._held.values()))
        RELAYED.labels(self._source).inc(len(rows))
        return len(rows)

    async def _unpublished(self) -> list[Record]:
        return await self._db.alone(_UNPUBLISHED, list(self._held), self._per_shard)

    async def _hold(self) -> None:
        """Renews the leases well before they end; the local deadline is taken before asking, hence never too late."""
        if time.monotonic() < self._held_until - LEASE_SECONDS * 2 / 3:
            return
        asked = time.monotonic()
        async with self._db.transaction() as tx:
            rows = await tx.fetch(_CLAIM, self._holder, LEASE_SECONDS, await self._share(tx))
        self._held = {row["shard"]: row["token"] for row in rows}
        self._held_until = asked + LEASE_SECONDS

    async def _share(self, tx: Tx) -> int:
        """How many shards are a fair part among the replicas seen lately; what is over is let go."""
        await tx.execute("DELETE FROM relay_members WHERE expires_at <= clock_timestamp()")
        await tx.execute(
            "INSERT INTO relay_members (holder, expires_at) "
            "VALUES ($1, clock_timestamp() + make_interval(secs => $2)) "
            "ON CONFLICT (holder) DO UPDATE SET expires_at = excluded.expires_at",
            self._holder,
            LEASE_SECONDS,
        )
        others: int = await tx.fetchval(_SHARE, self._holder)
        share: int = math.ceil(SHARDS / (others + 1))
        await tx.execute(
            "UPDATE relay_leases SET expires_at = '-infinity', token = token + 1 WHERE holder = $1 "
            "AND shard NOT IN (SELECT shard FROM relay_leases WHERE holder = $1 ORDER BY shard LIMIT $2)",
            self._holder,
            share,
        )
        return share

    async def _release(self) -> None:
        """Lets another replica go on at once; when the database is away the leases simply end."""
        try:
            async with self._db.transaction() as tx:
                await tx.execute(
                    "UPDATE relay_leases SET expires_at = '-infinity', holder = '', token = token + 1 "
                    "WHERE holder = $1",
                    self._holder,
                )
                await tx.execute("DELETE FROM relay_members WHERE holder = $1", self._holder)
        except Busy:
            log.info("leases are left to expire")

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
