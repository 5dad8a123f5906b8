"""The orders in which hazards are listed: each walks along an index from a key on, reading little more than a page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from libs.common.cursors import Key
from libs.common.db import Tx
from services.hazards.domain.facts import Facts
from services.hazards.domain.lifecycle import State
from services.hazards.domain.vocabulary import Level
from services.hazards.store.hazards import COLUMNS, facts
from services.hazards.views.scope import Window

URGENCY = "coalesce(h.act_by, h.due_at)"  # when the present state must be left
_QUEUED_AT = {State.ORDERED: (6, 9, 12)}  # depths of the areas that have a queue of what is in a state
_QUEUED_ELSE = (12,)
_DEEPEST = 15  # digits of a grid, below which nothing lies

_SQL_TYPES = {str: "text", UUID: "uuid"}

# What is overdue was due: nobody looks for it further on. Replicas mark it by their own clocks, hence the hours.
_AHEAD = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Walk:
    """An order of the rows that fulfil one of the `branches`; each of these is one range of one index in that order.

    `by_id` is for rows whose index holds all that is asked but not their order: their ids are sorted, a page of them
    is read. `blind` keeps the key from the planner, see `_unseen`.
    """

    keys: str
    types: tuple[type, ...]
    key: Callable[[Facts], list[Key]]
    branches: Sequence[str]
    values: Sequence[Any]
    by_id: bool = False
    blind: bool = False

    async def rows(self, tx: Tx, after: Sequence[Key] | None, limit: int) -> list[Facts]:
        """The first rows after that key."""
        values = [*self.values, *(after or ())]
        numbered = zip(range(len(self.values) + 1, len(values) + 1), self.types, strict=False)
        places = ", ".join(_unseen(nr, kind) if self.blind else f"${nr}" for nr, kind in numbered)
        beyond = f" AND ({self.keys}) > ({places})" if after is not None else ""
        end = f"ORDER BY {self.keys} LIMIT ${len(values) + 1}"
        columns = "h.id" if self.by_id else COLUMNS
        parts = [f"SELECT {columns} FROM hazards h WHERE {branch}{beyond} {end}" for branch in self.branches]
        found = parts[0] if len(parts) == 1 else f"SELECT * FROM (({') UNION ALL ('.join(parts)})) AS h {end}"
        if self.by_id:
            found = f"SELECT {COLUMNS} FROM ({found}) AS k JOIN hazards h ON h.id = k.id ORDER BY h.id"
        return [facts(row) for row in await tx.fetch(found, *values, limit)]

    async def count(self, tx: Tx) -> int:
        """How many rows there are, counted one by one: for few."""
        parts = [f"(SELECT count(*) FROM hazards h WHERE {branch})" for branch in self.branches]
        counted: int = await tx.fetchval(f"SELECT {' + '.join(parts)}", *self.values)
        return counted


def of_enterprise(seen: Window, state: State | None, level: Level | None, overdue: bool | None, now: datetime) -> Walk:
    """What one enterprise has, by id."""
    terms, values = theirs(seen)
    terms += f" AND h.state = '{state}'" if state else ""
    terms += f" AND h.level = '{level}'" if level else ""
    branches = [terms]
    if overdue:
        late, values = _overdue(values, now, "h.due_at")
        branches = [f"{terms} AND h.state = '{State.ORDERED}' AND {late}"]
    elif overdue is False:  # only what is ordered can be overdue: for all else the index says enough
        branches = [
            f"{terms} AND h.state <> '{State.ORDERED}'",
            f"{terms} AND h.state = '{State.ORDERED}' AND h.overdue_since IS NULL",
        ]
    return Walk("h.id", (UUID,), lambda last: [last.id], branches, values, by_id=True)


def by_place(seen: Window, state: State | None, level: Level | None, overdue: bool | None) -> Walk:
    """What lies in an area by place and id, whatever state it is in or in one stage of its life."""
    terms = f"h.area_path >= {_unseen(1)} AND h.area_path < {_unseen(2)}"
    terms += " AND h.overdue_since IS NULL" if overdue is False else ""
    branches = [terms]
    if state or level:
        stages = [(s, n) for s in ([state] if state else State) for n in ([level] if level else ("", *Level))]
        branches = [f"h.state = '{s}' AND coalesce(h.level, '') = '{n}' AND {terms}" for s, n in stages]
    key: Callable[[Facts], list[Key]] = lambda last: [last.area_path, last.id]  # noqa: E731
    return Walk("h.area_path, h.id", (str, UUID), key, branches, (seen.lo, seen.hi), blind=True)


def queue(seen: Window, state: State) -> Walk:
    """What is in a state in an area, by when it must leave it; what has no such time comes last."""
    terms, values = _queued(seen, state)
    return Walk(f"{URGENCY}, h.id", (datetime, UUID), _urgency, (terms,), values)


def overdue_queue(seen: Window, now: datetime, level: Level | None = None) -> Walk:
    """What is overdue in an area, longest first."""
    terms, values = _queued(seen, State.ORDERED)
    term, values = _overdue(values, now, URGENCY)
    terms += f" AND {term}" + (f" AND h.level = '{level}'" if level else "")
    return Walk(f"{URGENCY}, h.id", (datetime, UUID), _urgency, (terms,), values)


def theirs(seen: Window) -> tuple[str, list[Any]]:
    """The condition for rows of the enterprise of a window, with its values."""
    return "h.enterprise_id = $1 AND h.area_path >= $2 AND h.area_path < $3", [seen.enterprise_id, seen.lo, seen.hi]


def overdue_of(seen: Window, now: datetime) -> tuple[str, list[Any]]:
    """The condition for what is overdue of the enterprise of a window, with its values."""
    terms, values = theirs(seen)
    term, values = _overdue(values, now, "h.due_at")
    return f"{terms} AND h.state = '{State.ORDERED}' AND {term}", values


def _unseen(number: int, kind: type = str) -> str:
    """A value that the planner does not see. It takes an area whose paths fill no step of its histogram for empty, any
    index for good enough, and then reads all hazards of a grid to find those of one state."""
    return f"(SELECT ${number}::{_SQL_TYPES[kind]})"


def _overdue(values: Sequence[Any], now: datetime, due: str) -> tuple[str, list[Any]]:
    return f"{due} <= ${len(values) + 1} AND h.overdue_since IS NOT NULL", [*values, now + _AHEAD]


def _urgency(last: Facts) -> list[Key]:
    due = last.act_by or last.due_at
    if due is None:
        raise ValueError("a page of a queue ends at something that is due")
    return [due, last.id]


def _queued(seen: Window, state: State) -> tuple[str, list[Any]]:
    """The queue of the smallest area with one that holds the window; a window between two depths reads a part of it."""
    depths = _QUEUED_AT.get(state, _QUEUED_ELSE)
    depth = max((known for known in depths if known <= len(seen.lo)), default=depths[0])
    area, terms = f"left(h.area_path, {depth})", f"h.state = '{state}'"
    if len(seen.lo) == depth:
        return f"{area} = $1 AND {terms}", [seen.lo]
    if len(seen.lo) < depth:
        return f"{area} >= $1 AND {area} < $2 AND {terms}", [seen.lo, seen.hi]
    if len(seen.lo) == _DEEPEST:
        return f"{area} = $1 AND h.area_path = $2 AND {terms}", [seen.lo[:depth], seen.lo]
    return f"{area} = $1 AND h.area_path >= $2 AND h.area_path < $3 AND {terms}", [seen.lo[:depth], seen.lo, seen.hi]
