"""Part `soak`: half an hour at 70 % of what the system can take, over Kafka; nothing may grow, nothing may get later.

Every report also sets a clock of two seconds that nobody stops, so that the sweeper works all the time, too.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx

from deploy.kafka import jars
from tests.crash.settings import Effort
from tests.crash.soak_watch import Watched, watching
from tests.evidence.cluster import BenchCluster, connected
from tests.evidence.command import Tell
from tests.evidence.effects import WrongEffect, check_all_answered
from tests.evidence.figures import Figure, Result, Row
from tests.evidence.load import closed_loop, open_loop
from tests.evidence.loader import Outcome
from tests.evidence.processes import running
from tests.evidence.rounds import percentile
from tests.evidence.system import System, running_system

LONG_SECONDS, SHORT_SECONDS = 1800, 12
SHARE = 0.7
AIM_GROWTH, AIM_RATIO = 1.0, 1.5  # MiB in ten minutes; last third ÷ first, second half ÷ first
_SATURATION_SECONDS, _SHORT_SATURATION_SECONDS = 30.0, 4.0
_SEGMENT = 30.0  # seconds of load at a time, so that its answers fit into memory
_CONNECTIONS = 32
_CLOCK_SECONDS = 2
_SAMPLE = 20  # one event in so many is followed

_LATER = (
    "The floor is 1: what is due or announced meets as much work as ever. Above it something grows with the tables, or "
    "others came to use this machine; the run's own lines say when. What would move it is an index for what grows."
)

_FIRED = """
SELECT f.time AS found, extract(epoch FROM o.time - f.time)::float8 - $1 AS late
FROM outbox o JOIN outbox f ON f.key = o.key AND f.type = 'hazard-found'
WHERE o.type = 'verification-overdue' AND o.id % $2 = 0 AND f.id > $3 ORDER BY f.time
"""
_FOUND = "SELECT event_id, time FROM outbox WHERE type = 'hazard-found' AND id % $1 = 0 AND id > $2 ORDER BY time"
_WOKEN = """
SELECT i.event_id, extract(epoch FROM pg_xact_commit_timestamp(i.xmin))::float8 AS woken
FROM inbox i WHERE i.event_id = ANY($1::uuid[])
"""


@dataclass(slots=True)
class Answers:
    """What came back in the long run: reports that were taken, and what came instead of a 201."""

    taken: int = 0
    others: Counter[str] = field(default_factory=Counter)
    first_refusal: str = ""

    def add(self, outcome: Outcome) -> None:
        """Takes up one stretch of load."""
        self.taken += outcome.statuses.get("201", 0)
        self.others.update({status: n for status, n in outcome.statuses.items() if status != "201"})
        if outcome.lost:
            self.others["none"] += outcome.lost
        self.first_refusal = self.first_refusal or outcome.first_refusal

    @property
    def without(self) -> str:
        """What came instead, for whoever asks why."""
        return f"{dict(self.others)}; the first refusal: {self.first_refusal or '–'}"


@dataclass(frozen=True, slots=True)
class Flat:
    """p99 (ms) of the first third and of the last."""

    first: float
    last: float
    followed: int

    @classmethod
    def of(cls, late: Sequence[float]) -> "Flat":
        """Of values (seconds) in the order of time. Raises WrongEffect where there is nothing to compare."""
        third = len(late) // 3
        if not third:
            raise WrongEffect("soak: nothing could be followed")
        return cls(percentile(late[:third], 0.99) * 1000, percentile(late[-third:], 0.99) * 1000, len(late))

    @property
    def ratio(self) -> float:
        """Last ÷ first; what is below a millisecond counts as one."""
        return max(1.0, self.last) / max(1.0, self.first)


async def prove(cluster: BenchCluster, effort: Effort, tell: Tell) -> Result:
    """Saturation first, then the long run at a share of it, watched all the time."""
    result = Result("soak", f"At {SHARE:.0%} load over Kafka for a long time")
    if reason := jars.missing():
        result.skipped.append(f"soak: {reason}")
        return result
    seconds = effort.count(LONG_SECONDS, short=SHORT_SECONDS)
    async with (
        running_system(cluster, "kafka") as system,
        running("leaking", [sys.executable, "-m", "tests.evidence.leaking"], {}, cluster.folder) as control,
    ):
        await _set_clock(system)
        saturation = await _saturation(system, effort.short)
        rate = saturation * SHARE
        tell(f"saturated at {saturation:.0f} reports a second; {rate:.0f} a second for {seconds} s")
        before = await _last_event(system)
        pids = {name: pid for name, pid in system.pids.items() if name != "kafka"} | {"control": control.pid}
        async with watching(pids, system.urls) as watched:
            answers = await _load(system, rate, seconds, watched, tell)
        await system.caught_up()
        timers, woken = await _timers(system, before), await _woken(system, before)
        await _check(system, before, answers)
    _fill(result, watched, timers, woken, answers, rate, saturation, seconds)
    return result


async def _set_clock(system: System) -> None:
    """Whoever does not verify within two seconds is late: a row of policy, through the API."""
    body = {"code": "SOAK", "clock": "verification", "period": f"PT{_CLOCK_SECONDS}S", "basis": "长跑"}
    heads = {"Authorization": f"Bearer {system.tokens[0]}"}
    address = f"http://127.0.0.1:{system.ports['hazards']}"
    async with httpx.AsyncClient(base_url=address, headers=heads, trust_env=False) as client:
        answer = await client.post("/v1/deadline-policies", json=body)
    if answer.status_code != httpx.codes.CREATED:
        raise RuntimeError(f"the clock was refused: {answer.text[:300]}")


async def _saturation(system: System, short: bool) -> float:
    """Reports a second that go all the way, to the last alert, when as many as possible are asked for."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    seconds = _SHORT_SATURATION_SECONDS if short else _SATURATION_SECONDS
    outcome = await closed_loop(system.target(), connections=_CONNECTIONS, seconds=seconds, key_prefix="saturate")
    check_all_answered("soak", outcome)
    await system.caught_up()
    return len(outcome.created) / (loop.time() - began)


