"""Routes of enterprises: the list, the file, opening and changing one, classes and risk levels."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from libs.common.clock import SHANGHAI
from libs.common.errors import Forbidden, IdempotencyKeyReused, InvalidCursor, PreconditionRequired, StaleVersion
from libs.common.http import CREATED, problems, respond
from libs.common.models import Day, Page
from libs.common.requests import CurrentActor, IdempotencyClaim, IfMatch
from services.registry.api import rendering
from services.registry.api.deps import Administrator, Grader
from services.registry.api.parsing import to_changes, to_record
from services.registry.api.schemas.enterprises import (
    ClassificationIn,
    EnterpriseFileOut,
    EnterpriseIn,
    EnterpriseOut,
    EnterprisePatch,
    GradingsOut,
    ReasonIn,
    RiskAssessmentIn,
)
from services.registry.api.schemas.filters import EnterpriseFilter
from services.registry.api.wiring import Wired
from services.registry.domain import errors
from services.registry.domain.enterprises import GradingKind, Status, value_on
from services.registry.domain.people import may_read_phones
from services.registry.operations.commands import Amend, Grade, Register, SetStatus
from services.registry.views import enterprises as views

router = APIRouter(prefix="/v1/enterprises", tags=["单位"])

EnterpriseId = Annotated[UUID, Path(alias="enterpriseId", description="单位的标识")]
_CHANGE = (errors.EnterpriseNotFound, errors.ClosedEnterprise, StaleVersion, PreconditionRequired)
_DOUBLES = (errors.DuplicateCreditCode, errors.DuplicateEnterprise)


@router.get(
    "",
    operation_id="listEnterprises",
    summary="单位台账：按区划、信用代码、名称、等级、分类等筛选",
    response_model=Page[EnterpriseOut],
    responses=problems(InvalidCursor),
)
async def list_enterprises(actor: CurrentActor, asked: Annotated[EnterpriseFilter, Query()], wiring: Wired) -> Response:
    async with wiring.db.transaction() as tx:
        found = await views.page(tx, actor.scope, asked.criteria(), asked.cursor, asked.limit, with_total=asked.total)
    return rendering.page(
        [rendering.enterprise(one, phones=False) for one in found.items], found.next_cursor, found.total
    )


@router.post(
    "",
    operation_id="registerEnterprise",
    summary="为一个单位建档",
    status_code=CREATED,
    response_model=EnterpriseOut,
    responses=problems(errors.NotAnAdministrator, errors.UnknownArea, *_DOUBLES, IdempotencyKeyReused),
)
async def register_enterprise(
    actor: Administrator, body: EnterpriseIn, claim: IdempotencyClaim, wiring: Wired
) -> Response:
    return respond(await wiring.register.submit(Register(to_record(body), body.area_code, actor), claim))


@router.get(
    "/{enterpriseId}",
    operation_id="getEnterprise",
    summary="一企一档",
    response_model=EnterpriseFileOut,
    responses=problems(errors.EnterpriseNotFound),
)
async def get_enterprise(actor: CurrentActor, enterprise_id: EnterpriseId, wiring: Wired) -> Response:
    async with wiring.db.transaction() as tx:
        one, history = await views.one(tx, actor.scope, enterprise_id)
    content = rendering.enterprise(one, phones=may_read_phones(actor))
    return rendering.document({**content, "history": rendering.history(history)}, one.version)


@router.patch(
    "/{enterpriseId}",
    operation_id="amendEnterprise",
    summary="修改档案",
    response_model=EnterpriseOut,
    responses=problems(*_CHANGE, errors.NotAnAdministrator, errors.UnknownArea, *_DOUBLES),
)
async def amend_enterprise(
    actor: Administrator, enterprise_id: EnterpriseId, version: IfMatch, body: EnterprisePatch, wiring: Wired
) -> Response:
    command = Amend(enterprise_id, version, to_changes(body), body.area_code, actor)
    return respond(await wiring.change.submit(command))


@router.post(
    "/{enterpriseId}/classifications",
    operation_id="classifyEnterprise",
    summary="评定分类（A/B/C/D 等）",
    response_model=EnterpriseOut,
    responses=problems(*_CHANGE, Forbidden),
)
async def classify_enterprise(
    actor: Grader,
    enterprise_id: EnterpriseId,
    version: IfMatch,
    body: ClassificationIn,
    claim: IdempotencyClaim,
    wiring: Wired,
) -> Response:
    command = Grade(enterprise_id, version, GradingKind.CLASS, body.enterprise_class, body.on, body.reason, actor)
    return respond(await wiring.change.submit(command, claim))


@router.post(
    "/{enterpriseId}/risk-assessments",
    operation_id="assessEnterpriseRisk",
    summary="评定风险等级（红橙黄蓝）",
    response_model=EnterpriseOut,
    responses=problems(*_CHANGE, Forbidden),
)
async def assess_enterprise_risk(
    actor: Grader,
    enterprise_id: EnterpriseId,
    version: IfMatch,
    body: RiskAssessmentIn,
    claim: IdempotencyClaim,
    wiring: Wired,
) -> Response:
    command = Grade(enterprise_id, version, GradingKind.RISK, body.risk_level, body.on, body.reason, actor)
    return respond(await wiring.change.submit(command, claim))


@router.get(
    "/{enterpriseId}/gradings",
    operation_id="getEnterpriseGradings",
    summary="某一天的分类和风险等级，及全部评定",
    response_model=GradingsOut,
    responses=problems(errors.EnterpriseNotFound),
)
async def get_enterprise_gradings(
    actor: CurrentActor, enterprise_id: EnterpriseId, wiring: Wired, on: Annotated[Day | None, Query()] = None
) -> Response:
    async with wiring.db.transaction() as tx:
        one, history = await views.one(tx, actor.scope, enterprise_id)
    day = on or wiring.clock.now().astimezone(SHANGHAI).date()
    content = {
        "on": day.isoformat(),
        "enterpriseClass": value_on(history, GradingKind.CLASS, day),
        "riskLevel": value_on(history, GradingKind.RISK, day),
        "history": rendering.history(history),
    }
    return rendering.document(content, one.version)


@router.post(
    "/{enterpriseId}/closures",
    operation_id="closeEnterprise",
    summary="注销单位",
    response_model=EnterpriseOut,
    responses=problems(*_CHANGE, errors.NotAnAdministrator),
)
async def close_enterprise(
    actor: Administrator, enterprise_id: EnterpriseId, version: IfMatch, body: ReasonIn, wiring: Wired
) -> Response:
    return respond(await wiring.change.submit(SetStatus(enterprise_id, version, Status.CLOSED, body.reason, actor)))


@router.post(
    "/{enterpriseId}/reopenings",
    operation_id="reopenEnterprise",
    summary="恢复已注销的单位",
    response_model=EnterpriseOut,
    responses=problems(*_CHANGE, errors.NotAnAdministrator, errors.OpenEnterprise),
)
async def reopen_enterprise(
    actor: Administrator, enterprise_id: EnterpriseId, version: IfMatch, body: ReasonIn, wiring: Wired
) -> Response:
    return respond(await wiring.change.submit(SetStatus(enterprise_id, version, Status.ACTIVE, body.reason, actor)))
