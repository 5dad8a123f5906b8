"""The copies of enterprises and areas that this service keeps from registry events."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from libs.common.db import Tx
from libs.common.ids import in_order
from libs.common.questions import Question
from services.hazards.domain.reporting import Site


class Enterprise(NamedTuple):
    id: UUID
    version: int
    name: str
    area_path: str
    risk_level: str | None
    status: str


class Area(NamedTuple):
    id: UUID
    version: int
    path: str
    name: str
    level: str
    valid_to: date | None


async def keep_enterprises(tx: Tx, enterprises: Sequence[Enterprise]) -> None:
    """Writes the newest version of each; an older or equal one changes nothing."""
    newest = {e.id: e for e in sorted(enterprises, key=lambda e: e.version)}
    rows = [newest[key] for key in in_order(newest)]
    await tx.execute(
        "INSERT INTO enterprises AS c (id, version, name, area_path, risk_level, status) "
        "SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[]) "
        "ON CONFLICT (id) DO UPDATE SET version = excluded.version, name = excluded.name, "
        "area_path = excluded.area_path, risk_level = excluded.risk_level, status = excluded.status "
        "WHERE c.version < excluded.version",
        [e.id for e in rows],
        [e.version for e in rows],
        [e.name for e in rows],
        [e.area_path for e in rows],
        [e.risk_level for e in rows],
        [e.status for e in rows],
    )


async def keep_areas(tx: Tx, areas: Sequence[Area]) -> None:
    """Writes the newest version of each; an older or equal one changes nothing."""
    newest = {a.id: a for a in sorted(areas, key=lambda a: a.version)}
    rows = [newest[key] for key in in_order(newest)]
    await tx.execute(
        "INSERT INTO areas AS c (id, version, path, name, level, valid_to) "
        "SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::date[]) "
        "ON CONFLICT (id) DO UPDATE SET version = excluded.version, path = excluded.path, name = excluded.name, "
        "level = excluded.level, valid_to = excluded.valid_to WHERE c.version < excluded.version",
        [a.id for a in rows],
        [a.version for a in rows],
        [a.path for a in rows],
        [a.name for a in rows],
        [a.level for a in rows],
        [a.valid_to for a in rows],
    )


def enterprise_sites(ids: Iterable[UUID]) -> Question[dict[UUID, Site]]:
    """Where these enterprises are; those not in the copy are missing."""
    return Question(
        lambda rows: {(id := UUID(row["id"])): Site(row["area_path"], id, row["name"]) for row in rows},
        "SELECT id, name, area_path FROM enterprises WHERE id = ANY($1::uuid[])",
        list(ids),
    )


def area_sites(paths: Iterable[str], day: date) -> Question[dict[str, Site]]:
    """The area nodes at these paths that are in force on the day (`valid_to` is the first day they are not)."""
    return Question(
        lambda rows: {row["path"]: Site(row["path"]) for row in rows},
        "SELECT DISTINCT path FROM areas WHERE path = ANY($1::text[]) AND (valid_to IS NULL OR valid_to > $2)",
        list(paths),
        day,
    )
