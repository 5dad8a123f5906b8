"""Questions that need no answer of one another: read from PostgreSQL together, in one statement and one snapshot.

Their rows travel as JSON, since rows of several shapes fit into one answer no other way: a uuid or an instant is the
text of it, an array a list.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Generic, TypeVar

from libs.common.writes import side_by_side

T = TypeVar("T")

Row = Mapping[str, Any]
"""A row by the names of its columns, with the values of JSON."""


class Question(Generic[T]):
    """A SELECT, its arguments, and what its rows mean; `answer` is there once `Tx.ask` has returned."""

    __slots__ = ("_answer", "_read", "args", "sql")

    def __init__(self, read: Callable[[Sequence[Row]], T], sql: str, *args: Any) -> None:
        self._read = read
        self.sql = sql
        self.args = args

    @property
    def answer(self) -> T:
        """What the rows mean. Raises AttributeError before it was asked."""
        return self._answer

    def answered(self, rows: Sequence[Row]) -> None:
        """For `db` alone: takes the rows."""
        self._answer = self._read(rows)


def instant(text: str) -> datetime:
    """The instant in a column of a row."""
    return datetime.fromisoformat(text)


def instant_or_none(text: str | None) -> datetime | None:
    """The instant in a column that may be empty."""
    return None if text is None else datetime.fromisoformat(text)


def together(questions: Sequence[Question[Any]]) -> tuple[str, list[Any]]:
    """One statement with a column a question, and its arguments."""
    sql = _one(tuple((question.sql, len(question.args)) for question in questions))
    return sql, [argument for question in questions for argument in question.args]


@lru_cache(maxsize=512)
def _one(asked: tuple[tuple[str, int], ...]) -> str:
    columns = (f"(SELECT coalesce(json_agg(r), '[]') FROM ({sql}) AS r)" for sql in side_by_side(asked))
    return "SELECT " + ", ".join(columns)
