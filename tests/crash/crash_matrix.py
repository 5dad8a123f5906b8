"""Part `crash-matrix`: every process of the three services killed at every failpoint, PostgreSQL and Kafka beside them.

Each seed draws who dies where and at which pass, when PostgreSQL is stopped at once and when Kafka is killed, under a
load of reports, moves, deadlines, messages and imports. Then the system is left alone until it has settled, and the
books are compared. The control is a consumer that acknowledges before the effect, killed in between.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from deploy.kafka import jars
from deploy.local.issuer import Bearer, Issuer
from deploy.local.settings import SERVICES
from libs.common.actors import Role, Tier
from libs.common.failpoints import PLACES as DECLARED
from tests.crash.asking import Unsettled
from tests.crash.crashing_postgres import HOWS, CrashingPostgres, crashing_postgres
from tests.crash.matrix_books import Books
from tests.crash.matrix_people import (
    Asked,
    Town,
    answer_alerts,
    arrange,
    import_ledgers,
    report_in_bulk,
    take_cases_through,
)
from tests.crash.matrix_places import PLACES, shared_out
from tests.crash.matrix_result import Tally, result_of
from tests.crash.mortals import Deaths, Doom, Mortal, Rolls
from tests.crash.nursery import nursery
from tests.crash.receivers import receivers
from tests.crash.settings import Effort
from tests.crash.settling import settled
from tests.evidence.cluster import BenchCluster
from tests.evidence.command import Tell
from tests.evidence.figures import Result
from tests.evidence.system import System, running_system
from tests.support.family import is_alive
from tests.support.kafka import Broker
from tests.support.small_district import DISTRICT, write_district

CASE_WORKERS = 6
PATIENCE = {"hazards-app": 10.0, "hazards-worker": 20.0, "notifications": 20.0, "registry": 15.0}
STUCK_SECONDS = 60.0  # several times the longest lease: nothing that still waits then is waited for by anybody
CONTROL_KILLS = 2
CONTROL_SECONDS = 120.0  # within which the hasty consumer comes to the end of the log
_EVENTS_A_HAZARD = 6.5  # found and its clock that rings, an alert of each, and its end
_PROCESSES = {
    "hazards-app": ("hazards", "app"),
    "hazards-worker": ("hazards", "worker"),
    "notifications": ("notifications", "serve"),
    "registry": ("registry", "serve"),
}
_QUICK = {
    "LOG_LEVEL": "ERROR",
    "BUS_SESSION_SECONDS": "3",
    "WEBHOOK_TIMEOUT_SECONDS": "3",
    "DELIVERY_FIRST_WAIT_SECONDS": "0.3",
    "DELIVERY_LONGEST_WAIT_SECONDS": "2",
    "DELIVERY_ATTEMPTS": "30",
}


@dataclass(slots=True)
class Stage:
    """Everything that runs, and what has become of it so far."""

    folder: Path
    server: CrashingPostgres
    broker: Broker
    system: System
    town: Town
    books: Books
    tell: Tell
    deaths: Deaths = field(default_factory=Deaths)
    mortals: dict[str, Mortal] = field(default_factory=dict)
    rolls: dict[str, Rolls] = field(default_factory=dict)
    broker_kills: int = 0


async def prove(cluster: BenchCluster, effort: Effort, tell: Tell) -> Result:
    """All of the module's docstring. Raises RuntimeError when the books could not be kept."""
    if reason := jars.missing():
        return Result("crash-matrix", "Crash matrix", skipped=[f"crash-matrix: {reason}"])
    kills, events = effort.count(1000, short=6), effort.count(1_000_000, short=3000)
    seeds = effort.count(25, short=1)
    tell(f"seeds {effort.seed} to {effort.seed + seeds - 1}: {kills} kills, {events} events")
    async with _stage(cluster, effort, tell) as stage:
        for nr in range(seeds):
            due = round(kills * (nr + 1) / seeds) - round(kills * nr / seeds)
            hazards = max(0, events - stage.books.events) / (seeds - nr) / _EVENTS_A_HAZARD
            await _round(stage, effort.seed + nr, due, round(hazards), hurried=effort.short)
        while stage.deaths.kills < kills or stage.books.events < events:  # what a process did of itself is no kill
            nr += 1
            missing = max(1, kills - stage.deaths.kills)
            await _round(
                stage, effort.seed + nr, missing, max(0, events - stage.books.events) // 5, hurried=effort.short
            )
        tally = Tally(
            seed=effort.seed,
            seeds=nr + 1,
            seeds_wanted=seeds,
            kills_wanted=kills,
            events_wanted=events,
            deaths=stage.deaths,
            postgres=stage.server.crashes,
            kafka=stage.broker_kills,
            never=[] if effort.short else sorted(DECLARED.keys() - stage.deaths.at.keys()),
            events=stage.books.events,
            repeated=stage.books.repeated,
            faults=stage.books.faults,
            unsettled=stage.town.unsettled,
        )
        await stage.books.recount()
        tell("the control")
        control = await _control(stage, effort)
    return result_of(tally, control)


