"""Part `deadline-race`: whoever moves a hazard in the instant of its deadline, and whatever dies, the verdict is one.

Three replicas of the service, HTTP side and sweeper, with clocks an hour apart, are killed in turn while people
rectify, extend, order again, cancel and reopen over HTTP within five milliseconds of the instant at which a clock
rings. Afterwards log, state, timers, counters and outbox are read. The controls are a sweeper that locks nothing, and
one that believes its own machine's clock.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

from deploy.local.issuer import Issuer
from libs.common.db import Database
from tests.crash.hazards_desk import hazards_database, hazards_desk
from tests.crash.race_callers import Callers
from tests.crash.race_cases import JITTER, Case, Staging
from tests.crash.race_replicas import SKEWS, Replicas, race_replicas
from tests.crash.race_verdicts import Verdicts, undecided, verdicts
from tests.crash.settings import Effort
from tests.evidence.cluster import BenchCluster
from tests.evidence.effects import WrongEffect
from tests.evidence.figures import Figure, Result
from tests.evidence.naive_sweeper import naive_fire_twice, trusting_sweep
from tests.evidence.rounds import percentile

CASES, SHORT = 100_000, 300
RATE = 150  # deadlines a second
AT_ONCE = 10  # cases that are due in the same instant
_LEAD = timedelta(seconds=1)  # between the writing of a case and its deadline, at least
_MOST = 3  # times as many cases as asked for, until so many were raced for within the jitter
_DRAIN_SECONDS = 120.0
_CONTROL = 120

Tell = Callable[[str], None]


async def prove(cluster: BenchCluster, effort: Effort, tell: Tell) -> Result:
    """Races, counts, and lets the controls fail."""
    result = Result("deadline-race", "Deadline race: one verdict, whoever comes first and whatever dies")
    count = effort.count(CASES, short=SHORT)
    tell(f"seed {effort.seed}, {count} deadlines at {RATE} a second")
    url = await hazards_database(cluster, "race")
    began = time.monotonic()
    async with race_replicas(cluster, url, effort.random("kills")) as replicas:
        callers = _callers(cluster, replicas.port, effort)
        pauses = (0.2, 0.5) if effort.short else (4.0, 10.0)  # a start costs seconds of a core
        cases = await _race(url, callers, count, effort, tell, lambda: replicas.harass(pauses))
        await _drained(url, cases)
    found = await verdicts(url, cases, callers.heard)
    tell(f"{found.missed} missed, {found.moved} moved first, {replicas.kills} kills")
    doubled = await _control_without_lock(cluster, effort, tell)
    early = await _control_own_clock(cluster, effort)
    result.figures = _figures(count, len(cases), found, replicas, callers, doubled, early)
    result.notes.append(_note(found, replicas, callers, time.monotonic() - began))
    return result


def _callers(cluster: BenchCluster, port: Callable[[], int], effort: Effort) -> Callers:
    return Callers(Issuer(cluster.folder / "issuer"), port, effort.random("callers"))


async def _race(
    url: str,
    callers: Callers,
    count: int,
    effort: Effort,
    tell: Tell,
    meanwhile: Callable[[], Awaitable[None]],
) -> list[Case]:
    """Writes waves of cases and races for each; `meanwhile` goes on until the last is over."""
    db = Database(url, pool_size=2, application_name="race-staging")
    staging = Staging(db, effort.random("cases"))
    await staging.settle_policy()
    harm = asyncio.ensure_future(meanwhile())
    racing = asyncio.ensure_future(_stage_and_race(staging, callers, count, tell))
    try:
        await asyncio.wait({racing, harm}, return_when=asyncio.FIRST_COMPLETED)
        if harm.done():
            await harm
        return await racing
    finally:
        for task in (harm, racing):
            task.cancel()
        await asyncio.gather(harm, racing, return_exceptions=True)
        callers.close()
        await db.close()


async def _stage_and_race(staging: Staging, callers: Callers, count: int, tell: Tell) -> list[Case]:
    """Cases are written a moment before they are due, at the rate of the race or as fast as they can be written."""
    cases: list[Case] = []
    due = _now()
    async with asyncio.TaskGroup() as group:
        while callers.close_ones < count and len(cases) < _MOST * count:
            due = max(_now() + _LEAD, due + timedelta(seconds=AT_ONCE / RATE))
            await asyncio.sleep((due - _now() - 2 * _LEAD).total_seconds())
            written = await staging.stage(AT_ONCE, due)
            group.create_task(callers.race(written))
            cases += written
            if len(cases) % 10_000 == 0:
                tell(f"{len(cases)} written and raced for")
    return cases


def _now() -> datetime:
    return datetime.now(UTC)


async def _drained(url: str, cases: Sequence[Case]) -> None:
    """Waits until no case is undecided; what is undecided then is forgotten, and the verdicts will say so."""
    for _ in range(int(_DRAIN_SECONDS / 0.1)):
        if not await undecided(url, cases):
            return
        await asyncio.sleep(0.1)


async def _control_without_lock(cluster: BenchCluster, effort: Effort, tell: Tell) -> int:
    """The same race against sweepers that read, decide and write without a lock: contradictions of any kind."""
    url = await hazards_database(cluster, "race_naive")
    async with hazards_desk(cluster, url) as desk:
        callers = _callers(cluster, lambda: desk.port, effort)
        count = _CONTROL if effort.short else 10 * _CONTROL
        cases = await _race(url, callers, count, effort, tell, lambda: naive_fire_twice(url, len(SKEWS)))
        found = await verdicts(url, cases, callers.heard)
    return found.contradicted + found.disagreements


async def _control_own_clock(cluster: BenchCluster, effort: Effort) -> int:
    """The real sweeper on a machine that is an hour ahead and asks nobody: what it fires early."""
    url = await hazards_database(cluster, "race_clock")
    db = Database(url, pool_size=2, application_name="race-staging")
    staging = Staging(db, effort.random("clock"))
    await staging.settle_policy()
    cases = await staging.stage(_CONTROL, _now() + timedelta(minutes=30))
    await trusting_sweep(db)
    await db.close()
    found = await verdicts(url, cases, {})
    if found.moved:
        raise WrongEffect(f"nobody moved anything, and {found.moved} were moved")
    return found.early


def _figures(
    asked: int, count: int, found: Verdicts, replicas: Replicas, callers: Callers, doubled: int, early: int
) -> list[Figure]:
    none = "not one may be: see the note"
    rarer = min(found.missed, found.moved)
    return [
        Figure("deadline_race_cases", "deadlines raced for", count, "deadlines", asked, "more"),
        Figure(
            "deadline_race_close",
            "with the first move sent within 5 ms of the deadline",
            callers.close_ones,
            "deadlines",
            asked,
            "more",
            "",
            "The process that plays the callers had too little of a core to send them in time.",
        ),
        Figure(
            "deadline_race_kills",
            "replicas killed",
            replicas.kills,
            "kills",
            1 if count < CASES else 100,
            "more",
            "",
            "They take long to come back on this machine, and one is always left to serve.",
        ),
        Figure(
            "deadline_race_rarer_verdict",
            "deadlines with the rarer of the two verdicts",
            rarer,
            "deadlines",
            max(1, asked // 100),
            "more",
            f"{found.missed} missed, {found.moved} moved first",
            "A race that is always won by the same side is none: the moves left too early or too late.",
        ),
        Figure("deadline_race_forgotten", "without a verdict", found.forgotten, "deadlines", 0, "less", "", none),
        Figure("deadline_race_contradicted", "with two verdicts", found.contradicted, "deadlines", 0, "less", "", none),
        Figure("deadline_race_early", "missed before their time", found.early, "deadlines", 0, "less", "", none),
        Figure(
            "deadline_race_disagreements",
            "log, state, timers, counters and outbox differ",
            found.disagreements,
            "places",
            0,
            "less",
            "",
            none,
        ),
        Figure("deadline_race_lost", "moves answered and not found", found.lost, "moves", 0, "less", "", none),
        Figure(
            "deadline_race_control_contradicted",
            "control without a lock: contradictions",
            doubled,
            "places",
            1,
            "more",
            "",
            "The control got away: the race is not close enough to be one.",
        ),
        Figure(
            "deadline_race_control_early",
            "control with its own clock: missed before their time",
            early,
            "deadlines",
            1,
            "more",
            "",
            "The control got away: nothing here looks at the clock of the machine.",
        ),
    ]


def _note(found: Verdicts, replicas: Replicas, callers: Callers, seconds: float) -> str:
    skews = ", ".join(f"{skew / 3600:+.0f} h" for skew in SKEWS)
    return (
        f"Clocks of the three machines: {skews}. {replicas.kills} kills in {seconds:.0f} s, {replicas.at_a_step} "
        "of them at a step between claim and COMMIT. "
        f"{found.missed} deadlines were missed before the first move was committed, {found.moved} were not. "
        f"{_moments(callers.left)} "
        f"{callers.stale} callers found the hazard changed and moved it as it was then; {callers.unsettled.total} "
        "answers did not come and were settled by asking again with the same Idempotency-Key. A missed deadline was "
        f"committed as missed within {found.late(0.5):.0f} ms (p50), {found.late(0.99):.0f} ms (p99), "
        f"{found.late(1):.0f} ms at most, replicas dying all the while."
    )


def _moments(left: Sequence[float]) -> str:
    within = sum(abs(seconds) <= JITTER for seconds in left) / len(left)
    p99 = percentile([abs(seconds) for seconds in left], 0.99) * 1000
    return f"Sent within {JITTER * 1000:.0f} ms of the deadline: {within:.0%} of the first moves (p99 {p99:.0f} ms)."
