"""Databases for tests: one PostgreSQL per pytest run, one migrated template per service, one clone per test.

`TEST_DATABASE_URL` names a PostgreSQL of yours (its user must be allowed to create databases); without it an embedded
one is started on a free port, shared by all workers of the run, and removed with it.
"""

import asyncio
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg

from libs.common.migrations import upgrade

ROOT = Path(__file__).resolve().parents[2]
RUN_VARIABLE = "HAZARDLOOP_TEST_RUN"
START_SECONDS = 90.0
_PREFIX = "hltest"


class TestRun:
    """Held by pytest's main process: the folder all workers share, alive as long as this process is."""

    __test__ = False

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hazardloop-tests-"))
        self.folder.chmod(0o755)
        self._alive = (self.folder / "alive").open("w")
        fcntl.flock(self._alive, fcntl.LOCK_EX)
        os.environ[RUN_VARIABLE] = str(self.folder)  # workers are started with a copy of the environment

    def end(self) -> None:
        """Stop the cluster, or drop what this run made in a PostgreSQL that is not ours; leave nothing behind."""
        if server := os.environ.get("TEST_DATABASE_URL"):
            asyncio.run(_drop_all(server, _name_prefix()))
        self._alive.close()
        deadline = time.monotonic() + 20
        kept = (self.folder / "url", self.folder / "bootstrap")  # each keeper removes its own when it is done
        while any(path.exists() for path in kept) and time.monotonic() < deadline:
            time.sleep(0.05)
        shutil.rmtree(self.folder, ignore_errors=True)


async def create_database(service: str | None = None) -> str:
    """The address of a new database: empty, or migrated as `python -m services.<service> migrate` leaves it."""
    server = await asyncio.to_thread(_server)
    template = "template1" if service is None else await _template(server, service)
    name = f"{_name_prefix()}_{uuid4().hex[:16]}"
    await _run(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return _with_database(server, name)


async def drop_database(url: str) -> None:
    """Drop a database made by `create_database`, whoever is still connected to it."""
    await _run(await asyncio.to_thread(_server), f'DROP DATABASE IF EXISTS "{urlsplit(url).path[1:]}" WITH (FORCE)')


def _server() -> str:
    """The address of the run's PostgreSQL, started by whoever asks first."""
    if own := os.environ.get("TEST_DATABASE_URL"):
        return own
    folder = _run_folder()
    with _locked(folder / "cluster.lock"):
        if not (folder / "url").exists():
            _start_keeper(folder)
    return (folder / "url").read_text()


def _start_keeper(folder: Path) -> None:
    subprocess.Popen(
        [sys.executable, "-m", "tests.support.cluster_keeper", str(folder)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C in the terminal must not reach it before pytest has finished with it
    )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and not (folder / "failed").exists():
        if (folder / "url").exists():
            return
        time.sleep(0.05)
    reason = (folder / "failed").read_text() if (folder / "failed").exists() else "it took too long"
    raise RuntimeError(f"the PostgreSQL of the tests did not start: {reason}")


async def _template(server: str, service: str) -> str:
    """A migrated database of the service, made once per run; a service without migrations gets an empty one."""
    name = f"{_name_prefix()}_template_{service}"
    done = _run_folder() / f"{name}.done"
    if not done.exists():
        await asyncio.to_thread(_make_template, server, service, name, done)
    return name


def _make_template(server: str, service: str, name: str, done: Path) -> None:
    with _locked(done.with_suffix(".lock")):
        if done.exists():
            return
        asyncio.run(_run(server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', f'CREATE DATABASE "{name}"'))
        if any((ROOT / "services" / service / "migrations").glob("versions/*.py")):
            upgrade(service, _with_database(server, name))
        done.touch()


async def _run(server: str, *statements: str) -> None:
    connection = await asyncpg.connect(server)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def _drop_all(server: str, prefix: str) -> None:
    connection = await asyncpg.connect(server)
    try:
        rows = await connection.fetch("SELECT datname FROM pg_database WHERE starts_with(datname, $1)", prefix)
        for row in rows:
            await connection.execute(f'DROP DATABASE IF EXISTS "{row["datname"]}" WITH (FORCE)')
    finally:
        await connection.close()


def _run_folder() -> Path:
    return Path(os.environ[RUN_VARIABLE])


def _name_prefix() -> str:
    """Names carry the run, so that two runs may share one PostgreSQL."""
    return f"{_PREFIX}_{_run_folder().name.rsplit('-', 1)[-1].lower()}"


def _with_database(server: str, name: str) -> str:
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