async def _load(system: System, rate: float, seconds: float, watched: Watched, tell: Tell) -> Answers:
    """The long run, in segments. A report that is refused does not end it; it is counted."""
    answers, left, number = Answers(), seconds, 0
    while left > 0:
        outcome = await open_loop(
            system.target(), rate=rate, seconds=min(left, _SEGMENT), key_prefix=f"soak{number}", connections=64
        )
        answers.add(outcome)
        left, number = left - _SEGMENT, number + 1
        memory = ", ".join(f"{name} {points[-1][1]:.0f}" for name, points in watched.memory.items())
        p99 = percentile(outcome.latencies, 0.99)
        tell(f"{answers.taken} reports, p99 {p99:.0f} ms, {await system.behind()} events behind; MiB: {memory}")
    return answers


async def _last_event(system: System) -> int:
    async with connected(system.urls["hazards"]) as connection:
        last: int = await connection.fetchval("SELECT coalesce(max(id), 0) FROM outbox")
    return last


async def _timers(system: System, before: int) -> Flat:
    async with connected(system.urls["hazards"]) as connection:
        rows = await connection.fetch(_FIRED, float(_CLOCK_SECONDS), _SAMPLE, before)
    return Flat.of([row["late"] for row in rows])


async def _woken(system: System, before: int) -> Flat:
    async with connected(system.urls["hazards"]) as connection:
        found = await connection.fetch(_FOUND, _SAMPLE, before)
    async with connected(system.urls["notifications"]) as connection:
        rows = await connection.fetch(_WOKEN, [row["event_id"] for row in found])
    woken = {row["event_id"]: row["woken"] for row in rows}
    return Flat.of([woken[row["event_id"]] - row["time"].timestamp() for row in found])


async def _check(system: System, before: int, answers: Answers) -> None:
    """Raises WrongEffect unless every report was announced, and opened an alert; unanswered ones may have been, too."""
    async with connected(system.urls["hazards"]) as connection:
        query = "SELECT count(*) FROM outbox WHERE type = 'hazard-found' AND id > $1"
        announced = await connection.fetchval(query, before)
        if not answers.taken <= announced <= answers.taken + answers.others.total():
            raise WrongEffect(f"soak: {answers.taken} reports announced {announced} finds")
        hazards = await connection.fetchval("SELECT count(*) FROM hazards")
    async with connected(system.urls["notifications"]) as connection:
        alerted = await connection.fetchval("SELECT count(DISTINCT hazard_id) FROM alerts")
    if alerted != hazards:
        raise WrongEffect(f"soak: {hazards} hazards, alerts about {alerted}")


