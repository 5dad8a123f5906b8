"""Routes of the hazards themselves: report one or many, read one, list, history."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from pydantic import ValidationError

from libs.common.actors import Actor, area_path
from libs.common.errors import AppError, IdempotencyKeyReused, InvalidCursor, InvalidInput
from libs.common.fast_route import fast
from libs.common.http import CREATED, OK, problems, respond
from libs.common.models import Page
from libs.common.problems import field_errors
from libs.common.requests import CurrentActor, IdempotencyClaim, etag
from services.hazards.api import rendering
from services.hazards.api.schemas.filters import HazardFilter
from services.hazards.api.schemas.hazards import BatchIn, BatchOut, HazardOut, LogOut, ReportIn
from services.hazards.api.wiring import Wired
from services.hazards.domain.errors import (
    HazardNotFound,
    PlaceMissing,
    SourceNotAllowed,
    UnknownArea,
    UnknownCategory,
    UnknownEnterprise,
    WrongRole,
)
from services.hazards.domain.reporting import Report
from services.hazards.operations.reports import ReportCommand
from services.hazards.views import hazards as views

router = APIRouter(prefix="/v1/hazards", tags=["隐患"])

_REPORT_PROBLEMS = problems(
    WrongRole,
    UnknownEnterprise,
    UnknownArea,
    UnknownCategory,
    PlaceMissing,
    SourceNotAllowed,
    IdempotencyKeyReused,
)
HazardId = Annotated[UUID, Path(alias="hazardId", description="隐患的标识")]


@router.post(
    "",
    operation_id="reportHazard",
    summary="上报一条隐患",
    status_code=CREATED,
    response_model=HazardOut,
    responses=_REPORT_PROBLEMS,
)
@fast
async def report_hazard(actor: CurrentActor, body: ReportIn, claim: IdempotencyClaim, wiring: Wired) -> Response:
    return respond(await wiring.reports.submit(_command(body, actor), claim))


@router.post(
    "/batch",
    operation_id="reportHazards",
    summary="批量上报隐患，逐条答复，最多 1000 条",
    description="逐条答复，次序与提交的相同；请求内容可比其他接口大，缺省最多 8 MiB。",
    response_model=BatchOut,
    responses=problems(IdempotencyKeyReused),
)
@fast
async def report_hazards(actor: CurrentActor, body: BatchIn, claim: IdempotencyClaim, wiring: Wired) -> Response:
    commands: list[ReportCommand] = []
    refused: dict[int, AppError] = {}
    for index, item in enumerate(body.items):
        try:
            commands.append(_command(ReportIn.model_validate(item), actor))
        except ValidationError as error:
            refused[index] = InvalidInput(errors=field_errors(error.errors()))
    return respond(await wiring.reports.answer(commands, claim, rendering.batch(refused, len(body.items))))


@router.get(
    "",
    operation_id="listHazards",
    summary="隐患台账：按区域、状态、级别、企业、是否逾期筛选",
    response_model=Page[HazardOut],
    responses=problems(InvalidCursor),
)
async def list_hazards(actor: CurrentActor, asked: Annotated[HazardFilter, Query()], wiring: Wired) -> Response:
    now = wiring.clock.now()
    async with wiring.db.transaction() as tx:
        page = await views.page(
            tx, actor.scope, asked.criteria(), now, asked.cursor, asked.limit, with_total=asked.total
        )
    document: dict[str, Any] = {
        "items": [rendering.hazard(facts, actor, now) for facts in page.items],
        "nextCursor": page.next_cursor,
        "total": page.total,
    }
    return Response(rendering.to_bytes(document), status_code=OK, media_type="application/json")


@router.get(
    "/{hazardId}",
    operation_id="getHazard",
    summary="查看一条隐患",
    response_model=HazardOut,
    responses=problems(HazardNotFound),
)
async def get_hazard(actor: CurrentActor, hazard_id: HazardId, wiring: Wired) -> Response:
    async with wiring.db.transaction() as tx:
        facts = await views.one(tx, actor.scope, hazard_id)
    body = rendering.to_bytes(rendering.hazard(facts, actor, wiring.clock.now()))
    return Response(body, headers={"ETag": etag(facts.version)}, media_type="application/json")


@router.get(
    "/{hazardId}/log",
    operation_id="getHazardLog",
    summary="一条隐患的全部流转记录",
    responses=problems(HazardNotFound),
)
async def get_hazard_log(actor: CurrentActor, hazard_id: HazardId, wiring: Wired) -> LogOut:
    async with wiring.db.transaction() as tx:
        facts = await views.one(tx, actor.scope, hazard_id)
        entries = await views.log(tx, facts.id)
    return rendering.log(entries, facts, actor)


def _command(body: ReportIn, actor: Actor) -> ReportCommand:
    return ReportCommand(
        Report(
            source=body.source,
            description=body.description,
            enterprise_id=body.enterprise_id,
            area_path=area_path(body.area_code) if body.area_code else None,
            place=body.place,
            category=body.category,
            suggested_level=body.suggested_level,
        ),
        actor,
    )
