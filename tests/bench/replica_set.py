"""Several processes of each service on one system: started beside the first, awaited until they share the work."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from deploy.local.ports import free_port
from deploy.local.settings import SERVICES
from libs.common.contracts.hazards import TOPIC
from tests.evidence.cluster import BenchCluster, connected
from tests.evidence.processes import answering, running
from tests.evidence.system import System

SHARE_SECONDS = 60.0
_HOST = "127.0.0.1"
_RELAYS = "SELECT count(DISTINCT holder) FROM relay_leases WHERE holder <> '' AND expires_at > clock_timestamp()"
_MEMBERS = """
SELECT count(DISTINCT member) FROM bus.leases
WHERE starts_with(group_name, 'notifications-') AND topic = $1
"""


@dataclass(frozen=True, slots=True)
class ReplicaSet:
    """Ports and pids of all processes of each service."""

    ports: Mapping[str, Sequence[int]]
    pids: Mapping[str, Sequence[int]]


@asynccontextmanager
async def replicas(cluster: BenchCluster, system: System, count: int) -> AsyncIterator[ReplicaSet]:
    """That many processes of each service, the first being the system's own; relays and consumers share the work."""
    ports = {name: [system.ports[name]] for name in SERVICES}
    pids = {name: [system.pids[name]] for name in SERVICES}
    async with AsyncExitStack() as stack:
        ready = []
        for name in SERVICES:
            for nr in range(1, count):
                port, log = free_port(), f"{name}-{nr}"
                environment = {**system.environments[name], "PORT": str(port), "LOG_LEVEL": "WARNING"}
                command = [sys.executable, "-m", f"services.{name}", "serve"]
                process = await stack.enter_async_context(running(log, command, environment, cluster.folder))
                ready.append(answering(process, _HOST, port, "/readyz", cluster.folder / f"{log}.log"))
                ports[name].append(port)
                pids[name].append(process.pid)
        await asyncio.gather(*ready)
        await _sharing(system, count)
        yield ReplicaSet(ports, pids)


async def _sharing(system: System, count: int) -> None:
    """Waits until so many relays hold shards and so many consumers hold partitions. Raises RuntimeError."""
    bus = system.environments["hazards"]["BUS_DATABASE_URL"]
    async with connected(system.urls["hazards"]) as hazards, connected(bus) as log:
        for _ in range(int(SHARE_SECONDS / 0.1)):
            relays, members = await hazards.fetchval(_RELAYS), await log.fetchval(_MEMBERS, TOPIC)
            if (relays, members) == (count, count):
                return
            await asyncio.sleep(0.1)
    raise RuntimeError(f"of {count} replicas {relays} relays hold shards and {members} consumers hold partitions")
