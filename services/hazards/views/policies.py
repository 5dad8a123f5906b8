"""Policy rows and code tables, as far as they concern the caller."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Generic, TypeVar
from uuid import UUID

from sqlalchemy import tuple_
from sqlmodel import and_, col, or_, select

from libs.common.actors import Scope
from libs.common.cursors import decode_cursor, encode_cursor
from libs.common.db import Tx
from libs.common.errors import NotFound
from services.hazards.domain.rules import DeadlineRule, EscalationRule, ReminderRule
from services.hazards.store.policies import TABLE_OF
from services.hazards.store.tables import CodeValue, PolicyColumns

R = TypeVar("R", DeadlineRule, ReminderRule, EscalationRule)


@dataclass(frozen=True, slots=True)
class PolicyPage(Generic[R]):
    items: Sequence[R]
    next_cursor: str | None


async def policies(tx: Tx, scope: Scope, rule: type[R], cursor: str | None, limit: int) -> PolicyPage[R]:
    """Rows that hold for the caller's place, and those of the places below it. Raises InvalidCursor."""
    after = decode_cursor(cursor, str, UUID)
    table = TABLE_OF[rule]
    place, key = col(table.area_path), col(table.id)
    lo, hi = scope.bounds()
    above = place.in_([scope.area_path[:n] for n in range(len(scope.area_path) + 1)])
    visible = above if scope.enterprise_id is not None else or_(above, and_(place >= lo, place < hi))
    statement = select(table).where(visible).order_by(place, key).limit(limit + 1)
    if after is not None:
        statement = statement.where(tuple_(place, key) > after)
    rows = (await tx.session().exec(statement)).all()
    more = len(rows) > limit
    last = rows[limit - 1] if more else None
    return PolicyPage(
        [_rule(rule, row) for row in rows[:limit]], encode_cursor([last.area_path, last.id]) if last else None
    )


async def policy(tx: Tx, scope: Scope, rule: type[R], policy_id: UUID) -> R:
    """One row. Raises NotFound, also for what lies outside the scope."""
    row = await tx.session().get(TABLE_OF[rule], policy_id)
    if row is None or not (scope.area_path.startswith(row.area_path) or scope.covers(row.area_path, None)):
        raise NotFound
    return _rule(rule, row)


async def codes(tx: Tx, code_table: str) -> Sequence[tuple[str, str]]:
    """Codes with their labels, in the order in which they are shown."""
    statement = (
        select(CodeValue)
        .where(CodeValue.code_table == code_table)
        .order_by(col(CodeValue.position), col(CodeValue.code))
    )
    return [(row.code, row.label) for row in (await tx.session().exec(statement)).all()]


def _rule(rule: type[R], row: PolicyColumns) -> R:
    return rule(**{field.name: getattr(row, field.name) for field in fields(rule)})
