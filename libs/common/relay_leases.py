"""Which shards of the outbox a relay reads and how far each is published: leases with a token that fences former ones.

How far a shard is published is said by the last of its marks, one row a batch however many events it holds. Marks are
only added, and the outbox is never touched: while somebody holds a snapshot, nothing that is read piles up.
"""

import logging
import math
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from libs.common.db import Database, Tx
from libs.common.errors import Busy
from libs.common.failpoints import failpoint
from libs.common.outbox import SHARDS

log = logging.getLogger(__name__)

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
FROM open WHERE l.shard = open.shard RETURNING l.shard, l.token, pg_postmaster_start_time() AS server
"""
_LAST_MARKS = """
SELECT held.shard, coalesce(m.id, 0) AS id, coalesce(m.published_to, 0) AS published_to,
       coalesce(m.published_beyond, '{}') AS published_beyond
FROM unnest($1::smallint[]) AS held(shard) LEFT JOIN LATERAL (
    SELECT * FROM relay_marks WHERE shard = held.shard ORDER BY id DESC LIMIT 1
) AS m ON true
"""
# The lease rows stay locked until COMMIT: who lost a lease meanwhile, or wrote to a log since replaced, marks nothing.
# Nor does who learnt how far it is from another server: a replica that took over may lack the last rows, and gives
# their ids to others.
_MARK = """
WITH held AS MATERIALIZED (
    SELECT l.shard, h.upto, h.beyond::bigint[] AS beyond FROM relay_leases l
    JOIN unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::text[]) AS h(shard, token, upto, beyond)
        ON l.shard = h.shard AND l.token = h.token
    WHERE pg_postmaster_start_time() = $5 ORDER BY l.shard FOR SHARE OF l
)
INSERT INTO relay_marks (shard, published_to, published_beyond) SELECT shard, upto, beyond FROM held RETURNING shard, id
"""
_SWEEP = """
DELETE FROM relay_marks m USING unnest($1::smallint[], $2::bigint[], $3::bigint[]) AS done(shard, swept, last)
WHERE m.shard = done.shard AND m.id >= done.swept AND m.id < done.last
"""
_OTHERS = """
SELECT count(*) FROM relay_members WHERE holder <> $1 AND expires_at > clock_timestamp()
"""


@dataclass(slots=True)
class HeldShard:
    """A shard under a lease. All its events up to the id `published_to` are published, and those in `beyond`.

    `server` is when the server started that said so. Marks before `swept` are gone, `mark` is the last.
    """

    shard: int
    token: int
    server: datetime
    published_to: int = 0
    beyond: set[int] = field(default_factory=set)
    swept: int = 0
    mark: int = 0

    def published(self, ids: Sequence[int], settled: int, limit: int) -> None:
        """These were read in id order, at most `limit`, and are out. No id up to `settled` can appear any more."""
        self.beyond.update(ids)
        upto = min(settled, ids[-1]) if len(ids) >= limit else settled
        if upto > self.published_to:
            self.published_to = upto
            self.beyond = {id for id in self.beyond if id > upto}

    def beyond_text(self) -> str:
        """`beyond` as PostgreSQL writes an array: one parameter holds those of several shards."""
        return "{" + ",".join(map(str, sorted(self.beyond))) + "}"


async def prepare(tx: Tx) -> None:
    """Makes the row of every shard that has none yet."""
    await tx.execute(
        "INSERT INTO relay_leases (shard, holder, token, expires_at) "
        "SELECT s, '', 0, '-infinity' FROM generate_series(0, $1) AS s ON CONFLICT DO NOTHING",
        SHARDS - 1,
    )


async def begin_again(tx: Tx) -> None:
    """Nothing counts as published any more, and every lease has ended: whoever held one marks nothing."""
    await tx.execute("SELECT 1 FROM relay_leases ORDER BY shard FOR UPDATE")
    await tx.execute("UPDATE relay_leases SET token = token + 1, expires_at = '-infinity'")
    await tx.execute("DELETE FROM relay_marks")


class Leases:
    """The leases of one holder. They live on the database's clock, so replicas whose clocks differ do not matter."""

    def __init__(self, db: Database, holder: str) -> None:
        self._db = db
        self._holder = holder
        self._held: dict[int, HeldShard] = {}
        self._renew_at = 0.0

    @property
    def renew_at(self) -> float:
        """Until when (`time.monotonic()`) the leases may be used before they are renewed, well before they end."""
        return self._renew_at

    def forget(self) -> None:
        """They must be asked for again before anything is read."""
        self._held = {}
        self._renew_at = 0.0

    async def hold(self, seconds: float) -> Collection[HeldShard]:
        """The shards held; the leases are renewed for so many seconds when it is time. Raises Busy.

        The local time is taken before asking, hence never too late. What is known about a shard outlives a renewal,
        but no change of its token: somebody else may have moved on, or wants everything published again.
        """
        asked = time.monotonic()
        if asked < self._renew_at:
            return self._held.values()
        async with self._db.transaction() as tx:
            rows = await tx.fetch(_CLAIM, self._holder, seconds, await self._share(tx, seconds))
            failpoint("relay.claimed")
            held = {row["shard"]: HeldShard(row["shard"], row["token"], row["server"]) for row in rows}
            await self._find_out(tx, held)
            await self._sweep(tx)
        self._held = held
        self._renew_at = asked + seconds / 3
        failpoint("relay.leased")
        return held.values()

    async def mark(self, shards: Collection[HeldShard]) -> None:
        """Stores how far these are published. Once a lease was lost, all must be asked for again. Raises Busy."""
        marks = await self._db.alone(
            _MARK,
            [one.shard for one in shards],
            [one.token for one in shards],
            [one.published_to for one in shards],
            [one.beyond_text() for one in shards],
            next(iter(shards)).server,
        )
        stored = {row["shard"]: row["id"] for row in marks}
        for one in shards:
            one.mark = stored.get(one.shard, one.mark)
        if len(stored) < len(shards):
            self.forget()

    async def release(self) -> None:
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

    async def _find_out(self, tx: Tx, held: dict[int, HeldShard]) -> None:
        """Fills in how far the shards are: from memory, or from the last mark where the lease is new."""
        for shard, fresh in held.items():
            known = self._held.get(shard)
            if known is not None and (known.token, known.server) == (fresh.token, fresh.server):
                held[shard] = known
        unknown = [shard for shard in held if held[shard] is not self._held.get(shard)]
        for row in await tx.fetch(_LAST_MARKS, unknown) if unknown else ():
            one = held[row["shard"]]
            one.published_to, one.beyond, one.mark = row["published_to"], set(row["published_beyond"]), row["id"]

    async def _sweep(self, tx: Tx) -> None:
        """Removes the marks that others have followed. It begins where it ended, not among what is dead already."""
        done = [one for one in self._held.values() if one.swept < one.mark]
        if done:
            marks = [one.mark for one in done]
            await tx.execute(_SWEEP, [one.shard for one in done], [one.swept for one in done], marks)
            for one, mark in zip(done, marks, strict=True):
                one.swept = mark

    async def _share(self, tx: Tx, seconds: float) -> int:
        """How many shards are a fair part among the replicas seen lately; what is over is let go."""
        await tx.execute("DELETE FROM relay_members WHERE expires_at <= clock_timestamp()")
        await tx.execute(
            "INSERT INTO relay_members (holder, expires_at) "
            "VALUES ($1, clock_timestamp() + make_interval(secs => $2)) "
            "ON CONFLICT (holder) DO UPDATE SET expires_at = excluded.expires_at",
            self._holder,
            seconds,
        )
        others: int = await tx.fetchval(_OTHERS, self._holder)
        share: int = math.ceil(SHARDS / (others + 1))
        await tx.execute(
            "UPDATE relay_leases SET expires_at = '-infinity', token = token + 1 WHERE holder = $1 "
            "AND shard NOT IN (SELECT shard FROM relay_leases WHERE holder = $1 ORDER BY shard LIMIT $2)",
            self._holder,
            share,
        )
        return share