def _fill(
    result: Result,
    watched: Watched,
    timers: Flat,
    woken: Flat,
    answers: Answers,
    rate: float,
    saturation: float,
    seconds: float,
) -> None:
    services = [name for name in watched.memory if name != "control"]
    growth = {name: watched.growth(name) for name in services}
    dead = watched.dead_growth()
    table = max(dead, key=dead.__getitem__, default="")
    memory = "; ".join(
        f"{name} {watched.memory[name][0][1]:.0f} → {watched.memory[name][-1][1]:.0f} MiB, "
        f"{growth[name]:+.2f} in ten minutes"
        for name in services
    )
    rows = "; ".join(f"{name} {max(n for _, n in watched.dead[name]):.0f} at most, × {dead[name]:.2f}" for name in dead)
    result.figures += [
        Figure("soak_seconds", "length of the run", seconds, "s", LONG_SECONDS, "more"),
        Figure("soak_reports", f"reports, {rate:.0f} a second", answers.taken, "reports", None, "more"),
        Figure(
            "soak_not_taken",
            "reports that were answered with anything but 201, or not at all",
            answers.others.total(),
            "reports",
            0,
            "less",
            shortfall=f"What came instead: {answers.without}. The floor is none: at {SHARE:.0%} of what it can take "
            "the system refuses nobody, unless the machine is held up for longer than callers are let wait. What "
            "would move it is a machine that nobody else holds up, or callers with more patience.",
        ),
        *(
            Figure(
                f"soak_{name}_growth",
                f"memory of {name}, rise in ten minutes",
                growth[name],
                "MiB",
                AIM_GROWTH,
                "less",
                shortfall=f"By process: {memory}. The floor is 0, a process that keeps nothing; the control shows "
                "what a leak looks like. What would move it is known once `make bench ONLY=memory` says after which "
                "events a process grows.",
            )
            for name in services
        ),
        *(
            Figure(
                f"soak_{name}_memory", f"memory of {name} at the end", watched.memory[name][-1][1], "MiB", None, "less"
            )
            for name in services
        ),
        Figure(
            "soak_dead_ratio",
            f"dead rows, second half ÷ first, worst table {table}".rstrip(),
            dead.get(table, 0.0),
            "ratio",
            AIM_RATIO,
            "less",
            shortfall=f"By table: {rows}. The floor is 1: a table is cleaned after as many dead rows as ever, "
            "whatever its size. What would move it is a threshold of autovacuum by count for the tables above 1, or "
            "more workers where they are busy all the time.",
        ),
        Figure(
            "soak_timers_ratio",
            "lateness of timers p99, last third ÷ first",
            timers.ratio,
            "ratio",
            AIM_RATIO,
            "less",
            f"{timers.first:.0f} → {timers.last:.0f} ms, {timers.followed} followed",
            _LATER,
        ),
        Figure(
            "soak_woken_ratio",
            "report → alert p99, last third ÷ first",
            woken.ratio,
            "ratio",
            AIM_RATIO,
            "less",
            f"{woken.first:.0f} → {woken.last:.0f} ms, {woken.followed} followed",
            _LATER,
        ),
        Figure(
            "soak_control_growth",
            "control: memory of a process that leaks, by the same regression",
            watched.growth("control"),
            "MiB",
            AIM_GROWTH,
            "more",
            shortfall="The regression does not see a leak of 128 KiB a second.",
        ),
    ]
    result.rows.append(Row("saturation, closed loop, until the last alert", f"{saturation:.0f}"))
    result.rows.append(Row(f"open loop at {SHARE:.0%}", f"{rate:.0f}"))
    result.notes.append(f"Memory: {memory}. Dead rows of tables with more than a few thousand: {rows or 'none'}.")
