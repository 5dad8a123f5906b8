"""What each move changes in the facts, and what of it goes into the log."""

from dataclasses import replace
from datetime import datetime
from typing import Any, assert_never

from libs.common.actors import Actor
from services.hazards.domain import finding, orders, ringing
from services.hazards.domain.deadlines import CLOCK_OF, local
from services.hazards.domain.facts import Facts, changed
from services.hazards.domain.lifecycle import FINAL, ClockKind, Rule, State
from services.hazards.domain.moves import (
    Assign,
    Fail,
    FixOnTheSpot,
    Order,
    Pass,
    Reject,
    Reopen,
    Request,
    Ring,
    Submit,
    Verify,
)
from services.hazards.domain.rulebook import Rulebook, Subject
from services.hazards.domain.vocabulary import Handling, Level, OrderKind

Details = dict[str, Any]


def after(
    facts: Facts, rule: Rule, request: Request, actor: Actor, now: datetime, rules: Rulebook
) -> tuple[Facts, Details | None]:
    """The facts after the move, one version on, with the details worth logging. Raises what the move itself refuses."""
    stepped = changed(
        facts,
        version=facts.version + 1,
        state=rule.target,
        round=facts.round + rule.opens_round,
        changed_at=now,
    )
    moved, details = _apply(stepped, request, actor, now, rules)
    if rule.target is not rule.source:
        moved = _enter(moved, rule.target, now, rules)
    return moved, details


def _apply(
    facts: Facts, request: Request, actor: Actor, now: datetime, rules: Rulebook
) -> tuple[Facts, Details | None]:
    match request:
        case Verify():
            return finding.verified(facts, request, rules)
        case Assign():
            return orders.ordered(facts, OrderKind.ASSIGNMENT, request.duties, actor, now, rules)
        case Order():
            return orders.ordered(facts, OrderKind.RECTIFICATION_ORDER, request.duties, actor, now, rules)
        case Fail():
            return orders.ordered_again(facts, request.due_at, now, rules)
        case FixOnTheSpot():
            level = facts.level or Level.GENERAL
            return replace(facts, handling=Handling.FIXED_ON_SPOT, level=level), {"handling": Handling.FIXED_ON_SPOT}
        case Submit():
            return replace(facts, submitted_by=actor.id, submitted_at=now), _lateness(facts)
        case Reopen():
            return _reopened(facts), None
        case Reject() | Pass():
            return facts, None
        case Ring():
            return ringing.rung(facts, request.move, now)
        case _ as never:
            assert_never(never)


def _enter(facts: Facts, state: State, now: datetime, rules: Rulebook) -> Facts:
    """A new state: its own clock, nobody overdue in it yet."""
    clock = CLOCK_OF.get(state)
    act_by = None
    if clock is not None and clock is not ClockKind.DEADLINE:
        start = now
        if clock is ClockKind.REINSPECTION and facts.due_at is not None:
            start = min(
                now, facts.due_at
            )  # from the application or the expiry, whichever comes first (order 15, art. 17)
        subject = Subject(facts.area_path, facts.level, facts.category)
        deadline = rules.deadline(clock, subject, start, now)
        act_by = deadline.at if deadline else None
    return replace(
        facts,
        act_by=act_by,
        act_overdue_since=None,
        overdue_since=None,
        escalation_rung=0,
        escalation_tier=None,
        closed_at=now if state in FINAL else None,
    )


def _reopened(facts: Facts) -> Facts:
    """The dossier stays; what was ordered and submitted before is in the log."""
    return replace(
        facts, handling=Handling.PRE_HANDLED, due_at=None, due_provisional=False, submitted_by=None, submitted_at=None
    )


def _lateness(facts: Facts) -> Details | None:
    if facts.overdue_since is None:
        return None
    return {"overdueSince": local(facts.overdue_since), "escalationRung": facts.escalation_rung}
