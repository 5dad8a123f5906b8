"""The system under test: the three services as `make up` starts them, on the cluster of the run, with the sample in."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from deploy.kafka import jars
from deploy.kafka.broker import wait_until_ready
from deploy.local.issuer import Bearer, Issuer
from deploy.local.plan import Plan, ProcessPlan
from deploy.local.ports import free_port
from deploy.local.prepare import database_url
from deploy.local.settings import ROOT, SERVICES, read_settings
from deploy.local.system import PREPARE, SAMPLE, build_plan
from libs.common.actors import USUAL_ROLES, Tier, area_code
from tests.evidence.cluster import BenchCluster, connected
from tests.evidence.load import Target
from tests.evidence.patience import Patience
from tests.evidence.processes import answering, cpu_seconds, last_lines, running
from tests.evidence.roster import staff

REPORTERS = 8  # as many persons report at once, each with a token of their own
ENTERPRISES = 256  # as many enterprises are reported on
_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class System:
    """A running system: where it listens, where its databases are, who may report on what."""

    bus: str
    ports: Mapping[str, int]
    urls: Mapping[str, str]
    pids: Mapping[str, int]
    environments: Mapping[str, Mapping[str, str]]
    tokens: list[str]
    enterprises: list[str]

    def target(self, port: int | None = None) -> Target:
        """Reports to this system, or to a peer on another port that trusts the same issuer."""
        return Target(port or self.ports["hazards"], self.tokens, self.enterprises)

    def cpu(self) -> dict[str, float]:
        """Processor seconds used so far by each process."""
        return {name: cpu_seconds(pid) for name, pid in self.pids.items()}

    async def behind(self) -> int:
        """Events of registry and hazards that notifications, which reads them all, has not taken up yet."""
        taken = await self._count("notifications", "inbox")
        return await self._announced() - taken

    async def _announced(self) -> int:
        return await self._count("registry", "outbox") + await self._count("hazards", "outbox")

    async def _count(self, service: str, table: str) -> int:
        async with connected(self.urls[service]) as connection:
            found: int = await connection.fetchval(f"SELECT count(*) FROM {table}")
        return found

    async def caught_up(self) -> None:
        """Waits until notifications has taken up as many events as there are by now, whatever is announced meanwhile.

        Raises RuntimeError when it gets no further.
        """
        patience, announced = Patience(), await self._announced()
        while (taken := await self._count("notifications", "inbox")) < announced:
            if patience.is_over(taken):
                raise RuntimeError(f"notifications is still {announced - taken} events behind")
            await asyncio.sleep(0.1)


@asynccontextmanager
async def running_system(
    cluster: BenchCluster, bus: str = "postgres", more: Mapping[str, str] = MappingProxyType({})
) -> AsyncIterator[System]:
    """Starts a system with databases of its own; everything has ended when the block has.

    `more` are settings of the whole system, such as `KAFKA_BOOTSTRAP_SERVERS` for a broker that is there already.
    """
    var = cluster.folder / f"system-{bus}"
    words = {
        "VAR": str(var),
        "BUS": bus,
        "DATABASE_PREFIX": f"{bus}_",
        **{f"PORT_{name.upper()}": str(free_port()) for name in SERVICES},
        **more,
    }
    settings = read_settings(words)
    for folder in (settings.var, settings.run, settings.log):
        folder.mkdir(parents=True, exist_ok=True)
    issuer = Issuer(settings.var / "issuer")
    issuer.ensure_keys()
    plan = build_plan(settings, cluster.cluster, words)
    async with AsyncExitStack() as stack:
        pids: dict[str, int] = {}
        broker = _find(plan, "kafka")
        if broker is not None:
            jars.classpath()  # fetched, if need be, before the time of its start begins to run
            process = await stack.enter_async_context(running(broker.name, broker.command, {}, settings.log))
            pids[broker.name] = process.pid
            await wait_until_ready(_find_service(plan, "hazards").environment["KAFKA_BOOTSTRAP_SERVERS"], 120)
        await _to_its_end(plan, PREPARE, settings.log)
        ready = []
        for name in SERVICES:
            service = _find_service(plan, name)
            started = running(name, service.command, {**service.environment, "LOG_LEVEL": "WARNING"}, settings.log)
            process = await stack.enter_async_context(started)
            ready.append(answering(process, _HOST, settings.ports[name], "/readyz", settings.log / f"{name}.log"))
            pids[name] = process.pid
        await asyncio.gather(*ready)
        await _to_its_end(plan, SAMPLE, settings.log)
        urls = {name: database_url(cluster.server, f"{bus}_{name}") for name in SERVICES}
        enterprises = await _copied(urls["registry"], urls["hazards"])
        district, streets = await _areas(urls["hazards"])
        tokens = [issuer.sign(_reporter(nr, district)) for nr in range(REPORTERS)]
        await staff(settings.ports["notifications"], tokens[0], district, streets)
        yield System(
            bus=bus,
            ports=settings.ports,
            urls=urls,
            pids=pids,
            environments={name: _find_service(plan, name).environment for name in SERVICES},
            tokens=tokens,
            enterprises=enterprises,
        )


async def peer_database(cluster: BenchCluster, system: System, name: str) -> str:
    """A database of the hazards service for a peer, with the same policy, enterprises and areas; its address."""
    url = await cluster.create(name)
    command = [sys.executable, "-m", "services.hazards", "migrate"]
    async with running(f"migrate-{name}", command, {"DATABASE_URL": url}, cluster.folder) as process:
        if code := await asyncio.to_thread(process.wait):
            raise RuntimeError(f"the migrations of {name} ended with {code}")
    async with connected(system.urls["hazards"]) as source, connected(url) as target:
        for table in ("enterprises", "areas"):
            rows = await source.fetch(f"SELECT * FROM {table}")
            await target.copy_records_to_table(table, records=[tuple(row.values()) for row in rows])
    return url


def _reporter(nr: int, district: str) -> Bearer:
    return Bearer(f"bench-reporter-{nr}", Tier.DISTRICT, district, None, tuple(sorted(USUAL_ROLES[Tier.DISTRICT])))


async def _areas(hazards: str) -> tuple[str, list[str]]:
    """The codes of the district and of its streets."""
    async with connected(hazards) as connection:
        rows = await connection.fetch("SELECT path, level FROM areas WHERE level IN ('district', 'street')")
    codes = {
        level: [area_code(row["path"]) for row in rows if row["level"] == level] for level in ("district", "street")
    }
    return codes["district"][0], codes["street"]


async def _copied(registry: str, hazards: str) -> list[str]:
    """Ids of some enterprises, once hazards knows all that the registry has."""
    async with connected(registry) as source, connected(hazards) as copy:
        wanted = await source.fetchval("SELECT count(*) FROM enterprises")
        patience = Patience()
        while (known := await copy.fetchval("SELECT count(*) FROM enterprises")) != wanted:
            if patience.is_over(known):
                raise RuntimeError(f"hazards knows {known} of the registry's {wanted} enterprises")
            await asyncio.sleep(0.1)
        rows = await copy.fetch("SELECT id FROM enterprises ORDER BY id LIMIT $1", ENTERPRISES)
    return [str(row["id"]) for row in rows]


async def _to_its_end(plan: Plan, name: str, log: Path) -> None:
    """Runs a process of the plan that ends by itself."""
    planned = _find_service(plan, name)
    async with running(name, planned.command, planned.environment, log) as process:
        if code := await asyncio.to_thread(process.wait):
            raise RuntimeError(f"{name} ended with {code}: {last_lines(log / f'{name}.log')}")


def _find(plan: Plan, name: str) -> ProcessPlan | None:
    return next((process for process in plan.processes if process.name == name), None)


def _find_service(plan: Plan, name: str) -> ProcessPlan:
    found = _find(plan, name)
    if found is None:
        raise RuntimeError(f"{ROOT.name}: the plan of `make up` has no process {name}")
    return found
