"""Routes of policy rows: deadlines, reminders, escalation."""

from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from libs.common.actors import Actor, area_path
from libs.common.clock import SHANGHAI
from libs.common.errors import IdempotencyKeyReused, InvalidCursor, NotFound
from libs.common.http import CREATED, problems, respond
from libs.common.ids import new_id
from libs.common.models import Page, Paging
from libs.common.requests import CurrentActor, IdempotencyClaim
from services.hazards.api.policy_rendering import ETAG, policy
from services.hazards.api.rendering import to_bytes
from services.hazards.api.schemas.policies import (
    DeadlinePolicyIn,
    DeadlinePolicyOut,
    EscalationPolicyIn,
    EscalationPolicyOut,
    PolicyIn,
    ReminderPolicyIn,
    ReminderPolicyOut,
)
from services.hazards.api.wiring import Wired, Wiring
from services.hazards.domain.errors import UnknownArea, UnknownCategory, WrongRole
from services.hazards.domain.rules import DeadlineRule, EscalationRule, ReminderRule
from services.hazards.operations.policies import PolicyCommand
from services.hazards.views import policies as views

R = TypeVar("R", DeadlineRule, ReminderRule, EscalationRule)

router = APIRouter(prefix="/v1", tags=["规则"])

PolicyId = Annotated[UUID, Path(alias="policyId", description="规则的标识")]
Asked = Annotated[Paging, Query()]
_ADDING = problems(WrongRole, UnknownArea, UnknownCategory, IdempotencyKeyReused)
_LISTING = problems(InvalidCursor)
_READING = problems(NotFound)


@router.post(
    "/deadline-policies",
    operation_id="addDeadlinePolicy",
    summary="新增期限规则",
    status_code=CREATED,
    response_model=DeadlinePolicyOut,
    responses=_ADDING,
)
async def add_deadline_policy(
    actor: CurrentActor, body: DeadlinePolicyIn, claim: IdempotencyClaim, wiring: Wired
) -> Response:
    term = body.term()
    row = DeadlineRule(
        **_common(body, actor, wiring),
        clock=body.clock.value,
        category=body.category,
        period=body.period,
        counting=term.counting.value,
        roll_forward=term.roll,
    )
    return respond(await wiring.policies.submit(PolicyCommand(row, actor), claim))


@router.get(
    "/deadline-policies",
    operation_id="listDeadlinePolicies",
    summary="期限规则：适用于您辖区的和辖区内的",
    response_model=Page[DeadlinePolicyOut],
    responses=_LISTING,
)
async def list_deadline_policies(actor: CurrentActor, asked: Asked, wiring: Wired) -> Response:
    return await _list(wiring, actor, DeadlineRule, asked)


@router.get(
    "/deadline-policies/{policyId}",
    operation_id="getDeadlinePolicy",
    summary="查看一条期限规则",
    response_model=DeadlinePolicyOut,
    responses=_READING,
)
async def get_deadline_policy(actor: CurrentActor, policy_id: PolicyId, wiring: Wired) -> Response:
    return await _get(wiring, actor, DeadlineRule, policy_id)


@router.post(
    "/reminder-policies",
    operation_id="addReminderPolicy",
    summary="新增提醒规则",
    status_code=CREATED,
    response_model=ReminderPolicyOut,
    responses=_ADDING,
)
async def add_reminder_policy(
    actor: CurrentActor, body: ReminderPolicyIn, claim: IdempotencyClaim, wiring: Wired
) -> Response:
    row = ReminderRule(**_common(body, actor, wiring), before=body.before, at_time=body.at_time)
    return respond(await wiring.policies.submit(PolicyCommand(row, actor), claim))


@router.get(
    "/reminder-policies",
    operation_id="listReminderPolicies",
    summary="提醒规则：适用于您辖区的和辖区内的",
    response_model=Page[ReminderPolicyOut],
    responses=_LISTING,
)
async def list_reminder_policies(actor: CurrentActor, asked: Asked, wiring: Wired) -> Response:
    return await _list(wiring, actor, ReminderRule, asked)


@router.get(
    "/reminder-policies/{policyId}",
    operation_id="getReminderPolicy",
    summary="查看一条提醒规则",
    response_model=ReminderPolicyOut,
    responses=_READING,
)
async def get_reminder_policy(actor: CurrentActor, policy_id: PolicyId, wiring: Wired) -> Response:
    return await _get(wiring, actor, ReminderRule, policy_id)


@router.post(
    "/escalation-policies",
    operation_id="addEscalationPolicy",
    summary="新增逾期升级规则",
    status_code=CREATED,
    response_model=EscalationPolicyOut,
    responses=_ADDING,
)
async def add_escalation_policy(
    actor: CurrentActor, body: EscalationPolicyIn, claim: IdempotencyClaim, wiring: Wired
) -> Response:
    steps = [{"tier": step.tier.value, "after": step.after} for step in body.steps]
    row = EscalationRule(**_common(body, actor, wiring), steps=steps)
    return respond(await wiring.policies.submit(PolicyCommand(row, actor), claim))


@router.get(
    "/escalation-policies",
    operation_id="listEscalationPolicies",
    summary="逾期升级规则：适用于您辖区的和辖区内的",
    response_model=Page[EscalationPolicyOut],
    responses=_LISTING,
)
async def list_escalation_policies(actor: CurrentActor, asked: Asked, wiring: Wired) -> Response:
    return await _list(wiring, actor, EscalationRule, asked)


@router.get(
    "/escalation-policies/{policyId}",
    operation_id="getEscalationPolicy",
    summary="查看一条逾期升级规则",
    response_model=EscalationPolicyOut,
    responses=_READING,
)
async def get_escalation_policy(actor: CurrentActor, policy_id: PolicyId, wiring: Wired) -> Response:
    return await _get(wiring, actor, EscalationRule, policy_id)


def _common(body: PolicyIn, actor: Actor, wiring: Wiring) -> dict[str, Any]:
    now = wiring.clock.now()
    return {
        "id": new_id(),
        "code": body.code,
        "area_path": area_path(body.area_code) if body.area_code else actor.scope.area_path,
        "level": body.level.value if body.level else None,
        "basis": body.basis,
        "effective_from": body.effective_from or now.astimezone(SHANGHAI).date(),
        "effective_to": body.effective_to,
        "created_by": actor.id,
        "created_at": now,
    }


async def _list(wiring: Wiring, actor: Actor, rule: type[R], asked: Paging) -> Response:
    async with wiring.db.transaction() as tx:
        page = await views.policies(tx, actor.scope, rule, asked.cursor, asked.limit)
    document = {"items": [policy(found) for found in page.items], "nextCursor": page.next_cursor, "total": None}
    return Response(to_bytes(document), media_type="application/json")


async def _get(wiring: Wiring, actor: Actor, rule: type[R], policy_id: UUID) -> Response:
    async with wiring.db.transaction() as tx:
        found = await views.policy(tx, actor.scope, rule, policy_id)
    return Response(to_bytes(policy(found)), headers={"ETag": ETAG}, media_type="application/json")
