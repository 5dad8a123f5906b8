"""Part `report`: one report over HTTP with everything on, against pgbench and against the SQLModel session idiom."""

import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.ports import free_port
from tests.bench import shortfalls
from tests.bench.pgbench import PgbenchOutcome, find_pgbench, pgbench
from tests.bench.recording import record_report
from tests.bench.settings import Effort
from tests.evidence.cluster import BenchCluster, connected
from tests.evidence.effects import Tally, WrongEffect, check_all_answered, check_answers
from tests.evidence.figures import Figure, Result, Row
from tests.evidence.forgetting import refused_when_forgetful
from tests.evidence.load import Target, closed_loop
from tests.evidence.processes import answering, running
from tests.evidence.rounds import Arm, Rounds, Spread, percentile, take_turns
from tests.evidence.system import System, peer_database, running_system

CONNECTIONS = 32
_CANDIDATES = (16, 32)  # clients of pgbench; it runs with whichever suits it better
HTTP, PGBENCH, SESSION = "http", "pgbench", "session"
AIM_PGBENCH, AIM_SESSION = 0.6, 8.0

Tell = Callable[[str], None]


@dataclass(slots=True)
class _HttpArm:
    """The system itself, and what it spent."""

    system: System
    seconds: float
    sustained: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    spent: dict[str, float] = field(default_factory=dict)
    reports: int = 0

    async def run(self, number: int) -> float:
        """One round: load, then wait until notifications has taken up every event, then count."""
        url = self.system.urls["hazards"]
        before, alerts = await Tally.take(url), await _alerts(self.system)
        cpu = self.system.cpu()
        outcome = await closed_loop(
            self.system.target(), connections=CONNECTIONS, seconds=self.seconds, key_prefix=f"h{number}"
        )
        done = len(outcome.created)
        check_all_answered(HTTP, outcome)
        began = time.perf_counter()
        await self.system.caught_up()
        self.sustained.append(done / (outcome.seconds + time.perf_counter() - began))
        self.p99.append(percentile(outcome.latencies, 0.99))
        for name, now in self.system.cpu().items():
            self.spent[name] = self.spent.get(name, 0.0) + now - cpu[name]
        self.reports += done
        await before.check(HTTP, done)
        await check_answers(url, HTTP, outcome.created)
        if (opened := await _alerts(self.system) - alerts) != done:
            raise WrongEffect(f"{HTTP}: {done} reports opened {opened} alerts")
        return done / outcome.seconds


@dataclass(slots=True)
class _SessionArm:
    target: Target
    url: str
    seconds: float

    async def run(self, number: int) -> float:
        """One round of the peer."""
        before = await Tally.take(self.url)
        outcome = await closed_loop(self.target, connections=CONNECTIONS, seconds=self.seconds, key_prefix=f"s{number}")
        check_all_answered(SESSION, outcome)
        await before.check(SESSION, len(outcome.created))
        await check_answers(self.url, SESSION, outcome.created)
        return len(outcome.created) / outcome.seconds


@dataclass(slots=True)
class _PgbenchArm:
    program: Path
    url: str
    script: Path
    seconds: float
    programs: Path
    clients: int = _CANDIDATES[0]

    async def settle(self, tell: Tell) -> None:
        """Finds out with how many clients pgbench does best."""
        rates = {clients: (await self._play(clients)).rate for clients in _CANDIDATES}
        self.clients = max(rates, key=rates.__getitem__)
        tell(
            f"pgbench does best with {self.clients} clients: " + ", ".join(f"{n}: {r:.0f}/s" for n, r in rates.items())
        )

    async def run(self, number: int) -> float:
        """One round of pgbench."""
        before = await Tally.take(self.url)
        outcome = await self._play(self.clients)
        await before.check(PGBENCH, outcome.committed)
        return outcome.rate

    async def _play(self, clients: int) -> PgbenchOutcome:
        return await pgbench(
            self.program, self.url, self.script, clients=clients, seconds=self.seconds, programs=self.programs
        )


