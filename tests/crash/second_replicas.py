"""A second replica of every service, to be ended and started again while the first goes on."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from deploy.local.ports import free_port
from deploy.local.settings import SERVICES
from tests.evidence.cluster import BenchCluster
from tests.evidence.processes import answering, running
from tests.evidence.system import System

_HOST = "127.0.0.1"
_LIMIT = 40.0  # after which a process that does not end is killed; the figure says so


class SecondReplicas:
    """One more process of each service, with its own port."""

    def __init__(self, system: System, cluster: BenchCluster) -> None:
        self._system = system
        self._cluster = cluster
        self._stack = AsyncExitStack()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    async def start(self) -> None:
        """All of them, answering, whatever the broker does."""
        ports = {name: free_port() for name in SERVICES}
        for name in SERVICES:
            environment = {**self._system.environments[name], "PORT": str(ports[name]), "LOG_LEVEL": "WARNING"}
            started = running(
                f"second-{name}", [sys.executable, "-m", f"services.{name}", "serve"], environment, self._cluster.folder
            )
            self._processes[name] = await self._stack.enter_async_context(started)
        await asyncio.gather(
            *(
                answering(process, _HOST, ports[name], "/readyz", self._cluster.folder / f"second-{name}.log")
                for name, process in self._processes.items()
            )
        )

    async def end(self) -> dict[str, float]:
        """SIGTERM to all at once; how many seconds each took to end."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        for process in self._processes.values():
            process.send_signal(signal.SIGTERM)

        async def gone(process: "subprocess.Popen[bytes]") -> float:
            try:
                await asyncio.to_thread(process.wait, _LIMIT)
            except subprocess.TimeoutExpired:
                process.kill()
            return loop.time() - began

        took = await asyncio.gather(*(gone(process) for process in self._processes.values()))
        return dict(zip(self._processes, took, strict=True))

    async def close(self) -> None:
        """None of them runs any more."""
        await self._stack.aclose()


@asynccontextmanager
async def second_replicas(system: System, cluster: BenchCluster) -> AsyncIterator[SecondReplicas]:
    replicas = SecondReplicas(system, cluster)
    try:
        await replicas.start()
        yield replicas
    finally:
        await replicas.close()