async def _round(stage: Stage, seed: int, kills: int, hazards: int, *, hurried: bool) -> None:
    """One seed: everything that it draws, then peace, then the books."""
    chance = Random(f"{seed}/crash-matrix")
    asked, over = Asked(f"s{seed}/"), asyncio.Event()
    dooms = {name: stage.rolls[name].draw(count) for name, count in shared_out(kills).items()}
    size = min(1000, max(100, hazards // 8))
    sizes = [size] * (hazards // size)
    async with asyncio.TaskGroup() as people:
        people.create_task(report_in_bulk(stage.town, asked, "few", [], over))
        for nr in range(CASE_WORKERS):
            people.create_task(take_cases_through(stage.town, asked, nr, Random(f"{seed}/{nr}"), over))
        people.create_task(import_ledgers(stage.town, asked, Random(f"{seed}/imports"), over))
        people.create_task(answer_alerts(stage.town, asked, over))
        try:
            async with asyncio.TaskGroup() as harm:
                for name, mortal in stage.mortals.items():
                    harm.create_task(mortal.live(dooms[name], Random(f"{seed}/{name}")))
                harm.create_task(_disasters(stage, chance, seed, hurried))
                harm.create_task(report_in_bulk(stage.town, asked, "many", sizes))
        finally:
            over.set()
    left = await settled(stage.system.urls, STUCK_SECONDS)
    stage.books.note_left(left)
    await stage.books.close_round(asked, stage.town.phones)
    if asked.refused:
        raise RuntimeError(f"{len(asked.refused)} sound requests were refused, such as {asked.refused[0]}")
    stage.tell(
        f"seed {seed}: {stage.deaths.kills} kills, {stage.books.events} events, {len(asked.reports)} reports, "
        f"{len(asked.moves)} moves, {len(asked.imports)} imports; {'; '.join(stage.books.faults.lines()) or 'all well'}"
    )


async def _disasters(stage: Stage, chance: Random, seed: int, hurried: bool) -> None:
    """PostgreSQL crashes and comes back, then Kafka; `hurried` leaves less time between them."""
    await asyncio.sleep(chance.uniform(0.5, 1.5 if hurried else 8))
    await stage.server.crash(HOWS[seed % len(HOWS)])
    await asyncio.sleep(chance.uniform(0, 0.5))
    await stage.server.start()
    await asyncio.sleep(chance.uniform(0.5, 1.5 if hurried else 15))
    await asyncio.to_thread(stage.broker.kill)
    stage.broker_kills += 1
    await asyncio.sleep(chance.uniform(0, 0.5 if hurried else 2))
    await asyncio.to_thread(stage.broker.start)


async def _control(stage: Stage, effort: Effort) -> int:
    """How many events the hasty consumer loses when it is killed between acknowledgement and effect."""
    await stage.mortals["notifications"].end()
    asked, over = Asked("control/"), asyncio.Event()
    environment = {**stage.system.environments["notifications"], **_QUICK}
    async with nursery("tests.crash.naive_notifications") as nursery_:
        hasty = Mortal("hasty", nursery_, ["serve"], environment, stage.folder, Deaths(), 60.0)
        try:
            async with asyncio.TaskGroup() as people:
                people.create_task(report_in_bulk(stage.town, asked, "few", [100], over))
                try:
                    await hasty.live([Doom("consumer.polled")] * CONTROL_KILLS, effort.random("control"))
                finally:
                    over.set()
            async with asyncio.timeout(CONTROL_SECONDS):
                return await stage.books.passed_over()
        finally:
            await hasty.end()


@asynccontextmanager
async def _stage(cluster: BenchCluster, effort: Effort, tell: Tell) -> AsyncIterator[Stage]:
    """The system of `make up` on a server and a broker of its own, its services replaced by mortals."""
    async with AsyncExitStack() as stack:
        broker = Broker(cluster.folder / "kafka")
        stack.callback(broker.kill)
        starting = asyncio.create_task(asyncio.to_thread(broker.start))
        server = await stack.enter_async_context(crashing_postgres(cluster.folder))
        nurseries = {name: await stack.enter_async_context(nursery(f"services.{name}")) for name in SERVICES}
        await starting
        own = BenchCluster(server.cluster, cluster.folder)
        words = {"KAFKA_BOOTSTRAP_SERVERS": broker.servers, "STORY": "no"}
        words["SAMPLE"] = str(write_district(cluster.folder / "district"))
        system = await stack.enter_async_context(running_system(own, "kafka", words))
        phones = await stack.enter_async_context(receivers(effort.random("phones")))
        town = Town(system.ports, _tokens(cluster.folder / "system-kafka" / "issuer"), phones, Unsettled())
        await arrange(town)
        await _end_immortals(system.pids)
        books = Books(system.urls, broker.servers)
        stage = Stage(cluster.folder, server, broker, system, town, books, tell)
        for name, (service, command) in _PROCESSES.items():
            environment = {**system.environments[service], **_QUICK}
            mortal = Mortal(
                name, nurseries[service], [command], environment, cluster.folder, stage.deaths, PATIENCE[name]
            )
            stack.push_async_callback(mortal.end)
            stage.mortals[name] = mortal
            stage.rolls[name] = Rolls(PLACES[name], effort.random(name))
        yield stage


async def _end_immortals(pids: Mapping[str, int]) -> None:
    for pid in pids.values():
        os.kill(pid, signal.SIGTERM)
    async with asyncio.timeout(30):
        while any(is_alive(pid) for pid in pids.values()):  # noqa: ASYNC110 - nobody tells when they are gone
            await asyncio.sleep(0.05)


def _tokens(keys: Path) -> list[str]:
    """People of the district who may do everything, two of whom never are one."""
    roles = tuple(sorted({*Role} - {Role.SYSTEM}))
    issuer = Issuer(keys)
    return [issuer.sign(Bearer(f"matrix-{nr}", Tier.DISTRICT, DISTRICT, None, roles)) for nr in range(CASE_WORKERS + 1)]
