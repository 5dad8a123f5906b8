"""Plays the statements of a page again: how long PostgreSQL says that they took, and how long a client waited."""

import json
import time
from typing import Any, NamedTuple

import asyncpg

from tests.bench.recorded import Statement
from tests.bench.view_pages import Page

_EXPLAIN = "EXPLAIN (ANALYZE, TIMING OFF, SERIALIZE BINARY, FORMAT JSON) EXECUTE"


class Spent(NamedTuple):
    """Milliseconds of a page at the server, and how many of them it waited for blocks from the operating system."""

    all: float
    reading: float


class Player:
    """One connection that has every statement prepared, as those of the service have."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection
        self._names: dict[str, str] = {}

    async def time_reads(self) -> None:
        """From now on PostgreSQL says how long it waited for blocks that it did not hold."""
        await self._connection.execute("SET track_io_timing = on")

    async def server(self, page: Page) -> Spent:
        """What PostgreSQL says of planning, executing and putting rows into the form in which they go out."""
        spent = read = 0.0
        for statement in page.statements:
            name = await self._prepared(statement)
            values = f"({', '.join(map(_literal, statement.args))})" if statement.args else ""
            (explained,) = json.loads(await self._connection.fetchval(f"{_EXPLAIN} {name}{values}"))
            spent += explained["Planning Time"] + explained["Execution Time"]
            read += explained["Plan"].get("Shared I/O Read Time", 0.0)
        return Spent(spent, read)

    async def client(self, page: Page) -> float:
        """Milliseconds from BEGIN until COMMIT was answered, one round trip a statement, rows as Python values."""
        began = time.perf_counter()
        await self._connection.execute("BEGIN")
        for statement in page.statements:
            await self._connection.fetch(statement.sql, *statement.args)
        await self._connection.execute("COMMIT")
        return (time.perf_counter() - began) * 1000

    async def _prepared(self, statement: Statement) -> str:
        name = self._names.get(statement.sql)
        if name is None:
            name = self._names[statement.sql] = f"page_{len(self._names)}"
            await self._connection.execute(f"PREPARE {name} AS {statement.sql}")
        return name


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, list | tuple):
        return f"ARRAY[{', '.join(map(_literal, value))}]::text[]"  # views pass no other arrays; others are refused
    return "'" + str(value).replace("'", "''") + "'"
