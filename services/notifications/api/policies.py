"""Routes for policy rows: who is told of what in which order, and in which words."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from libs.common.actors import area_path
from libs.common.errors import InvalidCursor
from libs.common.http import CREATED, CREATING, problems, respond
from libs.common.models import AreaCode, Cursor, Limit, Page
from libs.common.requests import CurrentActor, IdempotencyClaim
from services.notifications.api.paging import after, page_of
from services.notifications.api.parts import TheParts
from services.notifications.api.policy_schemas import (
    LadderPolicyIn,
    LadderPolicyOut,
    TemplateIn,
    TemplateOut,
    ladder_out,
    template_out,
)
from services.notifications.domain.cases import Kind
from services.notifications.domain.durations import parse_duration
from services.notifications.domain.errors import BadLadder, BadTemplate, PolicyExists, UnknownArea
from services.notifications.domain.policies import check_ladder
from services.notifications.domain.texts import check_template
from services.notifications.operations.staffing import Enter, check_administrator
from services.notifications.store.alerts import rungs_from_data
from services.notifications.store.staffing import Ledger
from services.notifications.views import staffing as view

router = APIRouter(prefix="/v1", tags=["规则"])

KindFilter = Annotated[Kind | None, Query(description="事由")]
AreaFilter = Annotated[AreaCode | None, Query(alias="areaCode", description="区域及其下级的规则")]
_COLUMNS = ("code", "kind", "effective_from", "effective_to", "basis")


@router.get(
    "/ladder-policies", operation_id="listLadderPolicies", summary="查询提醒层级", responses=problems(InvalidCursor)
)
async def list_ladders(
    actor: CurrentActor,
    parts: TheParts,
    kind: KindFilter = None,
    area_code: AreaFilter = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[LadderPolicyOut]:
    """在本辖区起作用的规则，包括上级和通用的。"""
    async with parts.db.transaction() as tx:
        rows = await view.policies(
            tx, actor, Ledger.LADDERS, kind=kind, code=area_code, after=after(cursor), limit=limit
        )
    return page_of(rows, limit, ladder_out)


@router.post(
    "/ladder-policies",
    operation_id="addLadderPolicy",
    summary="制定提醒层级",
    status_code=CREATED,
    response_model=LadderPolicyOut,
    responses=CREATING | problems(UnknownArea, PolicyExists, BadLadder),
)
async def add_ladder(body: LadderPolicyIn, actor: CurrentActor, parts: TheParts, claim: IdempotencyClaim) -> Response:
    """最近的区域优先，同一区域后生效的优先；已经开始的提醒保持原来的层级。需要管理员角色。"""
    check_administrator(actor)
    rungs = [rung.model_dump(mode="json") for rung in body.rungs]
    check_ladder(rungs_from_data(rungs), parse_duration(body.recheck))
    columns = _common(body) | {"level": body.level, "rungs": rungs, "recheck": body.recheck}
    command = Enter(area_path(body.area_code), columns, actor)
    return respond(await parts.enter[Ledger.LADDERS].submit(command, claim))


@router.get("/templates", operation_id="listTemplates", summary="查询提醒文字", responses=problems(InvalidCursor))
async def list_templates(
    actor: CurrentActor,
    parts: TheParts,
    kind: KindFilter = None,
    area_code: AreaFilter = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[TemplateOut]:
    """在本辖区起作用的文字，包括上级和通用的。"""
    async with parts.db.transaction() as tx:
        rows = await view.policies(
            tx, actor, Ledger.TEMPLATES, kind=kind, code=area_code, after=after(cursor), limit=limit
        )
    return page_of(rows, limit, template_out)


@router.post(
    "/templates",
    operation_id="addTemplate",
    summary="拟定提醒文字",
    status_code=CREATED,
    response_model=TemplateOut,
    responses=CREATING | problems(UnknownArea, PolicyExists, BadTemplate),
)
async def add_template(body: TemplateIn, actor: CurrentActor, parts: TheParts, claim: IdempotencyClaim) -> Response:
    """此后发出的消息用新文字。需要管理员角色。"""
    check_administrator(actor)
    check_template(body.text)
    command = Enter(area_path(body.area_code), _common(body) | {"text": body.text}, actor)
    return respond(await parts.enter[Ledger.TEMPLATES].submit(command, claim))


def _common(body: LadderPolicyIn | TemplateIn) -> dict[str, Any]:
    return {name: getattr(body, name) for name in _COLUMNS}
