"""Part `alerta`: one report over HTTP with everything on, against Alerta taking a report that it has had before.

Alerta is run as its documents want it for production, under a WSGI server, with whichever gunicorn suits it best; on
the same PostgreSQL, asked over as many connections. What can be chosen is chosen in its favour: nobody has to log in,
its reports are repeats that only count up, and they say nothing new, so that its histories do not grow.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench import shortfalls
from tests.bench.peers import alerta as peer
from tests.bench.peers.environments import PeerMissing, installed, pinned
from tests.bench.pgbench import find_pgbench, pgbench
from tests.bench.processor import ProcessorTime, Spent
from tests.bench.recording import record_report
from tests.bench.reporting import CONNECTIONS, Load
from tests.bench.settings import Effort
from tests.evidence.cluster import BenchCluster
from tests.evidence.effects import Tally, check_all_answered
from tests.evidence.figures import Figure, Result, Row
from tests.evidence.forgetting import refused_when_forgetful
from tests.evidence.rounds import Arm, Rounds, Spread, take_turns
from tests.evidence.system import System, peer_database, running_system

AIM = 20.0
HTTP, ALERTA, BARE, PGBENCH = "http", "alerta", "alerta without plugins", "pgbench"
_CLIENTS = 16

Tell = Callable[[str], None]


@dataclass(slots=True)
class _AlertaArm:
    """Alerta with some plugins under the server that suits it; every round runs in the same processes."""

    name: str
    cluster: BenchCluster
    server: peer.Server
    running: peer.Alerta
    seconds: float
    spent: Spent = field(default_factory=Spent)
    reports: int = 0

    async def run(self, number: int) -> float:
        """One round; reports a second, every one of them counted in its table."""
        before = await peer.Counted.at(self.running.url)
        cpu = ProcessorTime.taken(self.cluster, {"Alerta": self.running.pid})
        outcome = await self.running.asked(CONNECTIONS, self.seconds, f"a{number}")
        self.spent.add(cpu, ProcessorTime.taken(self.cluster, {"Alerta": self.running.pid}))
        check_all_answered(self.name, outcome)
        done = len(outcome.created)
        self.reports += done
        await before.check(self.running.url, self.name, done)
        return done / outcome.seconds


@dataclass(frozen=True, slots=True)
class _PgbenchArm:
    """What our own statements alone would reach: no HTTP, no rules."""

    cluster: BenchCluster
    program: Path
    script: Path
    url: str
    seconds: float

    async def run(self, _: int) -> float:
        """One round; transactions a second."""
        before = await Tally.take(self.url)
        outcome = await pgbench(
            self.program,
            self.url,
            self.script,
            clients=_CLIENTS,
            seconds=self.seconds,
            programs=self.cluster.programs,
        )
        await before.check(PGBENCH, outcome.committed)
        return outcome.rate


async def measure(cluster: BenchCluster, effort: Effort, tell: Tell) -> Result:
    """Runs the arms in turns; skipped when Alerta cannot be had."""
    result = Result("alerta", f"One report over HTTP against Alerta {peer.VERSION}")
    try:
        python = installed(peer.LOCK)
    except PeerMissing as reason:
        result.skipped.append(f"alerta: {reason}")
        return result
    async with (
        running_system(cluster) as system,
        _arm(cluster, python, ALERTA, None, effort, tell) as usual,
        _arm(cluster, python, BARE, [], effort, tell) as bare,
    ):
        http = Load(HTTP, cluster, system, effort.seconds, [])
        await Load("warm", cluster, system, effort.seconds, []).run(-1)  # fills caches and is not counted
        arms = [Arm(HTTP, http.run), Arm(ALERTA, usual.run), Arm(BARE, bare.run)]
        floor = await _floor(cluster, system, effort)
        if floor is not None:
            arms.append(Arm(PGBENCH, floor.run))
        rounds = await take_turns(arms, effort.rounds, tell)
        _fill(result, rounds, http, usual, bare)
        control = Load("control", cluster, system, effort.seconds, [])
        result.figures.append(await refused_when_forgetful("alerta", system.urls["hazards"], control.run))
    return result


@asynccontextmanager
async def _arm(
    cluster: BenchCluster, python: Path, name: str, plugins: Sequence[str] | None, effort: Effort, tell: Tell
) -> AsyncIterator[_AlertaArm]:
    """Alerta under the best of the candidate servers, found out first; the quick form takes one as it is."""
    url = await peer.make_schema(python, cluster, f"alerta_{name.count(' ')}")
    best = await _best(cluster, python, url, name, plugins, effort, tell) if effort.rounds > 1 else peer.CANDIDATES[0]
    async with peer.alerta(python, cluster, url, best, plugins) as running:
        yield _AlertaArm(name, cluster, best, running, effort.seconds)


async def _best(
    cluster: BenchCluster,
    python: Path,
    url: str,
    name: str,
    plugins: Sequence[str] | None,
    effort: Effort,
    tell: Tell,
) -> peer.Server:
    rates: dict[peer.Server, float] = {}
    for server in peer.CANDIDATES:
        async with peer.alerta(python, cluster, url, server, plugins) as running:
            rates[server] = await _AlertaArm(name, cluster, server, running, effort.seconds).run(-1)
    best = max(rates, key=rates.__getitem__)
    tell(f"{name} does best with {best}: " + ", ".join(f"{server}: {rate:.0f}/s" for server, rate in rates.items()))
    return best


async def _floor(cluster: BenchCluster, system: System, effort: Effort) -> _PgbenchArm | None:
    program = find_pgbench(cluster.programs)
    if program is None:
        return None
    url = await peer_database(cluster, system, "pgbench")
    script = await record_report(url, system.target(), system.environments["hazards"], cluster.folder)
    return _PgbenchArm(cluster, program, script, url, effort.seconds)


def _fill(result: Result, rounds: Rounds, http: Load, usual: _AlertaArm, bare: _AlertaArm) -> None:
    floor = rounds.ratio(PGBENCH, ALERTA) if PGBENCH in rounds.rates else None
    ratio, lean = rounds.ratio(HTTP, ALERTA), rounds.ratio(HTTP, BARE)
    ours, theirs = http.spent.each(len(http.latencies)), usual.spent.each(usual.reports)
    title = f"report over HTTP, everything on ÷ Alerta {peer.VERSION}"
    why = shortfalls.against_alerta(AIM, rounds.rate(ALERTA).median, floor, ours, theirs)
    result.figures += [
        Figure("report_vs_alerta", title, ratio.median, "ratio", AIM, "more", str(ratio), why),
        Figure("report_vs_alerta_bare", f"{title} without plugins", lean.median, "ratio", None, "more", str(lean)),
    ]
    if floor is not None:
        words = f"floor: pgbench with the statements of a report ÷ Alerta {peer.VERSION}"
        result.figures.append(
            Figure("pgbench_vs_alerta", words, floor.median, "ratio", None, "more", str(floor)),
        )
    left_out = "idempotency keys, tokens, log, deadlines, events and whoever is told; a new row"
    result.rows.append(Row(f"report over HTTP, {CONNECTIONS} connections", str(rounds.rate(HTTP))))
    for arm in (usual, bare):
        skipped = left_out if arm is usual else f"its own plugins; {left_out}"
        result.rows.append(Row(f"{arm.name}, {arm.server}", str(rounds.rate(arm.name)), skipped))
    if floor is not None:
        left_out = "HTTP, token, validation, rules; relay, bus, consumers, folding of the counters"
        result.rows.append(Row(f"pgbench, {_CLIENTS} clients", str(rounds.rate(PGBENCH)), left_out))
    result.notes.append(
        f"Alerta {peer.VERSION} and gunicorn {pinned(peer.LOCK, 'gunicorn')} come from the package index by the "
        "hashes of `tests/bench/peers/alerta.lock`. Alerta is asked by the same generator over as many connections, on "
        f"the same server; it was tried under {', '.join(map(str, peer.CANDIDATES))}. Nobody has to log in there; each "
        f"report repeats one of {peer.RESOURCES} alerts, with the same value, so that it reads one row and counts it "
        "up, and no history grows. With plugins means those it comes with. After every round its duplicate counts had "
        "grown by one a report and no alert or entry had been added. Its reports are checked against nothing and tell "
        f"nobody; ours are checked as in the part `report`. Processor time a report, ours: {ours}; Alerta's: {theirs}. "
        f"Ours was answered within {Spread.of(http.p99)} ms at p99; its bus is PostgreSQL."
    )
