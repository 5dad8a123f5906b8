"""Copies of what the other services announced: areas, enterprises, hazards; the newest version stands."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from libs.common.db import Record, Tx
from services.notifications.domain.cases import Hazard
from services.notifications.store import rows, tables

_HAZARD_FIELDS = tuple(Hazard.__dataclass_fields__)


async def keep_areas(tx: Tx, areas: Sequence[dict[str, Any]]) -> None:
    """Keeps areas that are newer than the copy."""
    await rows.upsert(tx, tables.AreaCopy, _newest(areas))


async def keep_enterprises(tx: Tx, enterprises: Sequence[dict[str, Any]]) -> None:
    """Keeps enterprises that are newer than the copy."""
    await rows.upsert(tx, tables.EnterpriseCopy, _newest(enterprises))


async def keep_hazards(tx: Tx, hazards: Iterable[Hazard]) -> dict[UUID, Hazard]:
    """Keeps hazards that are newer than the copy and locks all of them; what stands afterwards."""
    newest = _newest([{field: getattr(hazard, field) for field in _HAZARD_FIELDS} for hazard in hazards])
    stand = {row["id"]: hazard_of(row) for row in await rows.upsert_returning(tx, tables.HazardCopy, newest)}
    older = [row["id"] for row in newest if row["id"] not in stand]
    return {**stand, **await hazards_of(tx, older)} if older else stand


async def hazards_of(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, Hazard]:
    """The copies with these ids."""
    found = await tx.fetch("SELECT * FROM hazards WHERE id = ANY($1::uuid[])", list(ids))
    return {row["id"]: hazard_of(row) for row in found}


def hazard_of(row: Record) -> Hazard:
    """The hazard in a row of its table."""
    return Hazard(**{field: row[field] for field in _HAZARD_FIELDS})


def _newest(items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row an id, the highest version: one statement cannot write a row twice."""
    return list({item["id"]: item for item in sorted(items, key=lambda item: item["version"])}.values())
