"""The database of one service, and the only place that commits.

The SQLAlchemy engine runs in AUTOCOMMIT, so that BEGIN and COMMIT are ours alone; hot paths speak to the asyncpg
connection directly with set-based statements, quiet paths use a SQLModel session inside the very same transaction.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel.ext.asyncio.session import AsyncSession

from libs.common.connections import Connections
from libs.common.errors import Busy, Contended, DatabaseUnavailable, OutcomeUnknown
from libs.common.failpoints import failpoint

Record = asyncpg.Record

_GONE = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
)
_GONE_IF_CLOSED = (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)  # also raised for faults of our own
_CONTENDED = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
_TRANSIENT = (
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
)


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode


def to_json(value: Any) -> str:
    """JSON text for a jsonb parameter; jsonb columns come back as Python objects."""
    return _encode(value)


class Tx:
    """One open transaction. `$1` parameters; arrays for `unnest`; jsonb parameters as text (`to_json`)."""

    __slots__ = ("_after_commit", "_conn", "_pg", "_savepoints", "_session", "db")

    def __init__(self, db: "Database", conn: AsyncConnection, pg: "asyncpg.Connection[Record]") -> None:
        self.db = db
        self._conn = conn
        self._pg = pg
        self._session: AsyncSession | None = None
        self._savepoints = 0
        self._after_commit: list[Callable[[], None]] = []

    @property
    def broken(self) -> bool:
        """Whether the connection is gone: nothing more can be done in this transaction."""
        return self._pg.is_closed()

    async def fetch(self, sql: str, *args: Any) -> list[Record]:
        """All rows of the statement."""
        return await self._pg.fetch(sql, *args)

    async def fetchrow(self, sql: str, *args: Any) -> Record | None:
        """The first row of the statement, or None."""
        return await self._pg.fetchrow(sql, *args)

    async def fetchval(self, sql: str, *args: Any) -> Any:
        """The first column of the first row, or None."""
        return await self._pg.fetchval(sql, *args)

    async def execute(self, sql: str, *args: Any) -> str:
        """Runs the statement; the command tag of PostgreSQL, such as `UPDATE 3`."""
        return await self._pg.execute(sql, *args)

    async def executemany(self, sql: str, rows: list[tuple[Any, ...]]) -> None:
        """Runs the statement once a row, pipelined. Quiet paths only: hot ones use `unnest`."""
        await self._pg.executemany(sql, rows)

    async def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Adds rows with COPY: for many, cheaper than arrays for `unnest`, which the driver looks at item by item."""
        await self._pg.copy_records_to_table(table, columns=columns, records=rows)

    def session(self) -> AsyncSession:
        """A SQLModel session in this same transaction, for quiet paths. `flush` it; committing is not its business."""
        if self._session is None:
            self._session = AsyncSession(bind=self._conn, expire_on_commit=False)
        return self._session

    @contextlib.asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """What the block wrote is undone when it raises; the transaction goes on.

        Raises Busy where `transaction` does. A session that wrote in the block is of no use after it was undone.
        """
        self._savepoints += 1
        name = f"s{self._savepoints}"  # the driver's own nesting refuses a transaction that it did not begin
        await self._pg.execute(f"SAVEPOINT {name}")
        try:
            yield
        except Exception as error:
            if not self.broken:
                await self._pg.execute(f"ROLLBACK TO SAVEPOINT {name}")
            if (seen := _translated(error, self)) is error:
                raise
            raise seen from error
        await self._pg.execute(f"RELEASE SAVEPOINT {name}")

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Runs the callback once the transaction is committed (never when it is not). It must not raise or block."""
        self._after_commit.append(callback)

    async def _flush(self) -> None:
        if self._session is not None:
            await self._session.flush()

    async def _close_session(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _committed(self) -> None:
        for callback in self._after_commit:
            callback()


class Database:
    """Connections to the database of one service."""

    def __init__(
        self, url: str, *, pool_size: int = 10, application_name: str = "hazardloop", pool_timeout: float = 10
    ) -> None:
        self._connections = Connections(url, size=pool_size, application_name=application_name, timeout=pool_timeout)
        self.pool_size = pool_size
        self.announced = asyncio.Event()  # set after a commit that announced something: wakes the relay of this process

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tx]:
        """One transaction: committed when the block ends, rolled back when it raises.

        Raises DatabaseUnavailable when PostgreSQL is away, OutcomeUnknown when it went away during COMMIT,
        Busy when it refused for a passing reason (deadlock, resources, shutdown).
        """
        checked = await self._connections.take()
        tx = Tx(self, checked.conn, checked.pg)
        try:
            try:
                await tx._pg.execute("BEGIN")
                failpoint("db.begun")
                yield tx
                await tx._flush()
                failpoint("db.committing")
            except BaseException as error:
                await self._give_up(tx, error)
                if (seen := _translated(error, tx)) is error:
                    raise
                raise seen from error
            await self._commit(tx)
        finally:
            await self._connections.give_back(checked, clean=tx._session is None)
        tx._committed()

    async def alone(self, sql: str, *args: Any) -> list[Record]:
        """One statement that is a transaction of its own: three round trips become one. Raises as `transaction` does.

        When PostgreSQL goes away meanwhile, a statement that writes may have been committed or not: use it only where
        doing it again does no harm.
        """
        checked = await self._connections.take()
        tx = Tx(self, checked.conn, checked.pg)
        try:
            return await tx._pg.fetch(sql, *args)
        except BaseException as error:
            await self._give_up(tx, error)
            if (seen := _translated(error, tx)) is error:
                raise
            raise seen from error
        finally:
            await self._connections.give_back(checked, clean=tx._session is None)

    async def _commit(self, tx: Tx) -> None:
        try:
            done = await tx._pg.execute("COMMIT")
        except BaseException as error:
            await self._give_up(tx, error)
            seen = _translated(error, tx)
            if seen is error:
                raise
            raise OutcomeUnknown if isinstance(seen, DatabaseUnavailable) else seen from error
        failpoint("db.committed")
        await tx._close_session()
        if done != "COMMIT":  # PostgreSQL answers a COMMIT after a failed statement with ROLLBACK, and with no error
            raise RuntimeError("a failed statement was passed over: the transaction was rolled back")

    async def _give_up(self, tx: Tx, error: BaseException) -> None:
        """Leaves no dirty connection in the pool: a cancelled or broken one is cut, any other is rolled back."""
        try:
            if isinstance(error, asyncio.CancelledError | GeneratorExit | TimeoutError) or tx._pg.is_closed():
                tx._pg.terminate()
                await tx._conn.invalidate()
            else:
                await tx._pg.execute("ROLLBACK")
                await tx._close_session()
        except (*_GONE_IF_CLOSED, asyncpg.PostgresError, DBAPIError):
            tx._pg.terminate()
            await tx._conn.invalidate()

    async def ping(self) -> None:
        """Raises DatabaseUnavailable unless PostgreSQL answers."""
        async with self.transaction() as tx:
            await tx.fetchval("SELECT 1")

    async def close(self) -> None:
        """Closes every connection, within seconds even if the server does not answer."""
        await self._connections.close()


def _translated(error: BaseException, tx: Tx) -> BaseException:
    """What the caller should see of a driver's error; everything else stays as it is."""
    cause = error.orig.__cause__ if isinstance(error, DBAPIError) and error.orig else error
    if isinstance(cause, _GONE) or (tx.broken and isinstance(cause, _GONE_IF_CLOSED)):
        return DatabaseUnavailable()
    if isinstance(cause, _CONTENDED):
        return Contended()
    if isinstance(cause, _TRANSIENT):
        return Busy("数据库暂时无法完成此操作，请重试")
    return error
