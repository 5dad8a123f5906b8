"""Connections to the bus database: bounded in time, replaced when they break, one of them listening for news."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import asyncpg

from libs.common.bus import postgres_schema as schema
from libs.common.bus.base import BusUnavailable

if TYPE_CHECKING:
    Pool = asyncpg.Pool[asyncpg.Record]
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]

log = logging.getLogger(__name__)

CHANNEL: Final = "hazardloop_bus"
BOUND_SECONDS: Final = 5.0  # one piece of work, connecting included
_PING_SECONDS: Final = 15.0
_RETRY_SECONDS: Final = (0.1, 0.2, 0.5, 1.0, 2.0)

# A statement that the client has given up must not run on in the server and commit after its repetition.
_SERVER_SETTINGS: Final = {
    "statement_timeout": "4500",
    "idle_in_transaction_session_timeout": "10000",
    "timezone": "UTC",
    "jit": "off",
}

_AWAY: Final = (
    OSError,  # TimeoutError and ConnectionError are among them
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.ReadOnlySQLTransactionError,
)
_NOT_INSTALLED: Final = (asyncpg.UndefinedTableError, asyncpg.UndefinedFunctionError, asyncpg.InvalidSchemaNameError)


class Connections:
    """A small pool that installs the schema when it is missing and says BusUnavailable when the database is away."""

    def __init__(self, url: str, client_id: str, size: int = 6) -> None:
        self._url = url
        self._settings = {**_SERVER_SETTINGS, "application_name": client_id[:63]}
        self._size = size
        self._pool: Pool | None = None
        self._installed = False

    async def open(self) -> None:
        """Make the pool; nothing is connected yet, so an absent database is no error here."""
        if self._pool is None:
            self._pool = await asyncpg.create_pool(
                self._url,
                min_size=0,
                max_size=self._size,
                timeout=BOUND_SECONDS,
                reset=_nothing_to_reset,
                server_settings=self._settings,
            )

    async def close(self) -> None:
        """Close all connections; those that do not answer are cut after a second."""
        pool, self._pool = self._pool, None
        if pool is not None:
            try:
                await asyncio.wait_for(pool.close(), 1.0)
            except _AWAY:
                pool.terminate()

    @contextlib.asynccontextmanager
    async def work(self, seconds: float = BOUND_SECONDS) -> AsyncIterator[Connection]:
        """A connection for one bounded piece of work. Raises BusUnavailable for whatever passes when one waits."""
        if self._pool is None:
            raise BusUnavailable("the bus is not started, or was stopped")
        pool, connection = self._pool, None
        try:
            async with asyncio.timeout(seconds):
                connection = await pool.acquire()
                await self._install(connection)
                yield connection
        except _NOT_INSTALLED as error:
            self._installed = False  # the database was made anew under our feet
            raise BusUnavailable("the bus database has lost its tables") from error
        except _AWAY as error:
            cut(connection)
            task = asyncio.current_task()
            if task is not None and task.cancelling():  # rolling back on a dead connection hid the cancellation
                raise asyncio.CancelledError from error
            raise BusUnavailable(f"the bus database is away: {error or type(error).__name__}") from error
        except asyncio.CancelledError:
            cut(connection)  # a cancelled query leaves the connection in the middle of an answer
            raise
        finally:
            if connection is not None:
                await pool.release(connection)

    async def connect(self) -> asyncpg.Connection[asyncpg.Record]:
        """A connection outside the pool, for listening."""
        try:
            return await asyncpg.connect(self._url, timeout=BOUND_SECONDS, server_settings=self._settings)
        except _AWAY as error:
            raise BusUnavailable(f"the bus database is away: {error or type(error).__name__}") from error

    async def _install(self, connection: Connection) -> None:
        if self._installed:
            return
        if not await connection.fetchval(schema.INSTALLED):
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock($1, $2)", schema.LOCK_CLASS, schema.INSTALL_LOCK)
                if not await connection.fetchval(schema.INSTALLED):
                    await connection.execute(schema.DDL)
        self._installed = True


class News:
    """Who waits for what; the names come from other processes through LISTEN, and from this one directly."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None
        self.heard = False  # whether news arrive now, or only by looking

    def start(self) -> None:
        """Listen in the background until stopped; what is missed while reconnecting is made up by waking everyone."""
        self._task = asyncio.create_task(self._listen(), name="bus-news")

    async def stop(self) -> None:
        """Stop listening."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task], timeout=1.0)

    def watch(self, names: list[str], event: asyncio.Event) -> None:
        """Set `event` whenever one of `names` has news."""
        for name in names:
            self._waiting[name].add(event)

    def forget(self, event: asyncio.Event) -> None:
        """Leave `event` alone from now on."""
        for events in self._waiting.values():
            events.discard(event)

    async def tell(self, connection: Connection, names: set[str]) -> None:
        """Tell every process. After the COMMIT of what is told: inside it, NOTIFY would make commits queue up."""
        await connection.execute("SELECT pg_notify($1, n) FROM unnest($2::text[]) AS n", CHANNEL, sorted(names))

    def _wake(self, *_: Any) -> None:
        name = str(_[-1])
        for event in self._waiting.get(name, ()):
            event.set()

    def _wake_all(self) -> None:
        for events in self._waiting.values():
            for event in events:
                event.set()

    async def _listen(self) -> None:
        failures = 0
        while True:
            try:
                connection = await self._connections.connect()
                failures = 0
                await self._hear(connection)
            except BusUnavailable as error:
                log.debug("no news from the bus: %s", error)
            await asyncio.sleep(_RETRY_SECONDS[min(failures, len(_RETRY_SECONDS) - 1)])
            failures += 1

    async def _hear(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        gone = asyncio.Event()
        connection.add_termination_listener(lambda _: gone.set())
        try:
            await connection.add_listener(CHANNEL, self._wake)
            self.heard = True
            self._wake_all()
            while not gone.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_PING_SECONDS):
                        await gone.wait()
                await connection.execute("SELECT 1", timeout=BOUND_SECONDS)
        except _AWAY as error:
            raise BusUnavailable(str(error)) from error
        finally:
            self.heard = False
            connection.terminate()


async def _nothing_to_reset(_: Connection) -> None:
    """We change no session state, so the round trip that a pool spends on resetting is saved."""


def cut(connection: Connection | None) -> None:
    """Drop the connection without a word: a polite close waits for an answer that may never come."""
    if connection is not None:
        with contextlib.suppress(asyncpg.InterfaceError):  # the pool has noticed first and taken it away
            connection.terminate()
