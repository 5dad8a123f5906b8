"""Writes that wait: statements whose rows nobody asks for, sent to PostgreSQL together as one.

Each goes into the next as a data-modifying WITH. All of them see the database as it was before the first, so no two of
them may write to the same table, and none may read what another writes.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

_PARAMETER = re.compile(r"\$(\d+)")


class Waiting:
    """What waits to be sent, each write under the table that it writes to."""

    __slots__ = ("_args", "_statements", "_tables")

    def __init__(self) -> None:
        self._tables: set[str] = set()
        self._statements: list[tuple[str, int]] = []  # the text, and how many parameters it has
        self._args: list[Any] = []

    def __bool__(self) -> bool:
        return bool(self._statements)

    def holds(self, table: str) -> bool:
        """Whether a write to that table waits: another one must not go with it."""
        return table in self._tables

    def add(self, table: str, sql: str, args: Sequence[Any]) -> None:
        """Lets it wait."""
        self._tables.add(table)
        self._statements.append((sql, len(args)))
        self._args += args

    def take(self) -> tuple[str, list[Any]]:
        """One statement that does all of it, and its arguments; then nothing waits. Its rows are those of the last."""
        sql, args = _together(tuple(self._statements)), self._args
        self.drop()
        return sql, args

    def drop(self) -> None:
        """Forgets what waits."""
        self._tables, self._statements, self._args = set(), [], []


@lru_cache(maxsize=512)
def _together(statements: tuple[tuple[str, int], ...]) -> str:
    """The last of the statements, with those before it in its WITH; the parameters of each follow one another."""
    *before, last = side_by_side(statements)
    if not before:
        return last
    return "WITH " + ", ".join(f"w{nr} AS ({sql})" for nr, sql in enumerate(before)) + f" {last}"


def side_by_side(statements: Iterable[tuple[str, int]]) -> list[str]:
    """The statements, each with how many parameters it has, so that those of the next follow those of the last."""
    texts, taken = [], 0
    for sql, parameters in statements:
        texts.append(_moved(sql, taken))
        taken += parameters
    return texts


def _moved(sql: str, by: int) -> str:
    """The statement with its parameters behind so many others."""
    return _PARAMETER.sub(lambda found: f"${int(found[1]) + by}", sql) if by else sql
