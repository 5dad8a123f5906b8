"""When the clocks that a row of the table starts will ring."""

from dataclasses import dataclass
from datetime import datetime

from services.hazards.domain.deadlines import overdue_from
from services.hazards.domain.facts import Facts
from services.hazards.domain.lifecycle import ClockKind, Rule


@dataclass(frozen=True, slots=True)
class ClockStart:
    """A timer row to be: one a kind, replacing the former."""

    kind: ClockKind
    rings_at: datetime


def starts(rule: Rule, facts: Facts, now: datetime) -> tuple[ClockStart, ...]:
    """The clocks of the row, by the facts as they are after the move; none that has nothing to ring for."""
    times = ((kind, _rings_at(kind, facts, now)) for kind in rule.starts)
    return tuple(ClockStart(kind, at) for kind, at in times if at is not None)


def _rings_at(kind: ClockKind, facts: Facts, now: datetime) -> datetime | None:
    match kind:
        case ClockKind.VERIFICATION | ClockKind.DISPATCH | ClockKind.REINSPECTION:
            return overdue_from(facts.act_by) if facts.act_by else None
        case ClockKind.DEADLINE:
            return overdue_from(facts.due_at) if facts.due_at else None
        case ClockKind.REMINDER:
            return facts.ladder.next_reminder(facts.due_at, now) if facts.ladder and facts.due_at else None
        case ClockKind.ESCALATION:
            if facts.ladder is None or facts.due_at is None:
                return None
            rung = facts.ladder.next_rung(facts.due_at, facts.escalation_rung)
            return rung[0] if rung else None
