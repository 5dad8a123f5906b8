"""The area tree in store: who is in force, whole nodes with their posts, writing many at once."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from libs.common.db import Record, Tx
from libs.common.outbox import announce
from services.registry.domain.area_files import NodeOnFile
from services.registry.domain.areas import Area, Post, position
from services.registry.domain.places import AreaLevel, Gazetteer, KnownArea
from services.registry.publishing import area_changed

STATE = """
SELECT a.*, (SELECT jsonb_agg(jsonb_build_array(person_id, role) ORDER BY id)
             FROM posts WHERE area_id = a.id AND valid_to IS NULL) AS posts
FROM areas a
"""
_INSERT = """
INSERT INTO areas (id, version, code, path, name, level, parent_code, valid_from, valid_to, changed_at)
SELECT t.*, $10 FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                            $8::date[], $9::date[]) AS t
"""
_UPDATE = """
UPDATE areas a SET version = t.version, name = t.name, valid_to = t.valid_to, changed_at = $5
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::date[]) AS t(id, version, name, valid_to) WHERE a.id = t.id
"""


async def gazetteer(tx: Tx, district_of: str) -> Gazetteer:
    """The streets, communities and grids in force at or below the path."""
    rows = await tx.fetch(
        "SELECT code, path, name, level FROM areas WHERE valid_to IS NULL AND path >= $1 AND path < $1 || ':'",
        district_of,
    )
    return Gazetteer.of(KnownArea(row["code"], row["path"], row["name"], AreaLevel(row["level"])) for row in rows)


async def on_file(tx: Tx) -> dict[str, NodeOnFile]:
    """Every node in force by its code, locked in code order: an import of areas holds the tree still."""
    rows = await tx.fetch("SELECT id, code, name FROM areas WHERE valid_to IS NULL ORDER BY code FOR UPDATE")
    return {row["code"]: NodeOnFile(row["id"], row["name"]) for row in rows}


async def in_force(tx: Tx, codes: Iterable[str]) -> dict[str, KnownArea]:
    """The nodes in force with these codes, kept from ending until the transaction does."""
    rows = await tx.fetch(
        "SELECT code, path, name, level FROM areas WHERE code = ANY($1::text[]) AND valid_to IS NULL "
        "ORDER BY code FOR SHARE",
        sorted(set(codes)),
    )
    return {row["code"]: KnownArea(row["code"], row["path"], row["name"], AreaLevel(row["level"])) for row in rows}


async def lock(tx: Tx, codes: Iterable[str]) -> dict[str, Area]:
    """The nodes in force with these codes, whole and locked."""
    rows = await tx.fetch(
        "SELECT id FROM areas WHERE code = ANY($1::text[]) AND valid_to IS NULL ORDER BY code FOR UPDATE",
        sorted(set(codes)),
    )
    return {area.position.code: area for area in await read(tx, [row["id"] for row in rows])}


async def read(tx: Tx, ids: Sequence[UUID]) -> list[Area]:
    """The nodes with these ids, whole."""
    return [to_area(row) for row in await tx.fetch(f"{STATE} WHERE a.id = ANY($1::uuid[]) ORDER BY a.code", ids)]


def to_area(row: Record) -> Area:
    """A row with its posts as the aggregate."""
    return Area(
        row["id"],
        row["version"],
        position(row["code"]),
        row["name"],
        row["valid_from"],
        row["valid_to"],
        [Post(UUID(person), role) for person, role in row["posts"] or ()],
    )


async def write_made(tx: Tx, made: Sequence[Area], now: datetime) -> None:
    """Writes new nodes and announces each."""
    if made:
        await tx.execute(
            _INSERT,
            [a.id for a in made],
            [a.version for a in made],
            [a.position.code for a in made],
            [a.position.path for a in made],
            [a.name for a in made],
            [a.position.level for a in made],
            [a.position.parent_code for a in made],
            [a.valid_from for a in made],
            [a.valid_to for a in made],
            now,
        )
        await announce(tx, area_changed(made, now))


async def write_changed(tx: Tx, changed: Sequence[Area], now: datetime) -> None:
    """Writes nodes that are locked as they are now, and announces each."""
    if changed:
        await tx.execute(
            _UPDATE,
            [a.id for a in changed],
            [a.version for a in changed],
            [a.name for a in changed],
            [a.valid_to for a in changed],
            now,
        )
        await announce(tx, area_changed(changed, now))


async def with_parts(tx: Tx, codes: Sequence[str]) -> set[str]:
    """Those of the nodes in force that still have nodes or open enterprises below them."""
    rows = await tx.fetch(
        """
        SELECT a.code FROM areas a WHERE a.code = ANY($1::text[]) AND a.valid_to IS NULL AND (
            EXISTS (SELECT 1 FROM areas b WHERE b.parent_code = a.code AND b.valid_to IS NULL)
            OR EXISTS (SELECT 1 FROM enterprises e
                       WHERE e.area_path >= a.path AND e.area_path < a.path || ':' AND e.status = 'active'))
        """,
        codes,
    )
    return {row["code"] for row in rows}
