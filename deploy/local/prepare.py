"""Creates databases, migrates each, makes the topics; runs once per start, before the services."""

import asyncio
import os
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from deploy.local.problems import PERMANENT, LocalProblem
from deploy.local.settings import SERVICES
from libs.common.bus import Bus, BusUnavailable, create_bus
from libs.common.bus.topics import load_topics
from libs.common.migrations import upgrade

OLDEST_VERSION = 15
_WAIT_SECONDS = 60.0


def database_url(server: str, name: str) -> str:
    """The address of one database on the server that `server` names."""
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


async def create_databases(server: str, names: list[str]) -> list[str]:
    """Create those databases that are missing and return their names. Raises LocalProblem if the server is no use."""
    connection = await _connect(server)
    try:
        if connection.get_server_version().major < OLDEST_VERSION:
            raise LocalProblem(f"DATABASE_URL: PostgreSQL {OLDEST_VERSION} or newer is needed.", PERMANENT)
        there = {row["datname"] for row in await connection.fetch("SELECT datname FROM pg_database")}
        missing = [name for name in names if name not in there]
        for name in missing:
            await connection.execute(f"CREATE DATABASE \"{name}\" ENCODING 'UTF8' TEMPLATE template0")
        return missing
    except asyncpg.InsufficientPrivilegeError:
        raise LocalProblem(
            "DATABASE_URL: this user may not create databases (CREATEDB is missing).", PERMANENT
        ) from None
    finally:
        await connection.close()


async def look_at_server(server: str) -> None:
    """Raises LocalProblem if the server that DATABASE_URL names does not let us in now."""
    await (await _connect(server, patience=0.0)).close()


async def _connect(server: str, patience: float = _WAIT_SECONDS) -> "asyncpg.Connection[asyncpg.Record]":
    """Connect, waiting for a server that is still starting."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return await asyncpg.connect(server, timeout=5)
        except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError) as error:
            raise LocalProblem(f"DATABASE_URL: {error}", PERMANENT) from None
        except (OSError, TimeoutError, asyncpg.PostgresError) as error:
            if time.monotonic() > deadline:
                raise LocalProblem(
                    f"PostgreSQL at {urlsplit(server).netloc.rpartition('@')[2]} does not answer: {error}"
                ) from None
            await asyncio.sleep(0.1)


async def make_topics(bus: Bus) -> None:
    """Make the topics of `deploy/topics.yaml`, waiting for a log that is still starting. Raises LocalProblem."""
    deadline = time.monotonic() + _WAIT_SECONDS
    await bus.start()
    try:
        while True:
            try:
                return await bus.ensure_topics(load_topics())
            except BusUnavailable as error:
                if time.monotonic() > deadline:
                    raise LocalProblem(f"The bus does not answer: {error}") from None
            await asyncio.sleep(0.2)
    finally:
        await bus.stop()


def main(run: Path, server: str, prefix: str, bus: str, kafka_servers: str) -> None:
    """Prepare databases and topics, then leave the marker that lets the services start."""
    extra = ["bus"] if bus == "postgres" else []
    made = asyncio.run(create_databases(server, [prefix + name for name in (*SERVICES, *extra)]))
    for service in SERVICES:
        upgrade(service, database_url(server, prefix + service))
    bus_url = database_url(server, f"{prefix}bus")
    asyncio.run(make_topics(create_bus(bus, bus_database_url=bus_url, kafka_bootstrap_servers=kafka_servers)))
    print(f"databases ready ({len(made)} new), topics ready")
    (run / "prepare.done").touch()


if __name__ == "__main__":
    try:
        main(
            Path(sys.argv[1]),
            os.environ["SERVER_URL"],
            os.environ.get("DATABASE_PREFIX", ""),
            os.environ.get("BUS", "postgres"),
            os.environ.get("KAFKA_BOOTSTRAP_SERVERS", ""),
        )
    except LocalProblem as problem:
        print(problem, file=sys.stderr)
        sys.exit(problem.exit_code)
