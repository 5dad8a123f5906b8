"""The statements of one report as PostgreSQL saw them, turned into a script for pgbench.

Nothing is written by hand: a report goes through the real application in this process, on a database that writes down
every statement with its arguments, and the script repeats them with fresh identities. One item, one commit.
"""

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, cast
from uuid import UUID

import asyncpg

from libs.common.db import Database, Record, Tx


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement with its arguments and, if it was asked for rows, the first value that came back."""

    sql: str
    args: tuple[Any, ...]
    first: Any = None


class RecordingDatabase(Database):
    """A database whose transactions are written down, statement by statement, as they are sent to the server."""

    def __init__(self, url: str) -> None:
        super().__init__(url, pool_size=4)
        self.transactions: list[list[Statement]] = []

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tx]:
        """As ever, and remembered."""
        recorder: _Recorder | None = None
        async with super().transaction() as tx:
            recorder = _Recorder(tx.driver)
            tx.driver = cast("asyncpg.Connection[Record]", recorder)
            yield tx
        self.transactions.append(recorder.statements)


class _Recorder:
    """Stands in for the driver's connection: passes on, and writes down all but what begins and ends a transaction."""

    def __init__(self, driver: "asyncpg.Connection[Record]") -> None:
        self._driver = driver
        self.statements: list[Statement] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    async def fetch(self, sql: str, *args: Any) -> list[Record]:
        rows = await self._driver.fetch(sql, *args)
        self._note(sql, args, rows[0][0] if rows and rows[0] else None)
        return rows

    async def fetchrow(self, sql: str, *args: Any) -> Record | None:
        row = await self._driver.fetchrow(sql, *args)
        self._note(sql, args, row[0] if row else None)
        return row

    async def fetchval(self, sql: str, *args: Any) -> Any:
        value = await self._driver.fetchval(sql, *args)
        self._note(sql, args, value)
        return value

    async def execute(self, sql: str, *args: Any) -> str:
        tag = await self._driver.execute(sql, *args)
        if sql not in ("COMMIT", "ROLLBACK"):
            self._note(sql, args, None)
        return tag

    def _note(self, sql: str, args: tuple[Any, ...], first: Any) -> None:
        self.statements.append(Statement(sql, args, first))


def script(
    statements: Sequence[Statement], hazard: UUID, number: str, key: str, choices: Mapping[str, Sequence[str]]
) -> str:
    """A pgbench script that does what was recorded for that hazard, with identities of its own each time.

    The place in the number series, which the report itself draws from a sequence, becomes `:n`; id, number, keys and
    every text in which they occur are made from it or from `:k`. `choices` names recorded texts that differ from
    client to client, with the values that take turns. Raises ValueError when nothing drew a number.
    """
    place = int(number.rsplit("-", 1)[1])
    fresh = {
        str(hazard): "lpad(to_hex(:n::bigint), 32, '0')::uuid::text",
        number: f"{_text(number.rsplit('-', 1)[0] + '-')} || :n::bigint",
        key: "'k' || :k::bigint",
        **{old: _choice(values) for old, values in choices.items()},
    }
    moment = next(arg for s in statements for arg in _leaves(s.args) if isinstance(arg, datetime))
    lines = ["\\set k random(1, 9000000000000000000)", "BEGIN;"]
    drawn = False
    for statement in statements:
        draws = statement.first == place and "nextval" in statement.sql
        sql = _inlined(statement, lambda value: _literal(value, fresh, moment))
        if draws:
            drawn = True
            sql = sql.replace(" FROM", " AS n FROM", 1)
        lines.append(sql + (" \\gset" if draws else ";"))
    if not drawn:
        raise ValueError("no recorded statement drew the number")
    return "\n".join([*lines, "COMMIT;", ""])


def _inlined(statement: Statement, literal: Callable[[Any], str]) -> str:
    """The statement on one line with its arguments in place of `$1`, `$2`, …"""
    flat = " ".join(statement.sql.split())
    return re.sub(r"\$(\d+)", lambda found: literal(statement.args[int(found[1]) - 1]), flat)


def _literal(value: Any, fresh: Mapping[str, str], moment: datetime) -> str:
    match value:
        case None:
            return "NULL"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case datetime():
            return f"(now() + make_interval(secs => {(value - moment).total_seconds()}))"
        case date() | time():
            return f"'{value.isoformat()}'"
        case UUID():
            return f"({_expression(str(value), fresh)})::uuid"
        case bytes():
            return _bytes(value, fresh)
        case list() | tuple():
            return "ARRAY[" + ", ".join(_literal(item, fresh, moment) for item in value) + "]"
    return f"({_expression(str(value), fresh)})"


def _bytes(value: bytes, fresh: Mapping[str, str]) -> str:
    if any(old.encode() in value for old in fresh):
        return f"convert_to({_expression(value.decode(), fresh)}, 'UTF8')"
    return f"'\\x{value.hex()}'::bytea"


def _expression(text: str, fresh: Mapping[str, str]) -> str:
    """The text as SQL, with every identity in it replaced by an expression that makes a fresh one."""
    parts = re.split("(" + "|".join(re.escape(old) for old in fresh) + ")", text)
    return " || ".join(fresh.get(part) or _text(part) for part in parts if part) or "''"


def _choice(values: Sequence[str]) -> str:
    """One of the values by the number of the client: a constant array, so that one plan serves all."""
    return f"(ARRAY[{', '.join(_text(value) for value in values)}])[:client_id % {len(values)} + 1]"


def _text(text: str) -> str:
    """A quoted text without any colon, which pgbench would take for a variable."""
    return "E'" + text.replace("\\", "\\\\").replace("'", "''").replace(":", "\\u003a") + "'"


def _leaves(value: Any) -> Sequence[Any]:
    if isinstance(value, list | tuple):
        return [leaf for item in value for leaf in _leaves(item)]
    return [value]
