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
from libs.common.driver_errors import GONE_IF_CLOSED, translated
from libs.common.errors import DatabaseUnavailable, OutcomeUnknown
from libs.common.failpoints import failpoint
from libs.common.questions import Question, together
from libs.common.writes import Waiting

Record = asyncpg.Record

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode


def to_json(value: Any) -> str:
    """JSON text for a jsonb parameter; jsonb columns come back as Python objects."""
    return _encode(value)


class Tx:
    """One open transaction. `$1` parameters; arrays for `unnest`; jsonb parameters as text (`to_json`).

    Statements reach the server in the order in which they were asked for; a `write` may wait for those behind it, but
    never until after one that could see it. `conn`, `driver` and what follows `after_commit` are for `db` alone.
    """

    __slots__ = ("_after_commit", "_savepoints", "_session", "_waiting", "conn", "db", "driver")

    def __init__(self, db: "Database", conn: AsyncConnection, driver: "asyncpg.Connection[Record]") -> None:
        self.db = db
        self.conn = conn
        self.driver = driver
        self._session: AsyncSession | None = None
        self._savepoints = 0
        self._waiting = Waiting()
        self._after_commit: list[Callable[[], None]] = []

    @property
    def has_session(self) -> bool:
        """Whether a session was asked for: the connection must be reset before somebody else may have it."""
        return self._session is not None

    @property
    def broken(self) -> bool:
        """Whether the connection is gone: nothing more can be done in this transaction."""
        return self.driver.is_closed()

    async def fetch(self, sql: str, *args: Any) -> list[Record]:
        """All rows of the statement."""
        await self._send()
        return await self.driver.fetch(sql, *args)

    async def fetchrow(self, sql: str, *args: Any) -> Record | None:
        """The first row of the statement, or None."""
        await self._send()
        return await self.driver.fetchrow(sql, *args)

    async def fetchval(self, sql: str, *args: Any) -> Any:
        """The first column of the first row, or None."""
        await self._send()
        return await self.driver.fetchval(sql, *args)

    async def ask(self, *questions: Question[Any]) -> None:
        """Asks all of them in one round trip; afterwards each has its `answer`."""
        sql, args = together(questions)
        row = await self.fetchrow(sql, *args)
        for question, rows in zip(questions, row or (), strict=True):
            question.answered(rows)

    async def execute(self, sql: str, *args: Any) -> str:
        """Runs the statement; the command tag of PostgreSQL, such as `UPDATE 3`."""
        await self._send()
        return await self.driver.execute(sql, *args)

    async def executemany(self, sql: str, rows: list[tuple[Any, ...]]) -> None:
        """Runs the statement once a row, pipelined. Quiet paths only: hot ones use `unnest`."""
        await self._send()
        await self.driver.executemany(sql, rows)

    async def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Adds rows with COPY: for many, cheaper than arrays for `unnest`, which the driver looks at item by item."""
        await self._send()
        await self.driver.copy_records_to_table(table, columns=columns, records=rows)

    async def write(self, table: str, sql: str, *args: Any) -> None:
        """Writes to `table` and asks for nothing: sent with the writes to other tables that follow, in one round trip.

        The statement begins with INSERT, UPDATE or DELETE and reads nothing that waits with it. What is wrong with it
        is raised where it is sent: by a later statement, or at the end of the transaction.
        """
        if self._session is not None:
            await self.execute(sql, *args)
            return
        if self._waiting.holds(table):
            await self._send()
        self._waiting.add(table, sql, args)

    async def write_returning(self, table: str, sql: str, *args: Any) -> list[Record]:
        """Writes to `table` together with what waits; the rows that the statement returns."""
        if self._waiting.holds(table):
            await self._send()
        self._waiting.add(table, sql, args)
        together, arguments = self._waiting.take()
        return await self.driver.fetch(together, *arguments)

    def session(self) -> AsyncSession:
        """A SQLModel session in this same transaction, for quiet paths. `flush` it; committing is not its business.

        Ask for it before the first `write`: from then on those go out at once.
        """
        if self._waiting:
            raise RuntimeError("writes wait that the session could not see")
        if self._session is None:
            self._session = AsyncSession(bind=self.conn, expire_on_commit=False)
        return self._session

    @contextlib.asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """What the block wrote is undone when it raises; the transaction goes on.

        Raises Busy where `transaction` does. A session that wrote in the block is of no use after it was undone.
        """
        self._savepoints += 1
        name = f"s{self._savepoints}"  # the driver's own nesting refuses a transaction that it did not begin
        await self.execute(f"SAVEPOINT {name}")
        try:
            yield
            await self._send()
        except Exception as error:
            self._waiting.drop()
            if not self.broken:
                await self.driver.execute(f"ROLLBACK TO SAVEPOINT {name}")
            if (seen := translated(error, gone=self.broken)) is error:
                raise
            raise seen from error
        await self.driver.execute(f"RELEASE SAVEPOINT {name}")

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Runs the callback once the transaction is committed (never when it is not). It must not raise or block."""
        self._after_commit.append(callback)

    async def _send(self) -> None:
        if self._waiting:
            sql, args = self._waiting.take()
            await self.driver.execute(sql, *args)

    async def flush(self) -> None:
        """Sends all that waits, here and in the session."""
        await self._send()
        if self._session is not None:
            await self._session.flush()

    async def close_session(self) -> None:
        """Lets the session go, if there is one."""
        if self._session is not None:
            await self._session.close()

    def committed(self) -> None:
        """Tells those who wanted to know."""
        for callback in self._after_commit:
            callback()


