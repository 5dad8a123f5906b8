"""Policy rows as administrators write and read them; `rulebook.py` is what they mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRule:
    """What every row says. `area_path` "" holds everywhere; both dates are included."""

    id: UUID
    code: str
    area_path: str
    level: str | None
    basis: str
    effective_from: date
    effective_to: date | None
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlineRule(PolicyRule):
    """How long a clock runs; `period` is ISO 8601."""

    clock: str
    category: str | None
    period: str
    counting: str
    roll_forward: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderRule(PolicyRule):
    """How long before a deadline its holder is reminded, as ISO 8601."""

    before: Sequence[str]
    at_time: time | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationRule(PolicyRule):
    """Which `tier` is told how long `after` the deadline (ISO 8601)."""

    steps: Sequence[dict[str, str]]


AnyRule = DeadlineRule | ReminderRule | EscalationRule
