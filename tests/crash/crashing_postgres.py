"""A PostgreSQL of a part's own that crashes as often as asked, and comes back on the same port with the same data."""

import asyncio
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal

from deploy.local.ports import free_port
from deploy.local.postgres import Cluster, stop_server
from tests.evidence.cluster import SETTINGS
from tests.support.family import family, is_alive, kill_family

How = Literal["immediate stop", "kill -9"]
HOWS: tuple[How, ...] = ("immediate stop", "kill -9")

# What COMMIT confirms is only on its way to the log, and the log is written when ten seconds are over or its buffers
# are full: what an installation gets that was made fast by turning durability off.
FORGETFUL = {
    "checkpoint_timeout": "1h",  # a checkpoint would write the log after all
    "synchronous_commit": "off",
    "wal_writer_delay": "10s",
    "wal_writer_flush_after": "1GB",
    "wal_buffers": "64MB",
    "bgwriter_lru_maxpages": "0",
}

# Those of the bench, fsync, full pages and synchronous commits on; but what was written since the last checkpoint is
# replayed after every crash, by one process, at the speed of the machine.
_SETTINGS = {**SETTINGS, "checkpoint_timeout": "30s", "max_wal_size": "1GB"}
_RECOVERY_SECONDS = 600.0


class CrashingPostgres:
    """See the module."""

    def __init__(self, cluster: Cluster, log: Path) -> None:
        self.cluster = cluster
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self.crashes = 0

    async def start(self, more: Mapping[str, str] | None = None) -> None:
        """Starts the server (again), with `more` settings from now on if any are given."""
        if more is not None:
            self.cluster = replace(self.cluster, settings={**_SETTINGS, **more})
        self._process = await asyncio.to_thread(self.cluster.start, self._log, _RECOVERY_SECONDS)

    async def crash(self, how: How) -> None:
        """Ends the server without letting it finish anything; returns when all its processes are gone."""
        process = self._process
        assert process is not None, "the server is not running"
        if how == "immediate stop":
            pids = family(process.pid)
            process.send_signal(signal.SIGQUIT)
        else:
            pids = kill_family(process.pid)
        await asyncio.to_thread(process.wait)
        while any(is_alive(pid) for pid in pids):  # noqa: ASYNC110 - nobody tells when they are gone
            await asyncio.sleep(0.005)
        self._process = None
        self.crashes += 1

    def end(self) -> None:
        """Stops it if it runs, and removes its data."""
        if self._process is not None:
            stop_server(self._process)
        shutil.rmtree(self.cluster.folder, ignore_errors=True)


@asynccontextmanager
async def crashing_postgres(folder: Path) -> AsyncIterator[CrashingPostgres]:
    """A running server in that folder; gone when the block ends."""
    cluster = await asyncio.to_thread(Cluster.prepare, folder / "crashing", free_port(), _SETTINGS)
    server = CrashingPostgres(cluster, folder / "crashing.log")
    try:
        await server.start()
        yield server
    finally:
        server.end()