class Database:
    """Connections to the database of one service."""

    def __init__(
        self, url: str, *, pool_size: int = 10, application_name: str = "hazardloop", pool_timeout: float = 10
    ) -> None:
        self.connections = Connections(url, size=pool_size, application_name=application_name, timeout=pool_timeout)
        self.pool_size = pool_size
        self.announced = asyncio.Event()  # set after a commit that announced something: wakes the relay of this process

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tx]:
        """One transaction: committed when the block ends, rolled back when it raises.

        Raises DatabaseUnavailable when PostgreSQL is away, OutcomeUnknown when it went away during COMMIT,
        Busy when it refused for a passing reason (deadlock, resources, shutdown).
        """
        checked = await self.connections.take()
        tx = Tx(self, checked.conn, checked.pg)
        try:
            try:
                await tx.driver.execute("BEGIN")
                failpoint("db.begun")
                yield tx
                await tx.flush()
                failpoint("db.committing")
            except BaseException as error:
                await self._give_up(tx, error)
                if (seen := translated(error, gone=tx.broken)) is error:
                    raise
                raise seen from error
            await self._commit(tx)
        finally:
            await self.connections.give_back(checked, clean=not tx.has_session)
        tx.committed()

    async def alone(self, sql: str, *args: Any) -> list[Record]:
        """One statement that is a transaction of its own: three round trips become one. Raises as `transaction` does.

        When PostgreSQL goes away meanwhile, a statement that writes may have been committed or not: use it only where
        doing it again does no harm.
        """
        checked = await self.connections.take()
        tx = Tx(self, checked.conn, checked.pg)
        try:
            return await tx.driver.fetch(sql, *args)
        except BaseException as error:
            await self._give_up(tx, error)
            if (seen := translated(error, gone=tx.broken)) is error:
                raise
            raise seen from error
        finally:
            await self.connections.give_back(checked, clean=not tx.has_session)

    async def _commit(self, tx: Tx) -> None:
        try:
            done = await tx.driver.execute("COMMIT")
        except BaseException as error:
            await self._give_up(tx, error)
            seen = translated(error, gone=tx.broken)
            if seen is error:
                raise
            raise OutcomeUnknown if isinstance(seen, DatabaseUnavailable) else seen from error
        failpoint("db.committed")
        await tx.close_session()
        if done != "COMMIT":  # PostgreSQL answers a COMMIT after a failed statement with ROLLBACK, and with no error
            raise RuntimeError("a failed statement was passed over: the transaction was rolled back")

    async def _give_up(self, tx: Tx, error: BaseException) -> None:
        """Leaves no dirty connection in the pool: a cancelled or broken one is cut, any other is rolled back."""
        try:
            if isinstance(error, asyncio.CancelledError | GeneratorExit | TimeoutError) or tx.driver.is_closed():
                tx.driver.terminate()
                await tx.conn.invalidate()
            else:
                await tx.driver.execute("ROLLBACK")
                await tx.close_session()
        except (*GONE_IF_CLOSED, asyncpg.PostgresError, DBAPIError):
            tx.driver.terminate()
            await tx.conn.invalidate()

    async def ping(self) -> None:
        """Raises DatabaseUnavailable unless PostgreSQL answers."""
        async with self.transaction() as tx:
            await tx.fetchval("SELECT 1")

    async def close(self) -> None:
        """Closes every connection, within seconds even if the server does not answer."""
        await self.connections.close()
