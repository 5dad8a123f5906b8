"""Part `deadlines`: 50,000 deadlines in one instant, a thousand a second, and none, among millions of open ones."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from tests.bench.deadline_floor import write_without_rules
from tests.bench.due_hazards import DueHazards, Outcome
from tests.bench.settings import Effort
from tests.bench.sweepers import SWEEPERS, Cores, Replicas, sweepers
from tests.evidence.cluster import BenchCluster
from tests.evidence.effects import WrongEffect
from tests.evidence.figures import Figure, Result, Row
from tests.evidence.many_hazards import Stage, load
from tests.evidence.naive_sweeper import naive_fire_twice
from tests.evidence.processes import running
from tests.evidence.rounds import FEWEST_ROUNDS, Spread, percentile

AIM_BURST, AIM_STEADY, AIM_IDLE = 2.0, 250.0, 1.0  # seconds, milliseconds, percent of a core

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Size:
    """How many are open, due in one instant, due a second and for how long, and how long nothing is due (seconds)."""

    open: int
    burst: int
    rate: int
    steady: float
    idle: float
    notice: float  # seconds before the burst in which it is set up
    control: int

    @classmethod
    def of(cls, effort: Effort) -> "Size":
        """The full size, or one that only shows that everything works."""
        if effort.rounds < FEWEST_ROUNDS:
            return cls(20_000, 2_000, 500, 1.0, 1.0, 1.5, 500)
        return cls(10_000_000, 50_000, 1_000, 20.0, 20.0, 20.0, 2_000)


async def measure(cluster: BenchCluster, effort: Effort, tell: Tell) -> Result:
    """Loads, then lets deadlines come; then the same without locks, which must miss some of them twice."""
    size = Size.of(effort)
    result = Result("deadlines", f"Deadlines among {size.open:,} open ones, {SWEEPERS} sweepers")
    double = await _control(cluster, size, tell)
    url = await _stage(cluster, "deadlines", size.open, tell)
    due = DueHazards(url)
    async with sweepers(cluster, url) as replicas:
        await _idle(result, replicas, size, tell)
        bursts = [await _burst(due, replicas, size, tell) for _ in range(effort.rounds)]
        await _steady(result, due, replicas, size, tell)
    floor = Spread.of([await _floor(url, due, size, tell) for _ in range(effort.rounds)])
    _add_bursts(result, bursts, floor, size)
    result.figures.append(
        Figure(
            "deadlines_control_double",
            f"control: told twice by {SWEEPERS} sweepers without locks",
            double,
            "deadlines",
            1,
            "more",
            f"of {size.control}",
            "The control got away: its sweepers never met.",
        )
    )
    result.notes.append(
        "A burst is hazards that stand together in the table, as those do that were ordered in the same days with the "
        "same time limit; it is written, then a checkpoint is taken, so that every page is written whole once more, as "
        "it is when hours lie between order and deadline. A deadline counts as told when the transaction that holds "
        "its event is committed, by PostgreSQL's own commit time. The sweepers run without relay and HTTP beside them."
    )
    return result


@dataclass(frozen=True, slots=True)
class Burst:
    """One burst: seconds until the last was committed, what is missing or double, processor time."""

    seconds: float
    outcome: Outcome
    cost: Cores


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


def _add_bursts(result: Result, bursts: Sequence[Burst], floor: Spread, size: Size) -> None:
    seconds = Spread.of([burst.seconds for burst in bursts])
    cost = Cores(
        sum(burst.cost.sweepers for burst in bursts) / len(bursts),
        sum(burst.cost.backends for burst in bursts) / len(bursts),
    )
    missing, double = (sum(getattr(b.outcome, name) for b in bursts) for name in ("missing", "double"))
    title = f"{size.burst:,} deadlines at one instant: until the last is in the outbox"
    paragraph = (
        f"The floor is {floor} s: the same rows, written by {SWEEPERS} connections with statements that read no facts, "
        f"decide nothing and write no JSON. Processor time a deadline: {cost.a_deadline(size.burst)}, on cores that "
        "sweepers and PostgreSQL share. A missed deadline writes the row of the hazard, a line of the log, an event, "
        "one clock less and one more, and a delta of the counters; in a sweeper the time goes into the row read as "
        "facts, the decision, and the event as JSON. What would move this is a third core, or decisions made before "
        "the instant in which they fall due."
    )
    result.figures += [
        Figure("deadlines_burst_seconds", title, seconds.median, "s", AIM_BURST, "less", str(seconds), paragraph),
        Figure("deadlines_burst_missing", "of these not told", missing, "deadlines", 0, "less", "", "See the log."),
        Figure("deadlines_burst_double", "of these told twice", double, "deadlines", 0, "less", "", "See the log."),
    ]
    result.rows += [
        Row(f"{size.burst:,} at one instant", f"{size.burst / seconds.median:,.0f}"),
        Row("floor: the same rows, PostgreSQL alone", f"{size.burst / floor.median:,.0f}", "facts, rules, JSON"),
    ]
    result.notes.append(f"Burst: {cost.a_deadline(size.burst)} of processor time a deadline.")


async def _steady(result: Result, due: DueHazards, replicas: Replicas, size: Size, tell: Tell) -> None:
    count = int(size.rate * size.steady)
    ids, first = await _ahead(due, count, 1 / size.rate, size)
    before = await replicas.cores()
    await asyncio.sleep(_until(first) + size.steady)
    outcome = await due.outcome(ids, first + timedelta(seconds=size.steady))
    if outcome.missing or outcome.double or min(outcome.lateness) < 0:
        raise WrongEffect(f"{outcome.missing} missing, {outcome.double} double at {size.rate} a second")
    p50, p99 = (percentile(outcome.lateness, share) * 1000 for share in (0.5, 0.99))
    cost = (await replicas.cores()).since(before).a_deadline(count)
    tell(f"{size.rate} a second: p50 {p50:.0f} ms, p99 {p99:.0f} ms late, {cost}")
    result.figures.append(
        Figure(
            "deadlines_steady_p99",
            f"{size.rate:,} deadlines a second for {size.steady:.0f} s: lateness, p99",
            p99,
            "ms",
            AIM_STEADY,
            "less",
            f"p50 {p50:.0f} ms, at most {max(outcome.lateness) * 1000:.0f} ms",
            f"A sweeper gathers for 100 ms before it looks again; the rest is the transaction itself. {cost}.",
        )
    )


async def _idle(result: Result, replicas: Replicas, size: Size, tell: Tell) -> None:
    before = await replicas.cores()
    await asyncio.sleep(size.idle)
    used = (await replicas.cores()).since(before)
    percent = used.sweepers / SWEEPERS / size.idle * 100
    backend = used.backends / SWEEPERS / size.idle * 100
    tell(f"idle: {percent:.2f} % of a core a sweeper, {backend:.2f} % its backend")
    result.figures.append(
        Figure(
            "deadlines_idle_cpu",
            f"a sweeper with nothing due for {size.idle:.0f} s, {size.open:,} open",
            percent,
            "percent",
            AIM_IDLE,
            "less",
            f"its backend {backend:.2f}",
            "Five looks a second, each one statement: what is left is the driver and the event loop.",
        )
    )


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
