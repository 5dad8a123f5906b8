"""Where every read begins: what an actor may see, as conditions of a statement. There is no way to read without one."""

from collections.abc import Iterable
from typing import Any

from libs.common.actors import Actor, area_path
from libs.common.db import Record
from libs.common.errors import Forbidden

Row = dict[str, Any]
"""A row by the names of its columns."""


def as_rows(records: Iterable[Record]) -> list[Row]:
    """Records of the driver as plain rows."""
    return [dict(record) for record in records]


class Where:
    """Conditions joined by AND, with their parameters numbered in the order in which they come."""

    def __init__(self) -> None:
        self.args: list[Any] = []
        self._parts: list[str] = []

    def add(self, condition: str, *values: Any) -> None:
        """Adds a condition; each `{}` in it becomes the parameter that stands for the next value."""
        numbers = [f"${len(self.args) + index}" for index in range(1, len(values) + 1)]
        self._parts.append(condition.format(*numbers))
        self.args += values

    def below(self, column: str, path: str) -> None:
        """Only rows at or below an area."""
        if path:
            self.add(f"{column} >= {{}} AND {column} < {{}}", path, path + ":")

    def __str__(self) -> str:
        return " AND ".join(self._parts) or "true"


def alerts_for(actor: Actor) -> Where:
    """Alerts `a` that exist for the actor: those of its area and below, or those addressed to its enterprise."""
    where = Where()
    if actor.scope.enterprise_id is not None:
        where.add("a.enterprise_id = {} AND a.told_enterprise", actor.scope.enterprise_id)
    else:
        where.below("a.area_path", actor.scope.area_path)
    return where


def staff_rows_for(actor: Actor, column: str) -> Where:
    """Rows that only staff of an area see. Raises Forbidden for an enterprise."""
    if actor.scope.enterprise_id is not None:
        raise Forbidden
    where = Where()
    where.below(column, actor.scope.area_path)
    return where


def policies_for(actor: Actor) -> Where:
    """Policy rows that hold somewhere in the actor's area: its own, those below, those above. Raises Forbidden."""
    if actor.scope.enterprise_id is not None:
        raise Forbidden
    where = Where()
    path = actor.scope.area_path
    where.add("(starts_with(area_path, {}) OR starts_with({}, area_path))", path, path)
    return where


def within(where: Where, column: str, code: str | None) -> None:
    """Narrows to an area by its code, if one is asked for."""
    if code is not None:
        where.below(column, area_path(code))
