"""Rows of `hazards`: read and locked, inserted and updated in sets; a row is `Facts` on this side of the border."""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any
from uuid import UUID

from libs.common.db import Record, Tx, to_json
from libs.common.ids import in_order
from services.hazards.domain import escalation
from services.hazards.domain.facts import Facts
from services.hazards.domain.lifecycle import State
from services.hazards.domain.vocabulary import Handling, Level, Source

_Getter = Callable[[Facts], Any]


def _json(value: Any) -> str | None:
    return None if value is None else to_json(value)


# What never changes after the report, and what a move may change: column, array type, value.
_FIXED: tuple[tuple[str, str, _Getter], ...] = (
    ("id", "uuid", lambda f: f.id),
    ("number", "text", lambda f: f.number),
    ("suggested_level", "text", lambda f: f.suggested_level),
    ("source", "text", lambda f: f.source),
    ("description", "text", lambda f: f.description),
    ("place", "text", lambda f: f.place),
    ("area_path", "text", lambda f: f.area_path),
    ("enterprise_id", "uuid", lambda f: f.enterprise_id),
    ("enterprise_name", "text", lambda f: f.enterprise_name),
    ("reported_by", "text", lambda f: f.reported_by),
    ("reported_at", "timestamptz", lambda f: f.reported_at),
)
_MOVING: tuple[tuple[str, str, _Getter], ...] = (
    ("version", "int", lambda f: f.version),
    ("state", "text", lambda f: f.state),
    ("level", "text", lambda f: f.level),
    ("category", "text", lambda f: f.category),
    ("handling", "text", lambda f: f.handling),
    ("round", "smallint", lambda f: f.round),
    ("due_at", "timestamptz", lambda f: f.due_at),
    ("due_provisional", "boolean", lambda f: f.due_provisional),
    ("overdue_since", "timestamptz", lambda f: f.overdue_since),
    ("missed_deadlines", "smallint", lambda f: f.missed_deadlines),
    ("act_by", "timestamptz", lambda f: f.act_by),
    ("act_overdue_since", "timestamptz", lambda f: f.act_overdue_since),
    ("escalation_rung", "smallint", lambda f: f.escalation_rung),
    ("escalation_tier", "text", lambda f: f.escalation_tier),
    ("ladder", "jsonb", lambda f: None if f.ladder is None else to_json(escalation.to_data(f.ladder))),
    ("basis", "jsonb", lambda f: _json(f.basis)),
    ("order_terms", "jsonb", lambda f: _json(f.order_terms)),
    ("submitted_by", "text", lambda f: f.submitted_by),
    ("submitted_at", "timestamptz", lambda f: f.submitted_at),
    ("closed_at", "timestamptz", lambda f: f.closed_at),
    ("changed_at", "timestamptz", lambda f: f.changed_at),
)
_ALL = _FIXED + _MOVING


def _arrays(columns: Sequence[tuple[str, str, _Getter]]) -> str:
    return ", ".join(f"${nr}::{kind}[]" for nr, (_, kind, _) in enumerate(columns, 1))


# A frozen ladder is the same text on many rows: it is read as text, so that it need be understood once.
_READ_AS = {"ladder": "h.ladder::text AS ladder"}
COLUMNS = ", ".join(_READ_AS.get(name, f"h.{name}") for name, _, _ in _ALL)

# Of what a move may change, only these differ between two hazards at birth; the rest is said once for all of them.
_BORN_APART = tuple(column for column in _ALL if column in _FIXED or column[0] in ("category", "act_by"))
_BORN_ALIKE = tuple(column for column in _ALL if column not in _BORN_APART)
_INSERT = f"""
INSERT INTO hazards ({", ".join(name for name, _, _ in (*_BORN_APART, *_BORN_ALIKE))})
SELECT u.*, {", ".join(f"${nr}::{kind}" for nr, (_, kind, _) in enumerate(_BORN_ALIKE, len(_BORN_APART) + 1))}
FROM unnest({_arrays(_BORN_APART)}) AS u
"""
_moving = attrgetter(*(name for name, _, _ in _MOVING))
_LOCK = f"SELECT {COLUMNS} FROM hazards h WHERE h.id = ANY($1::uuid[]) ORDER BY h.id FOR UPDATE"
_READ = f"SELECT {COLUMNS} FROM hazards h WHERE h.id = $1"


