"""The history of classes, risk levels and states in store."""

from collections import defaultdict
from collections.abc import Sequence
from operator import attrgetter
from uuid import UUID

from libs.common.db import Tx
from services.registry.domain.enterprises import Grading, GradingKind

_COLUMNS = ("id", "enterprise_id", "kind", "value", "effective_on", "reason", "actor_id", "recorded_at")
_row = attrgetter(*_COLUMNS)


async def insert(tx: Tx, gradings: Sequence[Grading]) -> None:
    """Adds to the history."""
    if gradings:
        await tx.copy("gradings", _COLUMNS, map(_row, gradings))


async def of(tx: Tx, enterprise_ids: Sequence[UUID]) -> dict[UUID, list[Grading]]:
    """The whole history of these enterprises, by the day from which each counts."""
    rows = await tx.fetch(
        "SELECT * FROM gradings WHERE enterprise_id = ANY($1::uuid[]) ORDER BY effective_on, recorded_at, id",
        enterprise_ids,
    )
    found: defaultdict[UUID, list[Grading]] = defaultdict(list)
    for row in rows:
        found[row["enterprise_id"]].append(
            Grading(
                row["id"],
                row["enterprise_id"],
                GradingKind(row["kind"]),
                row["value"],
                row["effective_on"],
                row["reason"],
                row["actor_id"],
                row["recorded_at"],
            )
        )
    return found
