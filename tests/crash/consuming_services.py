"""The background sides of hazards and notifications as processes over one Kafka, with databases of their own."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from tests.crash.event_log import EventLog
from tests.evidence.cluster import BenchCluster
from tests.evidence.processes import last_lines, running

SERVICES = ("hazards", "notifications")


async def consuming_databases(cluster: BenchCluster, names: tuple[str, ...] = SERVICES) -> dict[str, str]:
    """Migrated databases of these services; their addresses."""
    urls = {name: await cluster.create(name) for name in names}
    for name, url in urls.items():
        await command_of(cluster, name, "migrate", {"DATABASE_URL": url})
    return urls


def environment_of(url: str, log: EventLog) -> dict[str, str]:
    """What a service must know to read that log into that database."""
    return {
        "DATABASE_URL": url,
        "BUS": "kafka",
        "KAFKA_BOOTSTRAP_SERVERS": log.address,
        "LOG_LEVEL": "CRITICAL",
    }


@asynccontextmanager
async def consuming(cluster: BenchCluster, urls: Mapping[str, str], log: EventLog) -> AsyncIterator[None]:
    """The workers of these services for as long as the block lasts."""
    async with AsyncExitStack() as stack:
        for name, url in urls.items():
            command = [sys.executable, "-m", f"services.{name}", "worker"]
            await stack.enter_async_context(running(name, command, environment_of(url, log), cluster.folder))
        yield


async def command_of(
    cluster: BenchCluster, service: str, word: str, environment: Mapping[str, str], codes: Sequence[int] = (0,)
) -> str:
    """Runs one command of the service to its end; what it printed. RuntimeError unless it ends with such a code."""
    name = f"{service}-{word}"
    command = [sys.executable, "-m", f"services.{service}", word]
    async with running(name, command, environment, cluster.folder) as process:
        code = await asyncio.to_thread(process.wait)
    if code not in codes:
        raise RuntimeError(f"{name} ended with {code}: {last_lines(cluster.folder / f'{name}.log')}")
    return (cluster.folder / f"{name}.log").read_text()
