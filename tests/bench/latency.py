"""Part `latency`: how long a report waits for its answer at half load, close to saturation and at full load.

Full load is the closed loop of the part `report`: 32 connections, each of which reports again as soon as it is
answered. Its rate is the saturation; half load is an open loop that sends half as many reports a second by the clock,
whatever the answers do, and counts from when a report should have left. The floor is the same half load on an `app`
alone, with a database of its own, whose events nobody carries.
"""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from deploy.local.ports import free_port
from tests.bench import shortfalls
from tests.bench.reporting import CONNECTIONS, Load
from tests.bench.settings import Effort
from tests.evidence.cluster import BenchCluster
from tests.evidence.effects import Tally, check_all_answered, check_answers
from tests.evidence.figures import Figure, Result, Row
from tests.evidence.forgetting import refused_when_forgetful
from tests.evidence.load import Target, open_loop
from tests.evidence.processes import answering, running
from tests.evidence.rounds import Arm, Rounds, Spread, percentile, take_turns
from tests.evidence.system import System, peer_database, running_system

HALF, NEAR, FULL, ALONE = "half", "near", "full", "alone"
SHARES = {HALF: 0.5, NEAR: 0.95}
AIMS = {HALF: 25.0, FULL: 100.0}  # milliseconds at p99
_WORDS = {
    HALF: "at half load (open loop)",
    NEAR: "at 95 % of saturation (open loop)",
    FULL: f"at full load ({CONNECTIONS} connections, closed loop)",
}

Tell = Callable[[str], None]


@dataclass(slots=True)
class _Alone:
    """Half load on an `app` with nobody behind it."""

    target: Target
    url: str
    seconds: float
    saturation: list[float]
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)

    async def run(self, number: int) -> float:
        """One round; reports a second."""
        before = await Tally.take(self.url)
        rate = Spread.of(self.saturation).median * SHARES[HALF]
        outcome = await open_loop(self.target, rate=rate, seconds=self.seconds, key_prefix=f"{ALONE}{number}")
        check_all_answered(ALONE, outcome)
        await before.check(ALONE, len(outcome.created))
        await check_answers(self.url, ALONE, outcome.created)
        self.p50.append(percentile(outcome.latencies, 0.5))
        self.p99.append(percentile(outcome.latencies, 0.99))
        return len(outcome.created) / outcome.seconds


async def measure(cluster: BenchCluster, effort: Effort, tell: Tell) -> Result:
    """Finds the saturation, then runs the three loads and the floor in turns."""
    result = Result("latency", "How long a report waits for its answer")
    async with running_system(cluster) as system, _app_alone(cluster, system) as (target, url):
        saturation: list[float] = []
        probe = Load("probe", cluster, system, effort.seconds, saturation)
        await probe.run(-1)  # fills caches and is not counted
        saturation.clear()
        for number in range(min(3, effort.rounds)):
            await probe.run(number)
        tell(f"saturation: {Spread.of(saturation)} reports a second over {CONNECTIONS} connections")
        loads = {
            name: Load(name, cluster, system, effort.seconds, saturation, SHARES.get(name))
            for name in (HALF, NEAR, FULL)
        }
        alone = _Alone(target, url, effort.seconds, saturation)
        await alone.run(-1)
        alone = _Alone(target, url, effort.seconds, saturation)
        arms = [*(Arm(name, load.run) for name, load in loads.items()), Arm(ALONE, alone.run)]
        rounds = await take_turns(arms, effort.rounds, tell)
        _fill(result, rounds, loads, alone, await cluster.flush_milliseconds())
        control = Load("control", cluster, system, effort.seconds, [])
        result.figures.append(await refused_when_forgetful("latency", system.urls["hazards"], control.run))
    return result


@asynccontextmanager
async def _app_alone(cluster: BenchCluster, system: System) -> AsyncIterator[tuple[Target, str]]:
    url = await peer_database(cluster, system, "app_alone")
    port, log = free_port(), cluster.folder
    environment = {**system.environments["hazards"], "DATABASE_URL": url, "PORT": str(port), "LOG_LEVEL": "WARNING"}
    async with running(ALONE, [sys.executable, "-m", "services.hazards", "app"], environment, log) as process:
        await answering(process, "127.0.0.1", port, "/readyz", log / f"{ALONE}.log")
        yield system.target(port), url


def _fill(result: Result, rounds: Rounds, loads: dict[str, Load], alone: _Alone, flush: float) -> None:
    floor = Spread.of(alone.p99)
    for name, load in loads.items():
        words, p50, p99 = _WORDS[name], Spread.of(load.p50), Spread.of(load.p99)
        cost = load.spent.each(len(load.latencies))
        why = shortfalls.answered_late(words, p50.median, load.spent.cores(), cost, flush, floor.median)
        title = f"report answered {words}"
        result.figures += [
            Figure(f"report_p50_{name}", f"{title}, p50", p50.median, "ms", None, "less", str(p50)),
            Figure(f"report_p99_{name}", f"{title}, p99", p99.median, "ms", AIMS.get(name), "less", str(p99), why),
        ]
        result.rows.append(Row(f"reports {words}", str(rounds.rate(name))))
        result.notes.append(
            f"{words[0].upper()}{words[1:]}: {len(load.latencies)} reports in all rounds, "
            f"{percentile(load.latencies, 0.999):.1f} ms at p99.9, {max(load.latencies):.1f} ms at most. Busy: "
            f"{load.spent.cores()}. Processor time a report: {cost}."
        )
    title = f"floor: report answered {_WORDS[HALF]} by an app alone"
    result.figures += [
        Figure(f"report_p50_{ALONE}", f"{title}, p50", Spread.of(alone.p50).median, "ms", None, "less"),
        Figure(f"report_p99_{ALONE}", f"{title}, p99", floor.median, "ms", None, "less", str(floor)),
    ]
    left_out = "relay, bus, consumers, folding of the counters"
    result.rows.append(Row(f"reports {_WORDS[HALF]} to an app alone", str(rounds.rate(ALONE)), left_out))
    result.notes.append(
        f"Full load is the closed loop over {CONNECTIONS} connections: each reports again as soon as it is answered. "
        "What it reaches is the saturation; the open loops send half and 95 % of its median so far by the clock, "
        "whatever the answers do, and a report counts from when it should have left, so that waiting in the generator "
        "is waiting too. Percentiles are of each round, the table shows the median round. While reports are answered, "
        "relay, bus and consumers work off the events on the same cores; after every round all events had been taken "
        "up, every 201 was found under its number, and hazards, log, timers, outbox and idempotency keys had grown by "
        f"one row a report. The bus is PostgreSQL. One flush of the log took {flush:.2f} ms."
    )
