"""Sixteen writers that announce at the same time: each holds its transaction open after its outbox ids, some roll back.

Ids are taken in one order and become visible in another; that is what a relay must survive.
"""

import asyncio
from collections import defaultdict
from random import Random
from uuid import UUID

from libs.common.clock import SystemClock
from libs.common.db import Database, Tx
from libs.common.ids import new_id
from libs.common.outbox import announce
from tests.support import toyservice as toys

WRITERS = 16
THINGS = 400
_CLOCK = SystemClock()

_LOCK = "SELECT id, version FROM things WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE"
_WRITE = "UPDATE things SET version = u.v FROM unnest($1::uuid[], $2::bigint[]) AS u(i, v) WHERE id = u.i"


class _ChangedItsMind(Exception):
    """A writer rolls back."""


class UnrulyWriters:
    """What they committed is in `committed`: the versions of every thing, as COMMIT confirmed them."""

    def __init__(self, url: str, dice: Random) -> None:
        self._db = Database(url, pool_size=WRITERS, application_name="writers")
        self._dice = dice
        self._ids = [new_id() for _ in range(THINGS)]
        self.committed: defaultdict[str, list[int]] = defaultdict(list)
        self.events = 0
        self.rolled_back = 0

    async def begin(self) -> None:
        """Makes the things."""
        async with self._db.transaction() as tx:
            await toys.make_things(tx, [toys.Make(id, "hot") for id in self._ids], _CLOCK.now())
        self._confirm({id: [1] for id in self._ids})

    async def write(self, events: int) -> None:
        """Writes until that many events are committed."""
        await asyncio.gather(*(self._writer(events) for _ in range(WRITERS)))

    async def close(self) -> None:
        """Closes the connections."""
        await self._db.close()

    async def _writer(self, events: int) -> None:
        while self.events < events:
            try:
                await self._one()
            except _ChangedItsMind:
                self.rolled_back += 1

    async def _one(self) -> None:
        """One transaction on a few things; one in ten falls on the sixteen hottest."""
        hot = self._dice.random() < 0.1
        chosen = self._dice.sample(self._ids[:16] if hot else self._ids, self._dice.randint(1, 8))
        async with self._db.transaction() as tx:
            written = await self._announce(tx, chosen)
            await asyncio.sleep(self._hold())
            if self._dice.random() < 0.2:
                raise _ChangedItsMind
        self._confirm(written)

    async def _announce(self, tx: Tx, chosen: list[UUID]) -> dict[UUID, list[int]]:
        """One version of each thing, or two: ids of one aggregate must rise with its versions."""
        rows = await tx.fetch(_LOCK, chosen)
        steps = self._dice.choice((1, 1, 1, 2))
        written = {row["id"]: [row["version"] + step for step in range(1, steps + 1)] for row in rows}
        now = _CLOCK.now()
        await announce(tx, [toys.change_of(id, v, "hot", now) for id, versions in written.items() for v in versions])
        await tx.execute(_WRITE, list(written), [versions[-1] for versions in written.values()])
        return written

    def _hold(self) -> float:
        """Mostly milliseconds, now and then long enough for thousands of higher ids to be committed before."""
        if self._dice.random() < 0.005:
            return self._dice.uniform(0.2, 1.0)
        return self._dice.random() * 0.01

    def _confirm(self, written: dict[UUID, list[int]]) -> None:
        for id, versions in written.items():
            self.committed[str(id)] += versions
            self.events += len(versions)
