"""Policy rows as facts: ladders and templates that may be in force at an instant."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from libs.common.questions import Question, Row, instant, instant_or_none
from services.notifications.domain.cases import Kind
from services.notifications.domain.durations import parse_duration
from services.notifications.domain.policies import LadderPolicy, Template
from services.notifications.store.alerts import rungs_from_data

P = TypeVar("P")


def _in_force(table: str, read: Callable[[Row], P], kinds: Iterable[Kind], now: datetime) -> Question[tuple[P, ...]]:
    return Question(
        lambda rows: tuple(map(read, rows)),
        f"SELECT * FROM {table} WHERE kind = ANY($1::text[]) AND effective_from <= $2 "
        "AND (effective_to IS NULL OR effective_to > $2)",
        [kind.value for kind in kinds],
        now,
    )


def ladders(kinds: Iterable[Kind], now: datetime) -> Question[tuple[LadderPolicy, ...]]:
    """Ladders in force for these kinds of cases, everywhere."""
    return _in_force("ladder_policies", _ladder, kinds, now)


def _ladder(row: Row) -> LadderPolicy:
    return LadderPolicy(
        id=UUID(row["id"]),
        kind=Kind(row["kind"]),
        level=row["level"],
        area_path=row["area_path"],
        rungs=rungs_from_data(row["rungs"]),
        recheck=parse_duration(row["recheck"]),
        effective_from=instant(row["effective_from"]),
        effective_to=instant_or_none(row["effective_to"]),
    )


def templates(kinds: Iterable[Kind], now: datetime) -> Question[tuple[Template, ...]]:
    """Templates in force for these kinds of cases, everywhere."""
    return _in_force("templates", _template, kinds, now)


def _template(row: Row) -> Template:
    return Template(
        id=UUID(row["id"]),
        kind=Kind(row["kind"]),
        area_path=row["area_path"],
        text=row["text"],
        effective_from=instant(row["effective_from"]),
        effective_to=instant_or_none(row["effective_to"]),
    )
