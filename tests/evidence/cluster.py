"""The PostgreSQL of a bench run: embedded, on a free port, in a folder of its own, and durable, which is proven."""

import asyncio
import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from deploy.local.ports import free_port
from deploy.local.postgres import Cluster, stop_server
from deploy.local.prepare import create_databases, database_url
from tests.evidence.disks import disk_folder, must_reach_a_disk

SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "track_commit_timestamp": "on",  # says when an effect was committed, without a second program that asks for it
    "track_wal_io_timing": "on",  # says what one flush costs here
    "max_wal_size": "8GB",  # a checkpoint in the middle of a round would weigh on whichever arm it meets
    "min_wal_size": "1GB",  # see `recycle_log`
    "checkpoint_timeout": "1h",
}
_FILL = "SELECT pg_logical_emit_message(false, 'bench', repeat('.', 128 * 1024 * 1024))"
_MUST_BE_ON = ("fsync", "synchronous_commit", "full_page_writes")


@dataclass(frozen=True, slots=True)
class BenchCluster:
    """A running server and the folder in which everything of this run lives."""

    cluster: Cluster
    folder: Path

    @property
    def server(self) -> str:
        """The address of the server's maintenance database."""
        return self.cluster.url()

    @property
    def programs(self) -> Path:
        """The folder of the unpacked PostgreSQL, with `bin` and `lib`."""
        return self.cluster.programs

    async def create(self, name: str) -> str:
        """An empty database; its address."""
        await create_databases(self.server, [name])
        return database_url(self.server, name)

    async def checkpoint(self) -> None:
        """A checkpoint now, so that none falls into a round by itself."""
        async with connected(self.server) as connection:
            await connection.execute("CHECKPOINT")

    async def recycle_log(self) -> None:
        """Fills as much log as is kept, then lets it be used again, as on a server that has run for an hour.

        A new server makes each segment of 16 MB when it is first written to, and whoever commits meanwhile waits for
        the zeros and their flush: once a second at full load, which no server does that has old segments to recycle.
        """
        async with connected(self.server) as connection:
            for _ in range(8):
                await connection.execute(_FILL)
            await connection.execute("CHECKPOINT")

    async def flush_milliseconds(self) -> float:
        """What one flush of the log to the disk has cost on average since the server started; nan before any."""
        async with connected(self.server) as connection:
            row = await connection.fetchrow(
                "SELECT sum(fsyncs) AS n, sum(fsync_time) AS ms FROM pg_stat_io WHERE object = 'wal'"
            )
        return float(row["ms"]) / float(row["n"]) if row and row["n"] and row["ms"] else float("nan")


@asynccontextmanager
async def bench_cluster() -> AsyncIterator[BenchCluster]:
    """A server for one run; it and its folder are gone afterwards, however the run ends.

    Raises RuntimeError where its log would not reach a disk.
    """
    folder = Path(tempfile.mkdtemp(prefix="hazardloop-bench-", dir=disk_folder()))
    cluster, process = await asyncio.to_thread(_start, folder)
    try:
        await _prove_durable(cluster)
        yield BenchCluster(cluster, folder)
    finally:
        stop_server(process)
        shutil.rmtree(cluster.folder, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A plain connection for setting the stage and counting effects."""
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        with contextlib.suppress(OSError, asyncpg.PostgresError):
            await connection.close()


def _start(folder: Path) -> tuple[Cluster, "subprocess.Popen[bytes]"]:
    folder.chmod(0o755)  # PostgreSQL may run under another account
    cluster = Cluster.prepare(folder / "postgres", free_port(), SETTINGS)
    return cluster, cluster.start(folder / "postgres.log")


async def _prove_durable(cluster: Cluster) -> None:
    must_reach_a_disk(cluster.folder)
    async with connected(cluster.url()) as connection:
        for name in _MUST_BE_ON:
            if await connection.fetchval("SELECT current_setting($1)", name) != "on":
                raise RuntimeError(f"{name} is not on: the figures would mean nothing")
