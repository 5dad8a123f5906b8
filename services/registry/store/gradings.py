"""The history of classes, risk levels and states in store."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from libs.common.db import Tx
from services.registry.domain.enterprises import Grading, GradingKind

_INSERT = """
INSERT INTO gradings (id, enterprise_id, kind, value, effective_on, reason, actor_id, recorded_at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::date[], $6::text[], $7::text[],
                     $8::timestamptz[])
"""


async def insert(tx: Tx, gradings: Sequence[Grading]) -> None:
    """Adds to the history."""
    if gradings:
        await tx.execute(
            _INSERT,
            [g.id for g in gradings],
            [g.enterprise_id for g in gradings],
            [g.kind for g in gradings],
            [g.value for g in gradings],
            [g.effective_on for g in gradings],
            [g.reason for g in gradings],
            [g.actor_id for g in gradings],
            [g.recorded_at for g in gradings],
        )


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
