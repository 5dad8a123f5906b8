"""Part `deadlines`: 50,000 deadlines in one instant, a thousand a second, and none, among millions of open ones."""

import asyncio
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from tests.bench.deadline_figures import Burst, Idle, Round, Size, Steady, add_bursts, add_idle, add_steady
from tests.bench.deadline_floor import write_without_rules
from tests.bench.due_hazards import DueHazards
from tests.bench.settings import Effort
from tests.bench.sweepers import SWEEPERS, Replicas, sweepers
from tests.evidence.cluster import BenchCluster, connected
from tests.evidence.effects import WrongEffect
from tests.evidence.figures import Figure, Result
from tests.evidence.many_hazards import Stage, load
from tests.evidence.naive_sweeper import naive_fire_twice
from tests.evidence.processes import running
from tests.evidence.rounds import Spread, percentile

AIM_BURST, AIM_STEADY, AIM_IDLE = 2.0, 250.0, 1.0  # seconds, milliseconds, percent of a core
Tell = Callable[[str], None]


async def measure(cluster: BenchCluster, effort: Effort, tell: Tell) -> Result:
    """Loads, then lets deadlines come; then the same without locks, which must miss some of them twice."""
    size = Size.of(effort)
    result = Result("deadlines", f"Deadlines among {size.open:,} open ones, {SWEEPERS} sweepers")
    result.taken = f"{effort.rounds} rounds"
    double = await _control(cluster, size, tell)
    url = await _stage(cluster, "deadlines", size.open, tell)
    due = DueHazards(url)
    rounds: list[Round] = []
    for number in range(effort.rounds):
        async with sweepers(cluster, url) as replicas:
            idle = await _idle(url, replicas, size)
            burst = await _burst(due, replicas, size, tell)
            steady = await _steady(due, replicas, size)
        rounds.append(Round(idle, burst, steady, await _floor(url, due, size, tell)))
        tell(f"round {number + 1}/{effort.rounds}: {rounds[-1]}")
    add_idle(result, [r.idle for r in rounds], size)
    add_bursts(result, [r.burst for r in rounds], Spread.of([r.floor for r in rounds]), size)
    add_steady(result, [r.steady for r in rounds], size)
    result.figures.append(
        Figure(
            "deadlines_control_double",
            f"control: told twice by {SWEEPERS} sweepers without locks",
            double,
            "deadlines",
            1,
            "more",
            f"of {size.control}",
            "The control got away: its sweepers never met, and the counts above prove nothing.",
        )
    )
    result.notes.append(
        "A burst is hazards that stand together in the table, as those do that were ordered in the same days with the "
        "same time limit; it is written, then a checkpoint is taken, so that every page is written whole once more, as "
        "it is when hours lie between order and deadline. A deadline counts as told when the transaction that holds "
        "its event is committed, by PostgreSQL's own commit time. The sweepers run without relay and HTTP beside them "
        "and start anew in every round: nothing is due, a burst, a steady stream, and then, without them, the floor."
    )
    return result


async def _ahead(due: DueHazards, count: int, apart: float, size: Size) -> tuple[list[UUID], datetime]:
    """Hazards brought near, and when the first is due: ahead of us, however slowly they were written."""
    notice = size.notice
    while True:
        at = datetime.now(UTC) + timedelta(seconds=notice)
        ids = await due.bring_near(count, at, apart)
        if _until(at) > 0.2:
            return ids, at
        notice *= 2


def _until(at: datetime) -> float:
    return max(0.0, (at - datetime.now(UTC)).total_seconds())


async def _burst(due: DueHazards, replicas: Replicas, size: Size, tell: Tell) -> Burst:
    ids, at = await _ahead(due, size.burst, 0, size)
    before = await replicas.cores()
    await asyncio.sleep(_until(at))
    outcome = await due.outcome(ids, at)
    cost = (await replicas.cores()).since(before)
    if not outcome.lateness:
        raise WrongEffect("no deadline of the burst was missed")
    if min(outcome.lateness) < 0:
        raise WrongEffect("a deadline was missed before its time")
    burst = Burst(max(outcome.lateness), outcome, cost)
    tell(f"{size.burst} in {burst.seconds:.2f} s, {cost.a_deadline(size.burst)}")
    return burst


async def _floor(url: str, due: DueHazards, size: Size, tell: Tell) -> float:
    """The same burst, written by statements that decide nothing."""
    ids, at = await _ahead(due, size.burst, 0, size)
    await asyncio.sleep(_until(at))
    await write_without_rules(url, SWEEPERS, at)
    outcome = await due.outcome(ids, at)
    if outcome.missing or outcome.double:
        raise WrongEffect(f"floor: {outcome.missing} missing, {outcome.double} double")
    tell(f"floor: {size.burst} in {max(outcome.lateness):.2f} s")
    return max(outcome.lateness)


async def _steady(due: DueHazards, replicas: Replicas, size: Size) -> Steady:
    count = int(size.rate * size.steady)
    ids, first = await _ahead(due, count, 1 / size.rate, size)
    before = await replicas.cores()
    await asyncio.sleep(_until(first) + size.steady)
    outcome = await due.outcome(ids, first + timedelta(seconds=size.steady))
    if not outcome.lateness or min(outcome.lateness) < 0:
        raise WrongEffect(f"{len(outcome.lateness)} deadlines missed, some before their time, at {size.rate} a second")
    wrong = outcome.missing + outcome.double
    p50, p99 = (percentile(outcome.lateness, share) * 1000 for share in (0.5, 0.99))
    return Steady(p50, p99, max(outcome.lateness) * 1000, wrong, (await replicas.cores()).since(before))


async def _idle(url: str, replicas: Replicas, size: Size) -> Idle:
    async with connected(url) as connection:
        await connection.execute("VACUUM timers")  # as autovacuum has within a minute of the burst before
    before = await replicas.cores()
    await asyncio.sleep(size.idle)
    used = (await replicas.cores()).since(before)
    return Idle(*(seconds / SWEEPERS / size.idle * 100 for seconds in (used.sweepers, used.backends)))


async def _control(cluster: BenchCluster, size: Size, tell: Tell) -> int:
    """Deadlines told more than once by sweepers that lock nothing."""
    url = await _stage(cluster, "deadlines_control", 4 * size.control, lambda _: None)
    due, at = DueHazards(url), datetime.now(UTC)
    ids = await due.bring_near(size.control, at, 0)
    sweeping = asyncio.ensure_future(naive_fire_twice(url, SWEEPERS))
    try:
        outcome = await due.outcome(ids, at)
    finally:
        sweeping.cancel()
        await asyncio.gather(sweeping, return_exceptions=True)
    tell(f"control: {outcome.double} of {size.control} told twice")
    return outcome.double


async def _stage(cluster: BenchCluster, name: str, count: int, tell: Tell) -> str:
    url = await cluster.create(name)
    command = [sys.executable, "-m", "services.hazards", "migrate"]
    async with running(f"migrate-{name}", command, {"DATABASE_URL": url}, cluster.folder) as process:
        if code := await asyncio.to_thread(process.wait):
            raise RuntimeError(f"the migrations of {name} ended with {code}")
    await load(url, Stage(count, datetime.now(UTC)), tell)
    return url
