"""From facts to the bytes of an answer."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from libs.common.actors import Actor, area_code
from libs.common.db import Record
from libs.common.errors import AppError
from libs.common.http import CREATED, OK, problem_document
from libs.common.idempotency import Answer
from libs.common.models import rfc3339
from libs.common.requests import etag
from services.hazards.api.schemas.hazards import LogEntryOut, LogOut
from services.hazards.domain.deadlines import days_overdue
from services.hazards.domain.decide import allowed_moves
from services.hazards.domain.facts import Facts
from services.hazards.domain.lifecycle import MOVE_LABELS, STATE_LABELS, Move
from services.hazards.domain.visibility import shows_reporter
from services.hazards.domain.vocabulary import LEVEL_LABELS
from services.hazards.operations.outcome import Outcome


def hazard(facts: Facts, actor: Actor, now: datetime) -> dict[str, Any]:
    """The hazard as `HazardOut` promises it, for this caller, at that time."""
    return {
        "id": str(facts.id),
        "number": facts.number,
        "state": facts.state,
        "stateLabel": STATE_LABELS[facts.state],
        "version": facts.version,
        "level": facts.level,
        "levelLabel": LEVEL_LABELS[facts.level] if facts.level else None,
        "suggestedLevel": facts.suggested_level,
        "category": facts.category,
        "source": facts.source,
        "description": facts.description,
        "areaCode": area_code(facts.area_path),
        "enterpriseId": str(facts.enterprise_id) if facts.enterprise_id else None,
        "enterpriseName": facts.enterprise_name,
        "place": facts.place,
        "handling": facts.handling,
        "round": facts.round,
        "dueAt": _time(facts.due_at),
        "dueProvisional": facts.due_provisional,
        "overdueSince": _time(facts.overdue_since),
        "overdueDays": days_overdue(facts.overdue_since, now),
        "missedDeadlines": facts.missed_deadlines,
        "actBy": _time(facts.act_by),
        "actOverdueSince": _time(facts.act_overdue_since),
        "escalationRung": facts.escalation_rung,
        "escalationTier": facts.escalation_tier,
        "basis": facts.basis,
        "order": _order(facts.order_terms),
        "reportedAt": rfc3339(facts.reported_at),
        "reportedBy": facts.reported_by if shows_reporter(facts, actor) else None,
        "submittedAt": _time(facts.submitted_at),
        "submittedBy": facts.submitted_by,
        "closedAt": _time(facts.closed_at),
        "changedAt": rfc3339(facts.changed_at),
        "allowedMoves": allowed_moves(facts, actor),
    }


def log(entries: Sequence[Record], facts: Facts, actor: Actor) -> LogOut:
    """The history of a hazard for this caller."""
    named = shows_reporter(facts, actor)
    return LogOut(items=[_entry(row, named or row["move"] != Move.REPORT) for row in entries])


def created(outcome: Outcome) -> Answer:
    """A new hazard: 201, where it is, and its ETag."""
    facts = outcome.facts
    headers = {"Location": f"/v1/hazards/{facts.id}", "ETag": etag(facts.version)}
    return Answer(CREATED, to_bytes(_just_changed(facts, outcome.actor)), headers)


def moved(outcome: Outcome) -> Answer:
    """The hazard after a move, and its ETag."""
    return Answer(OK, to_bytes(_just_changed(outcome.facts, outcome.actor)), {"ETag": etag(outcome.facts.version)})


def batch(refused: dict[int, AppError], count: int) -> Callable[[Sequence[Outcome | AppError]], Answer]:
    """Composes the answer of a bulk request: items refused before they were commands keep their places."""

    def compose(results: Sequence[Outcome | AppError]) -> Answer:
        done = iter(results)
        items = [_item(refused[i] if i in refused else next(done)) for i in range(count)]
        return Answer(OK, to_bytes({"items": items}))

    return compose


def to_bytes(document: Any) -> bytes:
    """The JSON text of an answer."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _just_changed(facts: Facts, actor: Actor) -> dict[str, Any]:
    return hazard(facts, actor, facts.changed_at)


def _entry(row: Record, named: bool) -> LogEntryOut:
    return LogEntryOut(
        version=row["version"],
        at=row["at"],
        move=row["move"],
        move_label=MOVE_LABELS[Move(row["move"])],
        from_state=row["from_state"],
        to_state=row["to_state"],
        actor_id=row["actor_id"] if named else None,
        actor_name=row["actor_name"] if named else None,
        tier=row["tier"],
        role=row["role"],
        round=row["round"],
        reason=row["reason"],
        details=row["details"],
    )


def _item(result: Outcome | AppError) -> dict[str, Any]:
    if isinstance(result, AppError):
        problem = problem_document(result)
        return {"status": problem["status"], "problem": problem}
    return {"status": CREATED, "hazard": _just_changed(result.facts, result.actor)}


def _order(terms: dict[str, Any] | None) -> dict[str, Any] | None:
    if terms is None:
        return None
    return {**terms, "orderedAt": rfc3339(datetime.fromisoformat(terms["orderedAt"]))}


def _time(instant: datetime | None) -> str | None:
    return None if instant is None else rfc3339(instant)
