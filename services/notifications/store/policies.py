"""Policy rows as facts: ladders and templates that may be in force at an instant."""

from collections.abc import Iterable
from datetime import datetime

from libs.common.db import Tx
from services.notifications.domain.cases import Kind
from services.notifications.domain.durations import parse_duration
from services.notifications.domain.policies import LadderPolicy, Template
from services.notifications.store.alerts import rungs_from_data

_IN_FORCE = (
    "SELECT * FROM {table} WHERE kind = ANY($1::text[]) AND effective_from <= $2 "
    "AND (effective_to IS NULL OR effective_to > $2)"
)


async def ladders(tx: Tx, kinds: Iterable[Kind], now: datetime) -> list[LadderPolicy]:
    """Ladders in force for these kinds of cases, everywhere."""
    found = await tx.fetch(_IN_FORCE.format(table="ladder_policies"), [kind.value for kind in kinds], now)
    return [
        LadderPolicy(
            id=row["id"],
            kind=Kind(row["kind"]),
            level=row["level"],
            area_path=row["area_path"],
            rungs=rungs_from_data(row["rungs"]),
            recheck=parse_duration(row["recheck"]),
            effective_from=row["effective_from"],
            effective_to=row["effective_to"],
        )
        for row in found
    ]


async def templates(tx: Tx, kinds: Iterable[Kind], now: datetime) -> list[Template]:
    """Templates in force for these kinds of cases, everywhere."""
    found = await tx.fetch(_IN_FORCE.format(table="templates"), [kind.value for kind in kinds], now)
    return [
        Template(
            id=row["id"],
            kind=Kind(row["kind"]),
            area_path=row["area_path"],
            text=row["text"],
            effective_from=row["effective_from"],
            effective_to=row["effective_to"],
        )
        for row in found
    ]
