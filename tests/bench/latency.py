"""Part `latency`: how long a report waits for its answer at half load, close to saturation and at full load.

Full load is the closed loop of the part `report`: 32 connections, each of which reports again as soon as it is
answered. Its rate is the saturation; half load is an open loop that sends half as many reports a second by the clock,
whatever the answers do, and counts from when a report should have left.
"""

from collections.abc import Callable

from tests.bench import shortfalls
from tests.bench.reporting import CONNECTIONS, Load
from tests.bench.settings import Effort
from tests.evidence.cluster import BenchCluster
from tests.evidence.figures import Figure, Result, Row
from tests.evidence.rounds import Arm, Rounds, Spread, percentile, take_turns
from tests.evidence.system import running_system

HALF, NEAR, FULL = "half", "near", "full"
SHARES = {HALF: 0.5, NEAR: 0.95}
AIMS = {HALF: 25.0, FULL: 100.0}  # milliseconds at p99
_WORDS = {
    HALF: "at half load (open loop)",
    NEAR: "at 95 % of saturation (open loop)",
    FULL: f"at full load ({CONNECTIONS} connections, closed loop)",
}

Tell = Callable[[str], None]


async def measure(cluster: BenchCluster, effort: Effort, tell: Tell) -> Result:
    """Finds the saturation, then runs the three loads in turns."""
    result = Result("latency", "How long a report waits for its answer")
    async with running_system(cluster) as system:
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
        rounds = await take_turns([Arm(name, load.run) for name, load in loads.items()], effort.rounds, tell)
        _fill(result, rounds, loads, await cluster.flush_milliseconds())
    return result


def _fill(result: Result, rounds: Rounds, loads: dict[str, Load], flush: float) -> None:
    for name, load in loads.items():
        words, p50, p99 = _WORDS[name], Spread.of(load.p50), Spread.of(load.p99)
        cost = load.spent.each(len(load.latencies))
        why = shortfalls.answered_late(words, p50.median, load.spent.cores(), cost, flush)
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
    result.notes.append(
        f"Full load is the closed loop over {CONNECTIONS} connections: each reports again as soon as it is answered. "
        "What it reaches is the saturation; the open loops send half and 95 % of its median so far by the clock, "
        "whatever the answers do, and a report counts from when it should have left, so that waiting in the generator "
        "is waiting too. Percentiles are of each round, the table shows the median round. While reports are answered, "
        "relay, bus and consumers work off the events on the same cores; after every round all events had been taken "
        "up, every 201 was found under its number, and hazards, log, timers, outbox and idempotency keys had grown by "
        f"one row a report. One flush of the log took {flush:.2f} ms."
    )
