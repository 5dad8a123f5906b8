"""What a clock that rings changes. A clock that rings for nothing (too early, already done) is refused with NotDue."""

from datetime import datetime
from typing import Any

from services.hazards.domain.deadlines import local, overdue_from
from services.hazards.domain.errors import NotDue
from services.hazards.domain.facts import Facts, changed
from services.hazards.domain.lifecycle import Move


def rung(facts: Facts, move: Move, now: datetime) -> tuple[Facts, dict[str, Any] | None]:
    """The facts after the clock of that move rang. Raises NotDue."""
    match move:
        case Move.MISS_DEADLINE:
            return _deadline_missed(facts, now)
        case Move.REMIND:
            return _reminded(facts, now)
        case Move.ESCALATE:
            return _climbed(facts, now)
        case _:
            return _authority_late(facts, now)


def _deadline_missed(facts: Facts, now: datetime) -> tuple[Facts, dict[str, Any] | None]:
    if facts.due_at is None or facts.overdue_since is not None:
        raise NotDue
    since = overdue_from(facts.due_at)
    if now < since:
        raise NotDue
    return changed(facts, overdue_since=since, missed_deadlines=facts.missed_deadlines + 1), {
        "dueAt": local(facts.due_at)
    }


def _reminded(facts: Facts, now: datetime) -> tuple[Facts, dict[str, Any] | None]:
    if facts.due_at is None or facts.overdue_since is not None or now >= overdue_from(facts.due_at):
        raise NotDue
    return facts, {"dueAt": local(facts.due_at)}


def _climbed(facts: Facts, now: datetime) -> tuple[Facts, dict[str, Any] | None]:
    if facts.due_at is None or facts.ladder is None or facts.overdue_since is None:
        raise NotDue
    following = facts.ladder.next_rung(facts.due_at, facts.escalation_rung)
    if following is None or now < following[0]:
        raise NotDue
    rung, tier = facts.escalation_rung + 1, following[1].tier.value
    return changed(facts, escalation_rung=rung, escalation_tier=tier), {"rung": rung, "tier": tier}


def _authority_late(facts: Facts, now: datetime) -> tuple[Facts, dict[str, Any] | None]:
    """Verification, dispatch or re-inspection is late; said once."""
    if facts.act_by is None or facts.act_overdue_since is not None or now < overdue_from(facts.act_by):
        raise NotDue
    return changed(facts, act_overdue_since=overdue_from(facts.act_by)), {"actBy": local(facts.act_by)}
