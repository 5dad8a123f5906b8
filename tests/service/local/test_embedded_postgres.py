"""The embedded PostgreSQL outlives kill -9, a stale lock and a start that was cut off, with everything committed."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from deploy.local.ports import free_port
from deploy.local.postgres import Cluster, stop_server
from deploy.local.problems import LocalProblem


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster.prepare(tmp_path / "postgres", free_port(), {"shared_buffers": "32MB"})
    yield made
    shutil.rmtree(made.folder)


async def count(cluster: Cluster) -> int:
    connection = await asyncpg.connect(cluster.url())
    found: int = await connection.fetchval("SELECT count(*) FROM kept")
    await connection.close()
    return found


async def test_what_was_committed_is_there_after_kill_9(cluster: Cluster, tmp_path: Path) -> None:
    server = cluster.start(tmp_path / "log")
    idle = await asyncpg.connect(cluster.url())  # its backend outlives the killed server for a moment
    await idle.execute("CREATE TABLE kept (id int); INSERT INTO kept SELECT generate_series(1, 100)")
    os.kill(server.pid, signal.SIGKILL)
    server.wait()
    server = _start_patiently(cluster, tmp_path / "log")
    assert await count(cluster) == 100
    stop_server(server)
    assert server.returncode == 0


async def test_a_lock_that_names_somebody_else_is_dropped(cluster: Cluster, tmp_path: Path) -> None:
    server = cluster.start(tmp_path / "log")
    lock = cluster.folder / "data" / "postmaster.pid"
    text = lock.read_text()
    stop_server(server)
    lock.write_text("\n".join([str(os.getpid()), *text.split("\n")[1:]]))
    stop_server(cluster.start(tmp_path / "log"))


def test_a_half_made_cluster_is_made_anew(tmp_path: Path) -> None:
    made = Cluster.prepare(tmp_path / "postgres", free_port())
    (made.folder / "data").rename(made.folder / "data.new")
    (made.folder / "data.new" / "PG_VERSION").unlink()
    again = Cluster.prepare(tmp_path / "postgres", free_port())
    assert again.folder == made.folder
    assert (again.folder / "data" / "PG_VERSION").exists()
    shutil.rmtree(made.folder)


def test_a_taken_port_is_named(cluster: Cluster, tmp_path: Path) -> None:
    server = cluster.start(tmp_path / "log")
    other = Cluster.prepare(tmp_path / "other", cluster.port)
    with pytest.raises(LocalProblem, match=str(cluster.port)):
        other.start(tmp_path / "other.log")
    stop_server(server)
    shutil.rmtree(other.folder)


def _start_patiently(cluster: Cluster, log: Path) -> "subprocess.Popen[bytes]":
    deadline = time.monotonic() + 30
    while True:
        try:
            return cluster.start(log)
        except LocalProblem:  # backends of the killed server have not all gone yet
            assert time.monotonic() < deadline