class LostUpdate(RuntimeError):
    """A row changed under our lock: never in a sound system, so the transaction must not stand."""


async def insert(tx: Tx, hazards: Sequence[Facts]) -> None:
    """Writes new hazards with one statement."""
    if hazards:
        alike = [value(hazards[0]) for _, _, value in _BORN_ALIKE]
        await tx.write("hazards", _INSERT, *_columns(hazards, _BORN_APART), *alike)


async def update(tx: Tx, before: Sequence[Facts], after: Sequence[Facts]) -> None:
    """Writes what moves changed with one statement, testing the version again. Raises LostUpdate.

    `after` holds the same hazards in the same order. Columns that none of them changed are not written.
    """
    if not after:
        return
    columns = zip(zip(*map(_moving, before), strict=True), zip(*map(_moving, after), strict=True), strict=True)
    changed = tuple(nr for nr, (old, new) in enumerate(columns) if old != new)
    values = _columns(after, [_MOVING[nr] for nr in changed])
    tag = await tx.execute(_update(changed), [h.id for h in after], [h.version for h in before], *values)
    if int(tag.split()[-1]) != len(after):
        raise LostUpdate(tag)


@lru_cache(maxsize=256)
def _update(changed: tuple[int, ...]) -> str:
    """The statement for these places of `_MOVING`."""
    columns = [_MOVING[nr] for nr in changed]
    arrays = ", ".join(f"${nr}::{kind}[]" for nr, (_, kind, _) in enumerate(columns, 3))
    return (
        f"UPDATE hazards h SET {', '.join(f'{name} = u.{name}' for name, _, _ in columns)} "
        f"FROM unnest($1::uuid[], $2::int[], {arrays}) AS u(id, former, {', '.join(name for name, _, _ in columns)}) "
        "WHERE h.id = u.id AND h.version = u.former"
    )


async def lock(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, Facts]:
    """The hazards of these ids that exist, locked in id order, so that no two batches wait for each other."""
    rows = await tx.fetch(_LOCK, in_order(ids))
    return {row["id"]: facts(row) for row in rows}


async def read(tx: Tx, hazard_id: UUID) -> Facts | None:
    """The hazard as it is now, not locked."""
    row = await tx.fetchrow(_READ, hazard_id)
    return facts(row) if row else None


def facts(row: Record) -> Facts:
    """A row as facts."""
    return Facts(
        id=row["id"],
        number=row["number"],
        version=row["version"],
        state=State(row["state"]),
        level=Level(row["level"]) if row["level"] else None,
        suggested_level=Level(row["suggested_level"]) if row["suggested_level"] else None,
        category=row["category"],
        source=Source(row["source"]),
        description=row["description"],
        place=row["place"],
        area_path=row["area_path"],
        enterprise_id=row["enterprise_id"],
        enterprise_name=row["enterprise_name"],
        handling=Handling(row["handling"]),
        round=row["round"],
        due_at=row["due_at"],
        due_provisional=row["due_provisional"],
        overdue_since=row["overdue_since"],
        missed_deadlines=row["missed_deadlines"],
        act_by=row["act_by"],
        act_overdue_since=row["act_overdue_since"],
        escalation_rung=row["escalation_rung"],
        escalation_tier=row["escalation_tier"],
        ladder=_ladder(row["ladder"]) if row["ladder"] else None,
        basis=row["basis"],
        order_terms=row["order_terms"],
        submitted_by=row["submitted_by"],
        submitted_at=row["submitted_at"],
        reported_by=row["reported_by"],
        reported_at=row["reported_at"],
        closed_at=row["closed_at"],
        changed_at=row["changed_at"],
    )


@lru_cache(maxsize=1024)
def _ladder(text: str) -> escalation.Ladder:
    return escalation.from_data(json.loads(text))


def _columns(hazards: Sequence[Facts], columns: Sequence[tuple[str, str, _Getter]]) -> list[list[Any]]:
    return [[value(hazard) for hazard in hazards] for _, _, value in columns]