async def measure(cluster: BenchCluster, effort: Effort, tell: Tell) -> Result:
    """Runs the arms in turns."""
    result = Result("report", "One report over HTTP")
    async with running_system(cluster) as system, _session_peer(cluster, system) as (target, url):
        http = _HttpArm(system, effort.seconds)
        arms = [Arm(HTTP, http.run), Arm(SESSION, _SessionArm(target, url, effort.seconds).run)]
        peer = await _pgbench_peer(cluster, system, effort)
        if peer is None:
            result.skipped.append("report/pgbench: there is no pgbench beside PostgreSQL's programs or on the path")
        else:
            await peer.settle(tell)
            arms.append(Arm(PGBENCH, peer.run))
        await http.run(-1)  # a first round fills caches and is not counted
        http = _HttpArm(system, effort.seconds)
        arms[0] = Arm(HTTP, http.run)
        rounds = await take_turns(arms, effort.rounds, tell)
        _fill(result, rounds, http, peer, await cluster.flush_milliseconds())
        control = _HttpArm(system, effort.seconds)
        result.figures.append(await refused_when_forgetful("report", system.urls["hazards"], control.run))
    return result


def _fill(result: Result, rounds: Rounds, http: _HttpArm, peer: _PgbenchArm | None, flush: float) -> None:
    cost = {name: seconds / http.reports * 1e6 for name, seconds in http.spent.items()}
    if peer is not None:
        ratio = rounds.ratio(HTTP, PGBENCH)
        why = shortfalls.against_pgbench(cost)
        title = "report over HTTP, everything on ÷ pgbench, same statements, one commit each"
        result.figures.append(
            Figure("report_vs_pgbench", title, ratio.median, "ratio", AIM_PGBENCH, "more", str(ratio), why)
        )
    ratio = rounds.ratio(HTTP, SESSION)
    why = shortfalls.against_session(cost)
    title = "report over HTTP, everything on ÷ SQLModel session idiom"
    result.figures.append(
        Figure("report_vs_session", title, ratio.median, "ratio", AIM_SESSION, "more", str(ratio), why)
    )
    result.rows.append(Row(f"report over HTTP, {CONNECTIONS} connections", str(rounds.rate(HTTP))))
    result.rows.append(Row("… until notifications has opened the last alert", str(Spread.of(http.sustained))))
    left_out = "HTTP, token, validation, rules; relay, bus, consumers, folding of the counters"
    if peer is not None:
        result.rows.append(Row(f"pgbench, {peer.clients} clients", str(rounds.rate(PGBENCH)), left_out))
    left_out = "relay, bus, consumers, folding of the counters"
    result.rows.append(Row(f"SQLModel session idiom, {CONNECTIONS} connections", str(rounds.rate(SESSION)), left_out))
    spent = ", ".join(f"{name} {microseconds:.0f} µs" for name, microseconds in cost.items())
    result.notes.append(
        f"Answered within {Spread.of(http.p99)} ms at p99 of each round. Processor time a report, the wait for the "
        f"last alert included: {spent}, beside what PostgreSQL uses. One flush of the log took {flush:.2f} ms. "
        "After every round of every arm the rows in hazards, hazard_log, timers, outbox and idempotency_keys had grown "
        "by one a report, every number was there once, the counters knew every hazard, every 201 was found under its "
        "number, and notifications had opened one alert a report. In every street someone is on duty, so that each "
        "alert is also sent, over the channel `log`. The bus is PostgreSQL."
    )


@asynccontextmanager
async def _session_peer(cluster: BenchCluster, system: System) -> AsyncIterator[tuple[Target, str]]:
    url = await peer_database(cluster, system, "session_idiom")
    port, log = free_port(), cluster.folder
    environment = {**system.environments["hazards"], "DATABASE_URL": url, "PORT": str(port), "LOG_LEVEL": "WARNING"}
    async with running(SESSION, [sys.executable, "-m", "tests.bench.session_idiom"], environment, log) as process:
        await answering(process, "127.0.0.1", port, "/readyz", log / f"{SESSION}.log")
        target = system.target(port)
        await closed_loop(target, connections=1, seconds=0.2, key_prefix="first")
        yield target, url


async def _pgbench_peer(cluster: BenchCluster, system: System, effort: Effort) -> _PgbenchArm | None:
    program = find_pgbench(cluster.programs)
    if program is None:
        return None
    url = await peer_database(cluster, system, "pgbench")
    script = await record_report(url, system.target(), system.environments["hazards"], cluster.folder)
    return _PgbenchArm(program, url, script, effort.seconds, cluster.programs)


async def _alerts(system: System) -> int:
    async with connected(system.urls["notifications"]) as connection:
        opened: int = await connection.fetchval("SELECT count(*) FROM alerts")
    return opened
