"""Persons and posts in store."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from libs.common.db import Record, Tx
from libs.common.ids import in_order
from services.registry.domain.people import Person

_INSERT = """
INSERT INTO persons (id, version, name, phone, area_path, enterprise_id, changed_at)
SELECT t.*, $7 FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::text[], $6::uuid[]) AS t
"""
_UPDATE = """
UPDATE persons p SET version = t.version, name = t.name, phone = t.phone, changed_at = $5
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[]) AS t(id, version, name, phone) WHERE p.id = t.id
"""
_POSTS_OF = """
SELECT o.person_id, jsonb_agg(jsonb_build_object('role', o.role, 'areaCode', a.code, 'enterpriseId', o.enterprise_id,
                                                 'validFrom', o.valid_from) ORDER BY o.id) AS posts
FROM posts o LEFT JOIN areas a ON a.id = o.area_id
WHERE o.person_id = ANY($1::uuid[]) AND o.valid_to IS NULL GROUP BY o.person_id
"""
_POST = """
INSERT INTO posts (id, person_id, role, area_id, enterprise_id, valid_from) VALUES ($1, $2, $3, $4, $5, $6)
"""
_END = """
UPDATE posts SET valid_to = $5 WHERE person_id = $1 AND role = $2 AND valid_to IS NULL
AND area_id IS NOT DISTINCT FROM $3 AND enterprise_id IS NOT DISTINCT FROM $4
"""


def to_person(row: Record) -> Person:
    """A row as the aggregate."""
    return Person(row["id"], row["version"], row["name"], row["phone"], row["area_path"], row["enterprise_id"])


async def lock(tx: Tx, ids: Iterable[UUID]) -> dict[UUID, Person]:
    """The persons with these ids, locked in id order."""
    rows = await tx.fetch("SELECT * FROM persons WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE", in_order(ids))
    return {row["id"]: to_person(row) for row in rows}


async def posts_of(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """The posts that these persons hold now."""
    rows = await tx.fetch(_POSTS_OF, ids)
    return {row["person_id"]: row["posts"] for row in rows}


async def insert(tx: Tx, persons: Sequence[Person], now: datetime) -> None:
    """Writes new persons."""
    if persons:
        await tx.execute(
            _INSERT,
            [p.id for p in persons],
            [p.version for p in persons],
            [p.name for p in persons],
            [p.phone for p in persons],
            [p.area_path for p in persons],
            [p.enterprise_id for p in persons],
            now,
        )


async def update(tx: Tx, persons: Sequence[Person], now: datetime) -> None:
    """Writes persons that are locked as they are now."""
    if persons:
        await tx.execute(
            _UPDATE,
            [p.id for p in persons],
            [p.version for p in persons],
            [p.name for p in persons],
            [p.phone for p in persons],
            now,
        )


async def give_post(
    tx: Tx,
    id: UUID,
    person_id: UUID,
    role: str,
    today: date,
    *,
    area: UUID | None = None,
    enterprise: UUID | None = None,
) -> None:
    """Writes a post from today on, on a node or at an enterprise; the holder's place is locked."""
    await tx.execute(_POST, id, person_id, role, area, enterprise, today)


async def end_post(
    tx: Tx, person_id: UUID, role: str, today: date, *, area: UUID | None = None, enterprise: UUID | None = None
) -> None:
    """Ends a post; `today` is the first day without it."""
    await tx.execute(_END, person_id, role, area, enterprise, today)
