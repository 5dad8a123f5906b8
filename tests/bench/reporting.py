"""The system under a load of reports: what it answered, how fast, at what cost, with every effect found afterwards."""

from dataclasses import dataclass, field

from tests.bench.processor import ProcessorTime, Spent
from tests.evidence.cluster import BenchCluster
from tests.evidence.effects import Tally, check_all_answered, check_answers
from tests.evidence.load import closed_loop, open_loop
from tests.evidence.loader import Outcome
from tests.evidence.rounds import Spread, percentile
from tests.evidence.system import System

CONNECTIONS = 32


@dataclass(slots=True)
class Load:
    """One kind of load on the system: the closed loop, or a `share` of what the closed loop reached so far."""

    name: str
    cluster: BenchCluster
    system: System
    seconds: float
    saturation: list[float]  # reports a second of each closed loop, shared by all loads
    share: float | None = None
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    spent: Spent = field(default_factory=Spent)

    async def run(self, number: int) -> float:
        """One round: load, then wait for every consumer, then count; reports a second."""
        before = await Tally.take(self.system.urls["hazards"])
        cpu = ProcessorTime.taken(self.cluster, self.system.pids)
        outcome = await self._play(f"{self.name}{number}")
        self.spent.add(cpu, ProcessorTime.taken(self.cluster, self.system.pids))
        await self.system.caught_up()
        await self._check(before, outcome)
        self.p50.append(percentile(outcome.latencies, 0.5))
        self.p99.append(percentile(outcome.latencies, 0.99))
        self.latencies += outcome.latencies
        rate = len(outcome.created) / outcome.seconds
        if self.share is None:
            self.saturation.append(rate)
        return rate

    async def _play(self, prefix: str) -> Outcome:
        target = self.system.target()
        if self.share is None:
            return await closed_loop(target, connections=CONNECTIONS, seconds=self.seconds, key_prefix=prefix)
        rate = Spread.of(self.saturation).median * self.share
        return await open_loop(target, rate=rate, seconds=self.seconds, key_prefix=prefix)

    async def _check(self, before: Tally, outcome: Outcome) -> None:
        check_all_answered(self.name, outcome)
        await before.check(self.name, len(outcome.created))
        await check_answers(self.system.urls["hazards"], self.name, outcome.created)
