"""What an order must settle (五落实) and until when: the officer's own time limit, else the one of policy."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from libs.common.actors import Actor
from libs.common.errors import FieldError
from services.hazards.domain.deadlines import Deadline, local
from services.hazards.domain.errors import BadTimeLimit, OrderIncomplete
from services.hazards.domain.facts import Facts
from services.hazards.domain.lifecycle import ClockKind
from services.hazards.domain.moves import Duties
from services.hazards.domain.rulebook import Rulebook, Subject
from services.hazards.domain.vocabulary import Handling, OrderKind

AT_ONCE = timedelta(seconds=5)  # "at once" as the caller's clock wrote it may have passed when it arrives
FARTHEST = timedelta(days=3660)


def ordered(
    facts: Facts, kind: OrderKind, duties: Duties, actor: Actor, now: datetime, rules: Rulebook
) -> tuple[Facts, dict[str, Any]]:
    """Obliges someone: terms, deadline, and the ladder frozen on the case. Raises OrderIncomplete or BadTimeLimit."""
    errors = _missing(duties)
    deadline = _time_limit(facts, duties.due_at, now, rules)
    if deadline is None:
        errors.append(FieldError("/dueAt", "time_limit_missing", "未填写整改时限，也没有适用的期限规则"))
    if errors or deadline is None:
        raise OrderIncomplete("；".join(error.message for error in errors), errors)
    terms = {
        "kind": kind.value,
        "measures": duties.measures,
        "responsible": duties.responsible,
        "funds": duties.funds,
        "contingencyPlan": duties.contingency_plan,
        "interimMeasures": duties.interim_measures,
        "orderedBy": actor.id,
        "orderedAt": local(now),
    }
    ladder = rules.ladder(Subject(facts.area_path, facts.level, facts.category), now)
    changed = replace(
        _due(facts, deadline),
        handling=Handling.ORDERED,
        order_terms=terms,
        ladder=ladder,
    )
    return changed, {**terms, "dueAt": local(deadline.at)}


def ordered_again(
    facts: Facts, due_at: datetime | None, now: datetime, rules: Rulebook
) -> tuple[Facts, dict[str, Any]]:
    """The next round after a failed re-inspection: same terms, new deadline. Raises OrderIncomplete or BadTimeLimit."""
    deadline = _time_limit(facts, due_at, now, rules)
    if deadline is None:
        raise OrderIncomplete(errors=[FieldError("/dueAt", "time_limit_missing", "没有适用的期限规则")])
    return _due(facts, deadline), {"dueAt": local(deadline.at)}


def _due(facts: Facts, deadline: Deadline) -> Facts:
    return replace(
        facts, due_at=deadline.at, due_provisional=deadline.provisional, submitted_by=None, submitted_at=None
    )


def _missing(duties: Duties) -> list[FieldError]:
    required = (
        ("measures", "measures_missing", "须落实整改措施", duties.measures),
        ("responsible", "responsible_missing", "须落实整改责任人", duties.responsible),
        ("funds", "funds_missing", "须落实整改资金", duties.funds),
        ("contingencyPlan", "contingency_plan_missing", "须落实应急预案", duties.contingency_plan),
    )
    return [
        FieldError(f"/{name}", code, message)
        for name, code, message, value in required
        if value is None or (isinstance(value, str) and not value.strip())
    ]


def _time_limit(facts: Facts, due_at: datetime | None, now: datetime, rules: Rulebook) -> Deadline | None:
    if due_at is None:
        return rules.deadline(ClockKind.DEADLINE, Subject(facts.area_path, facts.level, facts.category), now, now)
    if due_at < now - AT_ONCE:
        raise BadTimeLimit(errors=[FieldError("/dueAt", "time_limit_past", "整改时限不得早于现在")])
    if due_at > now + FARTHEST:
        raise BadTimeLimit(errors=[FieldError("/dueAt", "time_limit_too_far", "整改时限过远")])
    return Deadline(max(due_at, now), provisional=False)
