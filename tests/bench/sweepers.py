"""The sweepers of the part `deadlines` as processes of their own, and the processor time that they and theirs use."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from tests.evidence.cluster import BenchCluster, connected
from tests.evidence.processes import cpu_seconds, running

SWEEPERS = 3
_BACKENDS = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


@dataclass(frozen=True, slots=True)
class Cores:
    """Processor seconds used so far, by the sweepers and by the backends of PostgreSQL that serve them."""

    sweepers: float
    backends: float

    def a_deadline(self, count: int) -> str:
        """What one of that many cost."""
        return (
            f"{self.sweepers / count * 1e6:.0f} µs in a sweeper and {self.backends / count * 1e6:.0f} µs in PostgreSQL"
        )

    def since(self, before: "Cores") -> "Cores":
        """What was used in between."""
        return Cores(self.sweepers - before.sweepers, self.backends - before.backends)


class Replicas:
    """The sweepers of a run."""

    def __init__(self, url: str, pids: Sequence[int]) -> None:
        self._url = url
        self._pids = pids

    async def cores(self) -> Cores:
        """Used so far."""
        async with connected(self._url) as connection:
            backends = [row["pid"] for row in await connection.fetch(_BACKENDS)]
        used = [value for pid in backends if (value := cpu_seconds(pid)) == value]  # one that has ended says nan
        return Cores(sum(map(cpu_seconds, self._pids)), sum(used))


@asynccontextmanager
async def sweepers(cluster: BenchCluster, url: str) -> AsyncIterator[Replicas]:
    """Three of them on that database, each with a connection."""
    command = [sys.executable, "-m", "tests.evidence.sweeper_process"]
    environment = {"DATABASE_URL": url, "LOG_LEVEL": "WARNING"}
    async with AsyncExitStack() as stack:
        pids = []
        for nr in range(SWEEPERS):
            started = running(f"sweeper-{nr}", command, environment, cluster.folder)
            pids.append((await stack.enter_async_context(started)).pid)
        await _sweeping(url)
        yield Replicas(url, pids)


async def _sweeping(url: str) -> None:
    """Waits until each has a connection. Raises RuntimeError if one has none."""
    async with connected(url) as connection:
        for _ in range(600):
            if len(await connection.fetch(_BACKENDS)) >= SWEEPERS:
                return
            await asyncio.sleep(0.1)
    raise RuntimeError("a sweeper did not start")
