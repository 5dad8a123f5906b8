"""Part `replicas`: one, two and four processes of each service, on the cores that there are.

Nothing stands before them: the generator spreads its connections over their ports. Relays share the shards of the
outbox, consumers the partitions of the log.
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle

import httpx

from tests.bench.backlog import carry
from tests.bench.processor import ProcessorTime, Spent
from tests.bench.replica_set import ReplicaSet, replicas
from tests.bench.settings import Effort
from tests.evidence.cluster import BenchCluster
from tests.evidence.effects import Tally, check_all_answered, check_answers
from tests.evidence.figures import Figure, Result, Row
from tests.evidence.forgetting import refused_when_forgetful
from tests.evidence.load import closed_loop, play
from tests.evidence.loader import Job
from tests.evidence.rounds import Arm, Rounds, take_turns
from tests.evidence.system import System, running_system

COUNTS = (1, 2, 4)
CONNECTIONS = 128  # as many in every arm: spread over four processes they still make batches
HAZARDS, RELAY, NOTIFICATIONS, REGISTRY = "hazards", "relay", "notifications", "registry"
WORK = {
    HAZARDS: "reports over HTTP, everything on",
    RELAY: "events of hazards published, while they are taken up",
    NOTIFICATIONS: "events taken up by notifications, from a backlog",
    REGISTRY: "enterprises read over HTTP",
}
_BATCHES = re.compile(r'^operation_batch_items_count\{operation="report"\} (\S+)$', re.MULTILINE)
_BACKLOG, _BACKLOG_QUICK = 10_000, 500

Tell = Callable[[str], None]


@dataclass(slots=True)
class _Set:
    """So many processes of each service, and what they did in every round."""

    count: int
    cluster: BenchCluster
    system: System
    effort: Effort
    rates: dict[str, list[float]] = field(default_factory=lambda: {work: [] for work in WORK})
    spent: dict[str, Spent] = field(default_factory=lambda: {work: Spent() for work in WORK})
    reports: int = 0
    transactions: int = 0

    async def run(self, number: int) -> float:
        """One round of all kinds of work; reports a second."""
        async with replicas(self.cluster, self.system, self.count) as here:
            prefix = f"{self.count}x{number}"
            async with self._metered(here, HAZARDS):
                reported = await self._report(here, prefix)
            self.rates[HAZARDS].append(reported)
            await self.system.caught_up()
            async with self._metered(here, RELAY, NOTIFICATIONS):
                carried = await carry(self.system, _BACKLOG_QUICK if self.effort.is_quick else _BACKLOG)
            self.rates[RELAY].append(carried.published)
            self.rates[NOTIFICATIONS].append(carried.taken)
            async with self._metered(here, REGISTRY):
                self.rates[REGISTRY].append(await self._read(here))
        return reported

    @asynccontextmanager
    async def _metered(self, here: ReplicaSet, *works: str) -> AsyncIterator[None]:
        before = ProcessorTime.taken(self.cluster, here.pids)
        yield
        after = ProcessorTime.taken(self.cluster, here.pids)
        for work in works:
            self.spent[work].add(before, after)

    async def _report(self, here: ReplicaSet, prefix: str) -> float:
        before, batches = await Tally.take(self.system.urls["hazards"]), await _batches(here)
        outcomes = await asyncio.gather(
            *(
                closed_loop(
                    self.system.target(port),
                    connections=CONNECTIONS // self.count,
                    seconds=self.effort.seconds,
                    key_prefix=f"{prefix}-{port}",
                )
                for port in here.ports["hazards"]
            )
        )
        for outcome in outcomes:
            check_all_answered(HAZARDS, outcome)
            await check_answers(self.system.urls["hazards"], HAZARDS, outcome.created)
        done = sum(len(outcome.created) for outcome in outcomes)
        await before.check(HAZARDS, done)
        self.reports += done
        self.transactions += await _batches(here) - batches
        return sum(len(outcome.created) / outcome.seconds for outcome in outcomes)

    async def _read(self, here: ReplicaSet) -> float:
        outcomes = await asyncio.gather(*(play(self._reads(port)) for port in here.ports["registry"]))
        for outcome in outcomes:
            check_all_answered(REGISTRY, outcome, "200")
        return sum(outcome.statuses["200"] / outcome.seconds for outcome in outcomes)

    def _reads(self, port: int) -> Job:
        """Each connection reads one enterprise after the other."""
        heads = [
            f"GET /v1/enterprises/{enterprise} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n"
            for enterprise, token in zip(self.system.enterprises, cycle(self.system.tokens), strict=False)
        ]
        return Job("127.0.0.1", port, heads, [""], CONNECTIONS // self.count, self.effort.seconds / 2, "")


async def measure(cluster: BenchCluster, effort: Effort, tell: Tell) -> Result:
    """Runs the sets in turns."""
    result = Result("replicas", "One, two and four processes of each service")
    async with running_system(cluster) as system:
        sets = {count: _Set(count, cluster, system, effort) for count in COUNTS}
        if not effort.is_quick:
            await _Set(1, cluster, system, effort).run(-1)  # fills caches and is not counted
        await take_turns([Arm(str(count), some.run) for count, some in sets.items()], effort.rounds, tell)
        control = _Set(1, cluster, system, effort)
        result.figures.append(await refused_when_forgetful("replicas", system.urls["hazards"], control.run))
    for work, what in WORK.items():
        rounds = Rounds({str(count): some.rates[work] for count, some in sets.items()})
        ratios = {count: rounds.ratio(str(count), "1") for count in COUNTS[1:]}
        for count, ratio in ratios.items():
            title = f"{what}: {count} processes of each service ÷ 1"
            name = f"replicas_{work}_{count}_vs_1"
            result.figures.append(Figure(name, title, ratio.median, "ratio", None, "more", str(ratio)))
        for count in sets:
            result.rows.append(Row(f"{what}, {count} of each", str(rounds.rate(str(count)))))
        result.notes.append(
            _words(what, {count: ratio.median for count, ratio in ratios.items()})
            + " "
            + _floor({count: some.spent[work] for count, some in sets.items()})
        )
    sizes = ", ".join(f"{count} of each {some.reports / some.transactions:.1f}" for count, some in sets.items())
    result.notes.append(
        f"Reports in one transaction: {sizes}. The same connections spread over more processes make smaller batches, "
        "so that each transaction is paid by fewer reports: more processes are worth it where there are more cores, or "
        "more callers than one process can gather."
    )
    result.notes.append(
        f"Every process is a `serve`, with its HTTP side and its background side. The {CONNECTIONS} connections are "
        "spread evenly over the ports of the replicas, with nothing in between; each round waits until as many relays "
        "hold shards of the outbox (8) and as many consumers hold partitions of the log (8) as there are processes. "
        f"The backlog, {_BACKLOG:,} events committed in one transaction, is carried over the bus postgres; published "
        "and taken up are counted from its commit to PostgreSQL's time of the last. Reports are checked as in the part "
        "`report`, every event of a backlog was taken up once, every read was answered with 200."
    )
    return result


async def _batches(here: ReplicaSet) -> int:
    """How many transactions of reports the processes of hazards have made since they started."""
    made = 0.0
    async with httpx.AsyncClient(trust_env=False) as client:
        for port in here.ports["hazards"]:
            shown = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
            made += sum(float(count) for count in _BATCHES.findall(shown))
    return int(made)


def _words(what: str, ratios: Mapping[int, float]) -> str:
    told = ", ".join(f"{_grade(ratio)} with {count} processes (× {ratio:.2f})" for count, ratio in ratios.items())
    return f"{what[0].upper()}{what[1:]}: {told}."


def _grade(ratio: float) -> str:
    if ratio >= 1.5:
        return "scales"
    if ratio > 1.1:
        return "gains something"
    return "stays as it is" if ratio >= 0.9 else "loses"


def _floor(spent: Mapping[int, Spent]) -> str:
    """Where the processor time went, and what that leaves for more processes."""
    cores = os.cpu_count() or 1
    told = "; ".join(f"{count} of each: {some.cores()}" for count, some in spent.items())
    most, others = cores / spent[1].ours, max(some.others for some in spent.values())
    if others > cores / 8:
        why = f"unknown, since other work on this machine took up to {others:.2f} cores meanwhile"
    elif most < 1.15:
        why = "one process of each keeps these cores busy already, so more of them can only share what there is"
    else:
        why = f"at the same cost a unit these cores allow × {most:.2f} of what one process of each does, and no more"
    return f"Busy, {told}. The floor here: {why}."
