"""From policy rows to the documents of their answers."""

from dataclasses import asdict
from typing import Any, assert_never

from libs.common.actors import area_code
from libs.common.http import CREATED
from libs.common.idempotency import Answer
from libs.common.requests import etag
from services.hazards.api.rendering import to_bytes
from services.hazards.api.schemas.policies import DeadlinePolicyOut, EscalationPolicyOut, PolicyOut, ReminderPolicyOut
from services.hazards.domain.rules import AnyRule, DeadlineRule, EscalationRule, ReminderRule

ETAG = etag(1)  # a policy row never changes: a new one takes its place


def policy(rule: AnyRule) -> dict[str, Any]:
    """The row as its schema promises it."""
    return _place(rule)[1].model_dump(mode="json", by_alias=True)


def added(rule: AnyRule) -> Answer:
    """A new row: 201, where it is, and its ETag."""
    collection, document = _place(rule)
    headers = {"Location": f"/v1/{collection}/{rule.id}", "ETag": ETAG}
    return Answer(CREATED, to_bytes(document.model_dump(mode="json", by_alias=True)), headers)


def _place(rule: AnyRule) -> tuple[str, PolicyOut]:
    """The collection that a row is in, and its document."""
    values = asdict(rule) | {"area_code": area_code(rule.area_path) if rule.area_path else None}
    del values["area_path"]
    match rule:
        case DeadlineRule():
            return "deadline-policies", DeadlinePolicyOut(**values)
        case ReminderRule():
            return "reminder-policies", ReminderPolicyOut(**values)
        case EscalationRule():
            return "escalation-policies", EscalationPolicyOut(**values)
        case _ as never:
            assert_never(never)
