"""Part `woken`: how long after the 201 the alert is committed in notifications, at 200 and at 500 reports a second.

The 201 is timed by the load generator when its last byte has arrived. The commit is timed by PostgreSQL: with
`track_commit_timestamp` every transaction carries its commit time, and the inbox row of the event, which is written
with the alert and never again, leads to it. Both clocks are this machine's. PostgreSQL takes the time just before the
commit record is flushed, so one flush is added to every value.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple
from uuid import UUID

import asyncpg

from deploy.kafka import jars
from tests.bench import shortfalls
from tests.bench.settings import Effort
from tests.evidence.cluster import BenchCluster, connected
from tests.evidence.effects import Tally, WrongEffect, check_all_answered, check_answers
from tests.evidence.figures import Figure, Result, Row
from tests.evidence.forgetting import refused_when_forgetful
from tests.evidence.load import open_loop
from tests.evidence.loader import Outcome
from tests.evidence.rounds import Spread, percentile
from tests.evidence.system import System, running_system

USUAL = 200.0  # reports a second; figures of other rates carry the rate in their names
RATES = {"kafka": (USUAL, 500.0), "postgres": (USUAL,)}
AIM_P99 = 80.0  # milliseconds; the aim set for 500 a second over Kafka

# The log entry and the inbox row are written once: their transactions are those of the report and of the alert.
_SENT = """
SELECT l.hazard_id, o.event_id, extract(epoch FROM pg_xact_commit_timestamp(l.xmin))::float8 AS committed
FROM outbox o JOIN hazard_log l ON l.hazard_id = o.key::uuid AND l.version = o.sequence
WHERE o.type = 'hazard-found' AND l.hazard_id = ANY($1::uuid[])
"""
_TAKEN = """
SELECT event_id, extract(epoch FROM handled_at)::float8 AS begun,
       extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 AS committed
