"""Part `handled`: moving committed rows to a handled state, against three job queues on the same PostgreSQL.

Ours is the relay over a bus that takes everything at once: committed rows of the outbox are read, made into messages,
handed over and marked. The peers handle empty jobs that were put in before. One process each; a state counts as handled
when it is committed.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench import shortfalls
from tests.bench.announced import analyze, announce, finds, service_database, unpublished
from tests.bench.carrying import Carried, carried, told
from tests.bench.peers import node
from tests.bench.peers.environments import PeerMissing, installed, pinned
from tests.bench.settings import Effort
from tests.evidence.cluster import BenchCluster, connected
from tests.evidence.effects import WrongEffect
from tests.evidence.figures import Figure, Result, Row
from tests.evidence.forgetting import refused
from tests.evidence.rounds import Arm, Rounds, Spread, take_turns

PEERS = Path(node.__file__).parent
GRAPHILE, LOCK = PEERS / "graphile", PEERS / "queues.lock"
OURS = "ours"
_EVENTS_A_SECOND = 15_000

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Peer:
    """A job queue: our aim, how many jobs a second of a round it gets, how many it may take at once, its tables.

    `left` counts jobs not handled, `done` those handled where the queue keeps them.
    """

    name: str
    version: str
    aim: float
    jobs_a_second: int
    candidates: Sequence[str]
    left: str
    done: str | None = None


def peers() -> list[Peer]:
    """Those of the lock files."""
    return [
        Peer(
            "graphile-worker",
            node.pinned(GRAPHILE, "graphile-worker"),
            2.0,
            6_000,
            ("24 500", "8 500", "24 2000"),
            "SELECT count(*) FROM graphile_worker._private_jobs",
        ),
        Peer(
            "pgqueuer",
            pinned(LOCK, "pgqueuer"),
            10.0,
            2_500,
            ("100", "500", "1000"),
            "SELECT count(*) FROM pgqueuer",
            "SELECT count(*) FROM pgqueuer_log WHERE status = 'successful'",
        ),
        Peer(
            "procrastinate",
            pinned(LOCK, "procrastinate"),
            50.0,
            200,
            ("1", "8", "20"),
            "SELECT count(*) FROM procrastinate_jobs WHERE status <> 'succeeded'",
            "SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'",
        ),
    ]


@dataclass(slots=True)
class _OurArm:
    cluster: BenchCluster
    events: int
    carrier: str = "accept"
    spent: list[float] = field(default_factory=list)

    async def run(self, number: int) -> float:
        """One round on a database of its own; rows a second, all of them marked."""
        url = await service_database(self.cluster, f"ours_{number}" if number >= 0 else "ours_first")
        await announce(url, finds(self.events))
        await analyze(url)
        await self.cluster.checkpoint()
        done = await carried(self.carrier, url, self.events)
        if done.events != self.events or (left := await unpublished(url)):
            raise WrongEffect(f"{OURS}: of {self.events} rows {left} are not marked, it says {done.events} are")
        self.spent.append(done.cpu / done.events * 1e6)
        return done.rate


@dataclass(slots=True)
class _PeerArm:
    peer: Peer
    command: Sequence[str]
    cluster: BenchCluster
    jobs: int
    at_once: str = ""
    runs: int = 0
    spent: list[float] = field(default_factory=list)

    async def settle(self, tell: Tell) -> None:
        """Finds out what suits it best."""
        rates: dict[str, float] = {}
        for candidate in self.peer.candidates:
            self.at_once = candidate
            rates[candidate] = await self.run(-1)
        self.at_once = max(rates, key=rates.__getitem__)
        self.spent.clear()
        tell(f"{self.peer.name}: " + ", ".join(f"{what}: {rate:.0f}/s" for what, rate in rates.items()))

    async def run(self, _: int) -> float:
        """One round on a database of its own; jobs a second, all of them handled."""
        self.runs += 1
        url = await self.cluster.create(f"{self.peer.name.replace('-', '_')}_{self.runs}")
        await self.cluster.checkpoint()
        done = await told([*self.command, url, str(self.jobs), *self.at_once.split()], {"PYTHONPATH": ""})
        await self._check(url, done)
        self.spent.append(done.cpu / done.events * 1e6)
        return done.rate

    async def _check(self, url: str, done: Carried) -> None:
        async with connected(url) as connection:
            left = await connection.fetchval(self.peer.left)
            handled = await connection.fetchval(self.peer.done) if self.peer.done else self.jobs
        if left or handled != self.jobs or done.events != self.jobs:
            raise WrongEffect(f"{self.peer.name}: of {self.jobs} jobs {left} are left, {handled} are done")


async def measure(cluster: BenchCluster, effort: Effort, tell: Tell) -> Result:
    """Runs the arms in turns; a peer that cannot be had is skipped."""
    result = Result("handled", "Committed rows moved to a handled state, against job queues")
    ours = _OurArm(cluster, int(_EVENTS_A_SECOND * effort.seconds))
    theirs: list[_PeerArm] = []
    for peer in peers():
        try:
            command = await asyncio.to_thread(command_of, peer)
        except PeerMissing as reason:
            result.skipped.append(f"handled/{peer.name}: {reason}")
            continue
        arm = _PeerArm(peer, command, cluster, max(100, int(peer.jobs_a_second * effort.seconds)), peer.candidates[0])
        if effort.rounds > 1:
            await arm.settle(tell)
        theirs.append(arm)
    await ours.run(-1)
    ours.spent.clear()
    arms = [Arm(OURS, ours.run), *(Arm(arm.peer.name, arm.run) for arm in theirs)]
    _fill(result, await take_turns(arms, effort.rounds, tell), ours, theirs)
    if theirs:
        control = _OurArm(cluster, ours.events, carrier="boast")
        loss = "stops after one pass and says it was all"
        result.figures.append(await refused("handled", loss, "are not marked", control.run))
    return result


def command_of(peer: Peer) -> list[str]:
    """What drains the peer's queue, fetched if need be. Raises PeerMissing."""
    if peer.name == "graphile-worker":
        return [node.node(), str(GRAPHILE / "drain.mjs"), str(node.modules(GRAPHILE))]
    return [str(installed(LOCK)), str(PEERS / "queue_drain.py"), peer.name]


def _fill(result: Result, rounds: Rounds, ours: _OurArm, theirs: Sequence[_PeerArm]) -> None:
    own = Spread.of(ours.spent).median
    result.rows.append(Row("the relay over a bus that takes everything at once", str(rounds.rate(OURS)), "a real bus"))
    for arm in theirs:
        peer, ratio = arm.peer, rounds.ratio(OURS, arm.peer.name)
        name = f"handled_vs_{peer.name.replace('-', '_')}"
        title = f"committed rows to a handled state ÷ {peer.name} {peer.version}"
        cost = Spread.of(arm.spent).median
        why = shortfalls.handled(peer.name, own, cost)
        result.figures.append(Figure(name, title, ratio.median, "ratio", peer.aim, "more", str(ratio), why))
        result.rows.append(
            Row(f"{peer.name} {peer.version}, at once {arm.at_once}", str(rounds.rate(peer.name)), "an event: {}")
        )
        result.notes.append(
            f"{peer.name}: {arm.jobs:,} empty jobs a round, {cost:.0f} µs of its own processor time each."
        )
    result.notes.append(
        f"Ours: {ours.events:,} events a round, {own:.1f} µs of its own processor time each. What suits each peer best "
        "was found out first. After every round no row was left unmarked and no job unhandled."
    )
