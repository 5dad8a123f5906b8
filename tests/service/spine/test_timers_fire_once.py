"""A timer fires once, however many replicas sweep, and never after the move that cancelled it was committed."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from libs.common import clock as clocks
from libs.common.clock import SystemClock
from libs.common.db import Database, Tx
from libs.common.ids import new_id
from libs.common.timers import Fire, Sweeper, Timer, cancel, schedule
from tests.support import toyservice as toys
from tests.support.clock import FakeClock
from tests.support.waiting import until

REPLICAS = 3


class NaiveSweeper(Sweeper):
    """The control: it reads what is due, fires it, deletes it, and locks nothing."""

    async def _sweep(self, now: datetime, limit: int, only: UUID | None = None) -> int:
        async with self._db.transaction() as tx:
            rows = await tx.fetch("SELECT * FROM timers WHERE due_at <= $1 ORDER BY due_at LIMIT $2", now, limit)
            timers = [Timer(row["subject_id"], row["kind"], row["due_at"], row["data"]) for row in rows]
            await self._fire(tx, timers, now)
            await cancel(tx, [t.subject_id for t in timers])
        return len(timers)


async def fire(tx: Tx, timers: Sequence[Timer], now: datetime) -> None:
    """Notes for every timer the state in which it found its subject."""
    await tx.execute(
        "INSERT INTO happenings (thing_id, what, at) SELECT id, 'fired while ' || state, $2 FROM things "
        "JOIN unnest($1::uuid[]) AS u(id) USING (id)",
        [timer.subject_id for timer in timers],
        now,
    )


@pytest.fixture
async def replicas(toy_url: str) -> AsyncIterator[list[Database]]:
    made = [Database(toy_url, pool_size=4) for _ in range(REPLICAS)]
    yield made
    for database in made:
        await database.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


async def things_with_timers(db: Database, clock: FakeClock, count: int, **after: float) -> list[UUID]:
    ids = [new_id() for _ in range(count)]
    async with db.transaction() as tx:
        await toys.make_things(tx, [toys.Make(id, "x") for id in ids], clock.now())
        await tx.execute("DELETE FROM happenings")
        await schedule(tx, [Timer(id, "due", clock.now() + timedelta(**after)) for id in ids])
    return ids


async def fired(db: Database) -> Counter[tuple[UUID, str]]:
    rows = await toys.rows_of(db, "SELECT thing_id, what FROM happenings")
    return Counter((row["thing_id"], row["what"]) for row in rows)


def sweepers(replicas: Sequence[Database], clock: FakeClock, kind: type[Sweeper], batch: int) -> list[Sweeper]:
    return [kind("toys", db, clock, "things", fire, batch=batch, every=0.01) for db in replicas]


async def sweep_all(sweepers: Sequence[Sweeper], db: Database) -> None:
    """Every replica sweeps until nothing is due."""
    stop = asyncio.Event()
    running = [asyncio.create_task(sweeper.run(stop)) for sweeper in sweepers]

    async def nothing_left() -> bool:
        return not await toys.rows_of(db, "SELECT FROM timers LIMIT 1")

    await until(nothing_left)
    stop.set()
    await asyncio.gather(*running)


async def test_three_replicas_fire_thousands_of_timers_once(
    db: Database, replicas: list[Database], clock: FakeClock
) -> None:
    ids = await things_with_timers(db, clock, 3000, hours=1)
    early = [await sweeper.sweep() for sweeper in sweepers(replicas, clock, Sweeper, 100)]
    assert early == [0, 0, 0]
    clock.advance(hours=1)
    await sweep_all(sweepers(replicas, clock, Sweeper, 100), db)
    assert await fired(db) == {(id, "fired while new"): 1 for id in ids}


async def test_control_sweeping_without_a_lock_fires_twice(
    db: Database, replicas: list[Database], clock: FakeClock
) -> None:
    await things_with_timers(db, clock, 600, hours=0)
    await sweep_all(sweepers(replicas, clock, NaiveSweeper, 100), db)
    assert max((await fired(db)).values()) > 1, "the control must fire twice, or the test above is blind"


@pytest.mark.parametrize("place", [-(2**31), 0, 2**31 - 1])
async def test_wherever_a_sweeper_begins_it_comes_round_to_all(db: Database, clock: FakeClock, place: int) -> None:
    ids = await things_with_timers(db, clock, 250, hours=0)
    sweeper = Sweeper("toys", db, clock, "things", fire, batch=100)
    sweeper._home = sweeper._place = place
    assert [await sweeper.sweep() for _ in range(5)].count(0) >= 1
    assert await fired(db) == {(id, "fired while new"): 1 for id in ids}


async def test_due_timers_are_read_in_the_order_of_their_index(db: Database, clock: FakeClock) -> None:
    """Nothing is sorted: a sweep reads as many of fifty thousand as it takes, not all of them each time."""
    await things_with_timers(db, clock, 10, hours=0)
    sweeper = Sweeper("toys", db, clock, "things", fire)
    async with db.transaction() as tx:
        await tx.execute("SET LOCAL enable_seqscan = off")
        await tx.execute("SET LOCAL enable_bitmapscan = off")
        plan = "\n".join(row[0] for row in await tx.fetch("EXPLAIN " + sweeper._claim, clock.now(), 100, 0))
    assert "ix_timers_due_at" in plan
    assert "Sort" not in plan


async def finish(db: Database, id: UUID) -> None:
    """The move that makes the timer pointless: it locks the thing, closes it and cancels its timers."""
    async with db.transaction() as tx:
        await tx.fetchrow("SELECT state FROM things WHERE id = $1 FOR UPDATE", id)
        await tx.execute("UPDATE things SET state = 'done', version = version + 1 WHERE id = $1", id)
        await cancel(tx, [id])


async def race(
    db: Database,
    replicas: Sequence[Database],
    clock: FakeClock,
    kind: type[Sweeper],
    enough: Callable[[int], Awaitable[bool]],
) -> None:
    """Rounds in which three sweeps and the finishing moves of the same things begin in the same instant.

    At least ten rounds, and more (up to a hundred) until `enough`, which is told how many things raced.
    """
    dice = random.Random(7)
    for nr in range(1, 101):
        ids = await things_with_timers_kept(db, clock, 24)
        moves = [finish(db, id) for id in ids]
        sweeps = [sweeper.sweep() for sweeper in sweepers(replicas, clock, kind, 6) for _ in range(2)]
        both = [*moves, *sweeps]
        dice.shuffle(both)
        await asyncio.gather(*both)
        if nr >= 10 and await enough(nr * 24):
            break
    await sweep_all(sweepers(replicas, clock, kind, 100), db)


async def things_with_timers_kept(db: Database, clock: FakeClock, count: int) -> list[UUID]:
    ids = [new_id() for _ in range(count)]
    async with db.transaction() as tx:
        await tx.execute(
            "INSERT INTO things (id, version, state, label, weight) "
            "SELECT i, 1, 'new', 'x', 1 FROM unnest($1::uuid[]) AS i",
            ids,
        )
        await schedule(tx, [Timer(id, "due", clock.now()) for id in ids])
    return ids


async def test_a_timer_and_the_move_that_cancels_it_race(
    db: Database, replicas: list[Database], clock: FakeClock
) -> None:
    async def both_outcomes(raced: int) -> bool:
        return 0 < len(await fired(db)) < raced

    await race(db, replicas, clock, Sweeper, both_outcomes)
    seen = await fired(db)
    assert {what for _, what in seen} == {"fired while new"}, "none fires after the move was committed"
    assert set(seen.values()) == {1}
    things = await toys.rows_of(db, "SELECT count(*) AS n FROM things")
    assert len(seen) < things[0]["n"], "both outcomes must occur, or nothing was raced"


async def test_control_without_looking_again_cancelled_timers_fire(
    db: Database, replicas: list[Database], clock: FakeClock
) -> None:
    async def fired_wrongly(_: int) -> bool:
        return any(what == "fired while done" for _, what in await fired(db))

    await race(db, replicas, clock, NaiveSweeper, fired_wrongly)
    assert await fired_wrongly(0), "the control must fire what was cancelled, or the test above is blind"


async def test_a_subject_that_is_being_moved_is_passed_over_not_waited_for(
    db: Database, replicas: list[Database], clock: FakeClock
) -> None:
    busy, free = await things_with_timers(db, clock, 2)
    (sweeper,) = sweepers(replicas[:1], clock, Sweeper, 100)
    async with db.transaction() as tx:
        await tx.fetchrow("SELECT FROM things WHERE id = $1 FOR UPDATE", busy)
        assert await asyncio.wait_for(sweeper.sweep(), 5) == 1
        await cancel(tx, [busy])
    assert await sweeper.sweep() == 0
    assert await fired(db) == {(free, "fired while new"): 1}


async def test_what_is_claimed_but_cancelled_meanwhile_does_not_fire(
    db: Database, replicas: list[Database], clock: FakeClock
) -> None:
    """The claim reads its snapshot, the cancelling move commits, then the claim gets its lock: it must look again."""
    (id,) = await things_with_timers(db, clock, 1)

    class Interrupted(Sweeper):
        """Claims what it saw before the move."""

        async def _sweep(self, now: datetime, limit: int, only: UUID | None = None) -> int:
            self._claim = f"SELECT '{id}'::uuid AS id, 0 AS place, $1::timestamptz, $2::bigint, $3::int"
            await finish(db, id)
            return await super()._sweep(now, limit, only)

    sweeper = Interrupted("toys", replicas[0], clock, "things", fire)
    assert await sweeper.sweep() == 0
    assert await fired(db) == Counter()


async def test_rescheduling_in_fire_and_replacing(db: Database, replicas: list[Database], clock: FakeClock) -> None:
    (id,) = await things_with_timers(db, clock, 1)
    rang: list[tuple[str, dict[str, object]]] = []

    async def ring(tx: Tx, timers: Sequence[Timer], now: datetime) -> None:
        rang.extend((timer.kind, timer.data) for timer in timers)
        await schedule(tx, [Timer(id, "due", now + timedelta(days=1), {"round": 2})])

    sweeper = Sweeper("toys", replicas[0], clock, "things", ring)
    assert await sweeper.sweep() == 1
    assert await sweeper.sweep() == 0
    async with db.transaction() as tx:
        again = clock.now() + timedelta(hours=1)
        await schedule(tx, [Timer(id, "due", again, {"round": 3}), Timer(id, "due", again, {"round": 4})])
        await schedule(tx, [Timer(id, "other", clock.now() + timedelta(hours=2))])
    clock.advance(hours=1)
    assert await sweeper.sweep() == 1
    assert rang == [("due", {}), ("due", {"round": 4})]
    async with db.transaction() as tx:
        await cancel(tx, [id], ["due"])
    left = await toys.rows_of(db, "SELECT kind FROM timers")
    assert [row["kind"] for row in left] == ["other"]


async def test_one_subject_that_cannot_be_fired_is_put_off_and_holds_up_nobody(
    db: Database, replicas: list[Database], clock: FakeClock
) -> None:
    ids = await things_with_timers(db, clock, 30)
    bad = ids[7]
    mended = False

    asked: list[int] = []

    async def picky(tx: Tx, timers: Sequence[Timer], now: datetime) -> None:
        asked.append(len(timers))
        if not mended and any(timer.subject_id == bad for timer in timers):
            raise ValueError("this one cannot")
        await fire(tx, timers, now)

    picky_fire: Fire = picky
    sweeper = Sweeper("toys", replicas[0], clock, "things", picky_fire)
    assert await sweeper.sweep() == 29
    assert await fired(db) == {(id, "fired while new"): 1 for id in ids if id != bad}
    tried = len(asked)
    assert await sweeper.sweep() == 0
    assert len(asked) == tried, "put off, not tried again five times a second"
    mended = True
    clock.advance(minutes=1)
    assert await sweeper.sweep() == 1
    assert (await fired(db))[bad, "fired while new"] == 1


async def test_timers_without_a_subject_hold_up_nobody(
    db: Database, replicas: list[Database], clock: FakeClock
) -> None:
    async with db.transaction() as tx:
        await schedule(tx, [Timer(new_id(), "due", clock.now() - timedelta(days=1)) for _ in range(50)])
    (id,) = await things_with_timers(db, clock, 1)
    (sweeper,) = sweepers(replicas[:1], clock, Sweeper, 10)
    assert await sweeper.sweep() == 1
    assert await fired(db) == {(id, "fired while new"): 1}


class WrongMachine(datetime):
    """What `datetime` says on a machine whose clock is an hour ahead."""

    wrong = timedelta(hours=1)

    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        return datetime.now(UTC) + cls.wrong


class SlowMachine(WrongMachine):
    """An hour behind."""

    wrong = timedelta(hours=-1)


class Deaf(SystemClock):
    """The control: a clock that does not listen to the database."""

    def told(self, there: datetime, asked: float, heard: float) -> None:
        pass


@pytest.mark.parametrize("machine", [WrongMachine, SlowMachine])
async def test_a_timer_fires_by_the_databases_clock_whatever_the_machine_says(
    db: Database, monkeypatch: pytest.MonkeyPatch, machine: type[datetime]
) -> None:
    async with db.transaction() as tx:
        there = await tx.fetchval("SELECT clock_timestamp()")
        ids = [new_id(), new_id()]
        await toys.make_things(tx, [toys.Make(id, "x") for id in ids], there)
        await tx.execute("DELETE FROM happenings")
        await schedule(tx, [Timer(ids[0], "due", there), Timer(ids[1], "due", there + timedelta(minutes=30))])
    monkeypatch.setattr(clocks, "datetime", machine)
    assert await Sweeper("toys", db, SystemClock(), "things", fire).sweep() == 1
    assert await fired(db) == {(ids[0], "fired while new"): 1}
    at = (await toys.rows_of(db, "SELECT at FROM happenings"))[0]["at"]
    assert there <= at < there + timedelta(minutes=1)


async def test_control_a_sweeper_that_trusts_a_machine_that_is_ahead_fires_early(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    (id,) = await things_with_timers(db, FakeClock(datetime.now(UTC)), 1, minutes=30)
    monkeypatch.setattr(clocks, "datetime", WrongMachine)
    assert await Sweeper("toys", db, Deaf(), "things", fire).sweep() == 1
    assert await fired(db) == {(id, "fired while new"): 1}


async def test_a_sweeper_at_rest_wakes_when_the_next_timer_is_due(db: Database) -> None:
    """It would look again in a minute only; the timer is due sooner, and that is when it fires."""
    clock = SystemClock()
    ids = await things_with_timers(db, FakeClock(datetime.now(UTC)), 1, seconds=1)
    sweeper = Sweeper("toys", db, clock, "things", fire, every=60)
    stop = asyncio.Event()
    running = asyncio.create_task(sweeper.run(stop))

    async def it_fired() -> bool:
        return bool(await fired(db))

    await until(it_fired)
    stop.set()
    await running
    assert await fired(db) == {(ids[0], "fired while new"): 1}