FROM inbox WHERE event_id = ANY($1::uuid[])
"""
_OPENED = "SELECT DISTINCT hazard_id FROM alerts WHERE hazard_id = ANY($1::uuid[])"

Record = asyncpg.Record
Tell = Callable[[str], None]


class Stages(NamedTuple):
    """Milliseconds from the commit of the report to that of its alert."""

    over_relay_and_bus_until_the_consumer_began: float
    until_the_alert_was_committed: float


class Journey(NamedTuple):
    """One report: milliseconds from its 201 to the commit of its alert, and where they went since its own commit."""

    after_answer: float
    stages: Stages


async def measure(cluster: BenchCluster, effort: Effort, tell: Tell) -> Result:
    """Open-loop runs over each bus that this machine can run, one for each rate."""
    result = Result("woken", "Report answered → alert committed, open loop")
    result.taken = f"{effort.rounds} rounds of {effort.latency_seconds / effort.rounds:g} s a rate"
    for bus, rates in RATES.items():
        reason = jars.missing() if bus == "kafka" else None
        if reason:
            result.skipped.append(f"woken/{bus}: {reason}")
            continue
        async with running_system(cluster, bus) as system:
            await open_loop(system.target(), rate=USUAL, seconds=min(3.0, effort.latency_seconds), key_prefix="warm")
            runs = [_Run(system, rate, effort.latency_seconds / effort.rounds) for rate in rates]
            for number in range(effort.rounds):
                for run in runs:
                    await system.caught_up()
                    await cluster.checkpoint()
                    await run.stretch(number)
                    tell(f"{run.arm}: round {number + 1}/{effort.rounds}, p99 {run.p99[-1]:.1f} ms after the 201")
            flush = await cluster.flush_milliseconds()
            for run in runs:
                run.fill(result, flush)
            control = _Run(system, USUAL, effort.latency_seconds / effort.rounds)
            result.figures.append(await refused_when_forgetful(f"woken_{bus}", system.urls["hazards"], control.stretch))
    return result


@dataclass(slots=True)
class _Run:
    """One rate over one bus: as many stretches as there are rounds, between which the other rates have their turn."""

    system: System
    rate: float
    seconds: float
    journeys: list[Journey] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    spent: dict[str, float] = field(default_factory=dict)
    lasted: float = 0.0

    @property
    def arm(self) -> str:
        return f"woken/{self.system.bus}/{self.rate:.0f}"

    async def stretch(self, number: int) -> None:
        """One round, effects checked."""
        system = self.system
        before, cpu = await Tally.take(system.urls["hazards"]), system.cpu()
        prefix = f"woken{self.rate:.0f}-{number}"
        outcome = await open_loop(system.target(), rate=self.rate, seconds=self.seconds, key_prefix=prefix)
        await system.caught_up()
        for name, now in system.cpu().items():
            self.spent[name] = self.spent.get(name, 0.0) + now - cpu[name]
        await _check(self.arm, system, before, outcome)
        journeys = await _journeys(self.arm, system, outcome)
        self.journeys += journeys
        self.answered += outcome.latencies
        self.lasted += outcome.seconds
        self.p99.append(percentile([journey.after_answer for journey in journeys], 0.99))

    def fill(self, result: Result, flush: float) -> None:
        """All rounds together; `flush` (ms) is what PostgreSQL's time of a commit leaves out."""
        bus, rate = self.system.bus, self.rate
        delays = [journey.after_answer + flush for journey in self.journeys]
        title = f"201 → alert row committed, bus {bus}, {rate:.0f}/s"
        name = f"woken_{bus}" if rate == USUAL else f"woken_{bus}_{rate:.0f}"
        spread = f"{len(delays)} reports; p99 of the rounds {Spread.of([p99 + flush for p99 in self.p99])} ms"
        stages = ", ".join(
            f"{stage} {percentile(times, 0.5):.1f} ({percentile(times, 0.99):.1f}) ms"
            for stage, times in zip(
                Stages._fields, zip(*(journey.stages for journey in self.journeys), strict=True), strict=True
            )
        ).replace("_", " ")
        cost = {process: seconds / len(delays) * 1e6 for process, seconds in self.spent.items()}
        why = shortfalls.woken(flush, stages, cost)
        result.figures += [
            Figure(f"{name}_p50", f"{title}, p50", percentile(delays, 0.5), "ms", None, "less", spread),
            Figure(f"{name}_p99", f"{title}, p99", percentile(delays, 0.99), "ms", AIM_P99, "less", spread, why),
        ]
        own = percentile(self.answered, 0.5), percentile(self.answered, 0.99)
        result.rows.append(
            Row(f"reports over HTTP, bus {bus}, {rate:.0f}/s asked for", f"{len(delays) / self.lasted:.0f}")
        )
        result.notes.append(
            f"Bus {bus}, {rate:.0f}/s: the report itself was answered in {own[0]:.1f} ms at p50 and "
            f"{own[1]:.1f} ms at p99, counted from when it should have left. From its commit to that of the alert, "
            f"p50 (p99): {stages}. One flush of the log took {flush:.2f} ms."
        )


async def _check(arm: str, system: System, before: Tally, outcome: Outcome) -> None:
    check_all_answered(arm, outcome)
    await before.check(arm, len(outcome.created))
    await check_answers(system.urls["hazards"], arm, outcome.created)


async def _journeys(arm: str, system: System, outcome: Outcome) -> list[Journey]:
    """The way of every report that was answered. Raises WrongEffect where there is no alert."""
    answered = {UUID(one): at for one, _, at in outcome.created}
    async with connected(system.urls["hazards"]) as hazards:
        sent = await hazards.fetch(_SENT, list(answered))
    async with connected(system.urls["notifications"]) as notifications:
        taken = {row["event_id"]: row for row in await notifications.fetch(_TAKEN, [row["event_id"] for row in sent])}
        rows = await notifications.fetch(_OPENED, list(answered))
    opened = {row["hazard_id"] for row in rows}
    if missing := sum(1 for row in sent if row["hazard_id"] not in opened or row["event_id"] not in taken):
        raise WrongEffect(f"{arm}: {missing} reports opened no alert")
    if len(sent) != len(answered):
        raise WrongEffect(f"{arm}: {len(answered)} reports announced {len(sent)} finds")
    return [_journey(answered[row["hazard_id"]], row, taken[row["event_id"]]) for row in sent]


def _journey(answered: float, sent: Record, taken: Record) -> Journey:
    marks = (sent["committed"], taken["begun"], taken["committed"])
    steps = [(after - before) * 1000 for before, after in pairwise(marks)]
    return Journey((taken["committed"] - answered) * 1000, Stages(*steps))
