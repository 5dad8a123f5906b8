"""What a service has open, seen from outside: sockets of its clients, connections to PostgreSQL, and what they hold."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from tests.evidence.cluster import connected

_LISTEN, _TIME_WAIT = "0A", "06"
_LOOK_SECONDS = 0.25
_TOO_LONG = 10.0  # seconds idle inside a transaction; the services' own limit, which would hide it, is 60
_PROBE_SECONDS = 1.5  # without one more coming to a halt

_IDLE_INSIDE = """
SELECT pid, xact_start::text AS since FROM pg_stat_activity
WHERE datname = $1 AND state LIKE 'idle in transaction%'
AND clock_timestamp() - state_change > make_interval(secs => $2)
"""
_BACKENDS = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'client backend'"
_WAITING = f"{_BACKENDS} AND wait_event_type = 'Lock'"


@dataclass(frozen=True, slots=True)
class Opened:
    """At one moment: sockets that clients have with the service, its backends, and how many of these it can use."""

    sockets: int
    backends: int
    usable: int


def client_sockets(port: int) -> int:
    """Connections to that port, as this end sees them; those that only wait for late packets are over."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(int(row[1].split(":")[1], 16) == port and row[3] not in (_LISTEN, _TIME_WAIT) for row in rows)


async def sockets_closed(port: int, seconds: float) -> int:
    """How many are still open after so long; 0 as soon as there is none."""
    deadline = time.monotonic() + seconds
    while True:
        left = client_sockets(port)
        if not left or time.monotonic() > deadline:
            return left
        await asyncio.sleep(_LOOK_SECONDS)


async def look(url: str, port: int, table: str, ask: Callable[[], Awaitable[object]], asks: int) -> Opened:
    """Sockets, backends, and how many backends come to a halt at a locked table when more ask than there are.

    A connection that was checked out and lost is a backend that never comes.
    """
    database = url.rsplit("/", 1)[1].split("?")[0]
    sockets = client_sockets(port)
    async with connected(url) as locker, connected(url) as watcher:
        lock = locker.transaction()
        await lock.start()
        await locker.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        asking = [asyncio.create_task(_quietly(ask)) for _ in range(asks)]
        usable, deadline = 0, time.monotonic() + _PROBE_SECONDS
        while time.monotonic() < deadline:
            if (halted := int(await watcher.fetchval(_WAITING, database))) > usable:
                usable, deadline = halted, time.monotonic() + _PROBE_SECONDS
            await asyncio.sleep(_LOOK_SECONDS / 5)
        backends = await watcher.fetchval(_BACKENDS, database)
        await lock.rollback()
        await asyncio.gather(*asking)
    return Opened(sockets, int(backends) - 2, usable)


async def idle_inside(url: str, seconds: float = _TOO_LONG) -> set[tuple[int, str]]:
    """Backends that have been idle inside a transaction for so long, with the beginning of it."""
    async with connected(url) as connection:
        rows = await connection.fetch(_IDLE_INSIDE, url.rsplit("/", 1)[1].split("?")[0], seconds)
    return {(row["pid"], row["since"]) for row in rows}


class Watch:
    """Looks again and again for transactions in which nothing happens: a limit ends them before the run does."""

    def __init__(self, urls: list[str]) -> None:
        self._urls = urls
        self.found: set[tuple[int, str]] = set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            for url in self._urls:
                self.found |= await idle_inside(url)
            await asyncio.sleep(1.0)


async def _quietly(ask: Callable[[], Awaitable[object]]) -> None:
    try:
        await ask()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return
