"""Answers to idempotency keys go when their time is over, and not before; whoever asks late acts anew."""

import asyncio
from datetime import timedelta

import pytest

from libs.common import retention
from libs.common.db import Database
from libs.common.idempotency import Answer, Claim, recall, remember
from libs.common.retention import Retention
from tests.support import toyservice as toys
from tests.support.clock import FakeClock
from tests.support.waiting import until

KEEP = timedelta(hours=48)


def claims(start: int, count: int) -> list[Claim]:
    return [Claim("someone", f"key-{nr}", b"same") for nr in range(start, start + count)]


async def answered(db: Database, clock: FakeClock, some: list[Claim]) -> None:
    async with db.transaction() as tx:
        await remember(tx, [(claim, Answer(201, b"{}")) for claim in some], clock.now())


async def kept(db: Database) -> int:
    rows = await toys.rows_of(db, "SELECT count(*) AS n FROM idempotency_keys")
    return int(rows[0]["n"])


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_BATCH", 10)
    monkeypatch.setattr(retention, "_PAUSE_SECONDS", 0.0)


async def test_only_what_is_too_old_goes(db: Database) -> None:
    clock = FakeClock()
    old, young = claims(0, 35), claims(100, 7)
    await answered(db, clock, old)
    clock.advance(hours=1)
    await answered(db, clock, young)
    purger, stop = Retention(db, clock, keep=KEEP), asyncio.Event()
    clock.advance(hours=47)
    assert await purger.purge(stop) == 0, "to the second: 48 hours are not over"
    clock.advance(seconds=1)
    assert await purger.purge(stop) == 35
    async with db.transaction() as tx:
        assert set(await recall(tx, [*old, *young])) == {(claim.actor, claim.key) for claim in young}
    await answered(db, clock, old)  # no trace of the former answers is in the way
    assert await kept(db) == 42


async def test_two_replicas_get_in_nobodys_way(db: Database) -> None:
    clock = FakeClock()
    await answered(db, clock, claims(0, 95))
    clock.advance(hours=49)
    stop = asyncio.Event()
    removed = await asyncio.gather(*(Retention(db, clock, keep=KEEP).purge(stop) for _ in range(3)))
    while await kept(db):  # a batch that met only locked rows ended early: the next turn takes them
        removed.append(await Retention(db, clock, keep=KEEP).purge(stop))
    assert sum(removed) == 95


async def test_the_loop_purges_again_and_again_and_stops(db: Database) -> None:
    clock, stop = FakeClock(), asyncio.Event()
    running = asyncio.create_task(Retention(db, clock, keep=KEEP, every=0.01).run(stop))
    for turn in range(2):
        await answered(db, clock, claims(100 * turn, 25))
        clock.advance(hours=49)
        await until(lambda: empty(db))
    stop.set()
    await asyncio.wait_for(running, 5)


async def empty(db: Database) -> bool:
    return await kept(db) == 0
