"""The connections of one service to its database: opened by SQLAlchemy's pool, and handed on without asking it."""

import asyncio
import contextlib
from typing import NamedTuple

import asyncpg
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from libs.common.errors import Busy, DatabaseUnavailable

Record = asyncpg.Record
_CLOSE_SECONDS = 1.5


class Checked(NamedTuple):
    """A connection in somebody's hands: as SQLAlchemy sees it, and as the driver does."""

    conn: AsyncConnection
    pg: "asyncpg.Connection[Record]"


class Connections:
    """At most `size` of them. What is given back stays checked out for whoever comes next, which saves most of the
    cost of a checkout; the pool has the last word when somebody waits, or when a connection is fit for nobody.
    """

    def __init__(self, url: str, *, size: int, application_name: str, timeout: float) -> None:
        self._engine: AsyncEngine = create_async_engine(
            make_url(url).set(drivername="postgresql+asyncpg"),
            isolation_level="AUTOCOMMIT",
            pool_size=size,
            max_overflow=0,
            pool_timeout=timeout,
            pool_use_lifo=True,
            connect_args={
                "timeout": 5,
                "command_timeout": 60,
                "server_settings": {
                    "application_name": application_name,
                    "timezone": "UTC",
                    "jit": "off",
                    "idle_in_transaction_session_timeout": "60000",
                },
            },
        )
        self._size = size
        self._idle: list[Checked] = []
        self._waiting = 0
        self._closed = False

    async def take(self) -> Checked:
        """A live connection. Raises Busy when none comes free in time, DatabaseUnavailable when the server is away."""
        while self._idle:
            checked = self._idle.pop()
            if not checked.pg.is_closed():
                return checked
            await _discard(checked.conn)
        self._waiting += 1
        try:
            return await self._take_of_pool()
        finally:
            self._waiting -= 1

    async def give_back(self, checked: Checked, *, clean: bool) -> None:
        """Ends its use; one that is not `clean` goes back by way of the pool, which resets it."""
        conn, pg = checked
        if clean and not (self._waiting or self._closed or conn.invalidated or pg.is_closed()):
            self._idle.append(checked)
        else:
            await conn.close()

    async def close(self) -> None:
        """Closes every connection, within seconds even if the server does not answer."""
        self._closed = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                while self._idle:
                    await self._idle.pop().conn.close()
                await self._engine.dispose()

    async def _take_of_pool(self) -> Checked:
        """Those that died with the server are thrown away until the pool is fresh."""
        for _ in range(self._size + 1):
            try:
                conn = await self._engine.connect()
                pg = (await conn.get_raw_connection()).driver_connection
            except PoolTimeout as error:
                raise Busy("数据库连接已用尽，请稍后重试") from error
            except (
                DBAPIError,
                asyncpg.InterfaceError,
                asyncpg.InternalClientError,
                asyncpg.PostgresError,
                OSError,
            ) as error:
                raise DatabaseUnavailable from error
            if pg is not None and not pg.is_closed():
                return Checked(conn, pg)
            await _discard(conn)
        raise DatabaseUnavailable


async def _discard(conn: AsyncConnection) -> None:
    try:
        await conn.invalidate()
    finally:
        await conn.close()
