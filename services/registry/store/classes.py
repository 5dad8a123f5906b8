"""Class schemes in store: what holds at a place on a day, and putting a new scheme in place."""

from datetime import date

from libs.common.db import Record, Tx
from services.registry.domain.classes import ClassScheme, EnterpriseClass, Schemes

_IN_FORCE = """
SELECT * FROM enterprise_classes
WHERE starts_with($1, area_path) AND effective_from <= $2 AND (effective_to IS NULL OR effective_to > $2)
  AND area_path = (SELECT area_path FROM enterprise_classes
                   WHERE starts_with($1, area_path) AND effective_from <= $2
                     AND (effective_to IS NULL OR effective_to > $2)
                   ORDER BY length(area_path) DESC LIMIT 1)
ORDER BY rank
"""
_INSERT = """
INSERT INTO enterprise_classes (area_path, code, label, meaning, rank, effective_from, basis)
SELECT $1, code, label, meaning, rank, $6, $7
FROM unnest($2::text[], $3::text[], $4::text[], $5::smallint[]) AS t(code, label, meaning, rank)
"""


async def in_force(tx: Tx, path: str, day: date) -> ClassScheme:
    """The scheme that holds at the path on the day; without any class when there is none."""
    rows = await tx.fetch(_IN_FORCE, path, day)
    if not rows:
        return ClassScheme("", day, "", ())
    return ClassScheme(
        rows[0]["area_path"],
        max(row["effective_from"] for row in rows),
        rows[0]["basis"],
        [_class(row) for row in rows],
    )


def _class(row: Record) -> EnterpriseClass:
    return EnterpriseClass(row["code"], row["label"], row["meaning"], row["rank"])


async def schemes_in_force(tx: Tx, day: date) -> Schemes:
    """The codes of every scheme in force on the day, by its path."""
    rows = await tx.fetch(
        "SELECT area_path, array_agg(code) AS codes FROM enterprise_classes "
        "WHERE effective_from <= $1 AND (effective_to IS NULL OR effective_to > $1) GROUP BY area_path",
        day,
    )
    return {row["area_path"]: frozenset(row["codes"]) for row in rows}


async def replace(tx: Tx, scheme: ClassScheme) -> None:
    """Puts the scheme in place from its first day on: what held at its path ends then."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"class scheme {scheme.area_path}")
    await tx.execute(
        "DELETE FROM enterprise_classes WHERE area_path = $1 AND effective_from >= $2",
        scheme.area_path,
        scheme.effective_from,
    )
    await tx.execute(
        "UPDATE enterprise_classes SET effective_to = $2 "
        "WHERE area_path = $1 AND (effective_to IS NULL OR effective_to > $2)",
        scheme.area_path,
        scheme.effective_from,
    )
    await tx.execute(
        _INSERT,
        scheme.area_path,
        [one.code for one in scheme.classes],
        [one.label for one in scheme.classes],
        [one.meaning for one in scheme.classes],
        [one.rank for one in scheme.classes],
        scheme.effective_from,
        scheme.basis,
    )
