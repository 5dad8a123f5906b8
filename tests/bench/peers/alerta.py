"""Alerta under gunicorn, on a database of its own: how it is started, asked and counted."""

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.ports import free_port
from tests.bench.peers.environments import pinned
from tests.evidence.cluster import BenchCluster, connected
from tests.evidence.effects import WrongEffect
from tests.evidence.load import play
from tests.evidence.loader import Job, Outcome
from tests.evidence.processes import answering, running

LOCK = Path(__file__).with_name("alerta.lock")
VERSION = pinned(LOCK, "alerta-server")
RESOURCES = 64  # so that no row is everybody's
_HOST = "127.0.0.1"
_HEAD = (
    f"POST /alert HTTP/1.1\r\nHost: {_HOST}\r\nContent-Type: application/json\r\n"
    "X-Request-ID: {key}\r\nContent-Length: %d\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class Server:
    """One way to run gunicorn. Without `threads` its workers are `sync`: one request, one connection, at a time."""

    workers: int
    threads: int = 0

    @property
    def flags(self) -> list[str]:
        """For its command line."""
        kind = ["--worker-class", "gthread", "--threads", str(self.threads)] if self.threads else []
        return ["--workers", str(self.workers), *kind]

    def __str__(self) -> str:
        return f"{self.workers} workers × {self.threads} threads" if self.threads else f"{self.workers} sync workers"


CANDIDATES = (Server(2), Server(4), Server(2, 4), Server(3, 12))


@dataclass(frozen=True, slots=True)
class Counted:
    """What its table of alerts holds: rows, repeats counted on them, entries of their histories."""

    rows: int
    repeats: int
    entries: int

    @classmethod
    async def at(cls, url: str) -> "Counted":
        """Now."""
        async with connected(url) as connection:
            row = await connection.fetchrow(
                "SELECT count(*) AS rows, coalesce(sum(duplicate_count), 0) AS repeats, "
                "coalesce(sum(cardinality(history)), 0) AS entries FROM alerts"
            )
        assert row is not None
        return cls(row["rows"], row["repeats"], row["entries"])

    async def check(self, url: str, arm: str, reports: int) -> None:
        """Raises WrongEffect unless the reports were all taken as repeats: counted, and nothing else was written."""
        now = await Counted.at(url)
        if (now.rows, now.repeats, now.entries) != (self.rows, self.repeats + reports, self.entries):
            raise WrongEffect(f"{arm}: {reports} reports made {self} into {now}")


@dataclass(frozen=True, slots=True)
class Alerta:
    """One running Alerta."""

    port: int
    pid: int
    url: str

    async def asked(self, connections: int, seconds: float, prefix: str) -> Outcome:
        """A closed loop of reports that it has had before."""
        bodies = [_report(nr) for nr in range(RESOURCES)]
        length = len(bodies[0].encode())
        assert {len(body.encode()) for body in bodies} == {length}, "the content length is part of the head"
        return await play(Job(_HOST, self.port, [_HEAD % length], bodies, connections, seconds, prefix))


async def make_schema(python: Path, cluster: BenchCluster, name: str) -> str:
    """A database with Alerta's tables; its address. Two workers that both begin with it trip each other up."""
    url = await cluster.create(name)
    command = [str(python), "-c", "from alerta import create_app; create_app()"]
    environment = {**os.environ, "DATABASE_URL": url}
    done = await asyncio.to_thread(
        subprocess.run, command, env=environment, cwd=cluster.folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"Alerta could not make its tables: {done.stderr[-500:]}")
    return url


@asynccontextmanager
async def alerta(
    python: Path, cluster: BenchCluster, url: str, server: Server, plugins: Sequence[str] | None = None
) -> AsyncIterator[Alerta]:
    """Serves until the block ends; each resource has been reported once. `plugins` None: those it comes with."""
    settings = ["SECRET_KEY = 'bench'", "AUTH_REQUIRED = False", "LOG_LEVEL = 'ERROR'"]
    if plugins is not None:
        settings.append(f"PLUGINS = {list(plugins)}")
    port, name = free_port(), f"alerta-{free_port()}"
    configuration = cluster.folder / f"{name}.conf"
    configuration.write_text("\n".join(settings) + "\n")
    environment = {"DATABASE_URL": url, "ALERTA_SVR_CONF_FILE": str(configuration), "PYTHONPATH": ""}
    bind = ["--bind", f"{_HOST}:{port}", "--preload", "--keep-alive", "60", "--log-level", "error"]
    command = [str(python), "-m", "gunicorn", *bind, *server.flags, "alerta:create_app()"]
    async with running(name, command, environment, cluster.folder) as process:
        await answering(process, _HOST, port, "/_", cluster.folder / f"{name}.log")
        here = Alerta(port, process.pid, url)
        for turn in range(1, 7):  # each begins with the first resource, so each is longer than the last
            if (await Counted.at(url)).rows == RESOURCES:
                break
            await here.asked(8, float(turn), "first")
        else:
            raise WrongEffect(f"{name}: it holds {await Counted.at(url)} after {RESOURCES} different reports")
        yield here


def _report(resource: int) -> str:
    document = {
        "resource": f"cabinet-{resource:04d}",
        "event": "hazard-found",
        "environment": "Production",
        "severity": "major",
        "service": ["workshop-2"],
        "group": "electrical",
        "value": "general",
        "origin": "patrol",
        "text": "二号车间配电箱前堆放包装纸箱，箱门无法打开，线路有过热痕迹",
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
