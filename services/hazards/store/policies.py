"""Policy rows: written once, never changed; a new row takes the place of an old one."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType

from libs.common.db import Tx
from services.hazards.domain.rules import AnyRule, DeadlineRule, EscalationRule, ReminderRule
from services.hazards.store.rulebooks import CATEGORIES, advance
from services.hazards.store.tables import (
    CodeValue,
    DeadlinePolicyRow,
    EscalationPolicyRow,
    PolicyRow,
    ReminderPolicyRow,
)

TABLE_OF: Mapping[type[AnyRule], type[PolicyRow]] = MappingProxyType(
    {DeadlineRule: DeadlinePolicyRow, ReminderRule: ReminderPolicyRow, EscalationRule: EscalationPolicyRow}
)


async def add(tx: Tx, rules: Sequence[AnyRule]) -> None:
    """Writes the rows; they are in force from the next transaction on."""
    session = tx.session()
    session.add_all([TABLE_OF[type(rule)](**asdict(rule)) for rule in rules])
    await session.flush()
    await advance(tx)


async def is_category(tx: Tx, code: str) -> bool:
    """Whether the code table has this category."""
    return await tx.session().get(CodeValue, (CATEGORIES, code)) is not None
