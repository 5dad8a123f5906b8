"""Routes for alerts: list, read, acknowledge."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Header, Query, Response
from fastapi.openapi.models import Example

from libs.common.errors import InvalidCursor, MalformedRequest, NotFound, StaleVersion
from libs.common.http import CREATING, problems, respond
from libs.common.models import AreaCode, Cursor, Limit, Page
from libs.common.requests import CurrentActor, IdempotencyClaim, etag, if_match
from services.notifications.api.alert_schemas import (
    AcknowledgementIn,
    AlertDetail,
    AlertOut,
    alert_detail,
    alert_out,
)
from services.notifications.api.paging import after, page_of
from services.notifications.api.parts import TheParts
from services.notifications.domain.cases import Kind
from services.notifications.domain.errors import AlertClosed
from services.notifications.domain.ladder import State
from services.notifications.operations.acknowledge import Acknowledge
from services.notifications.store.alerts import alert_of
from services.notifications.views import alerts as view

_ACKNOWLEDGEMENT: dict[str, Example] = {"note": {"summary": "附说明", "value": {"note": "已派网格员到场"}}}

router = APIRouter(prefix="/v1/alerts", tags=["提醒"])


@router.get(
    "",
    operation_id="listAlerts",
    summary="查询提醒，新的在前",
    responses=problems(InvalidCursor),
)
async def list_alerts(
    actor: CurrentActor,
    parts: TheParts,
    hazard_id: Annotated[UUID | None, Query(alias="hazardId", description="隐患")] = None,
    state: Annotated[State | None, Query(description="状态")] = None,
    kind: Annotated[Kind | None, Query(description="事由")] = None,
    area_code: Annotated[AreaCode | None, Query(alias="areaCode", description="区域及其下级")] = None,
    total: Annotated[bool, Query(description="是否给出总数")] = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[AlertOut]:
    """本辖区（或本企业）的提醒；辖区之外的不存在。"""
    filters = view.Filters(hazard_id, state, kind, area_code)
    async with parts.db.transaction() as tx:
        rows, count = await view.page(tx, actor, filters, after(cursor), limit, total=total)
    return page_of(rows, limit, lambda row: alert_out(alert_of(row), row, row["next_at"]), count)


@router.get("/{id}", operation_id="getAlert", summary="一条提醒，连同每次投递", responses=problems(NotFound))
async def get_alert(id: UUID, actor: CurrentActor, parts: TheParts, response: Response) -> AlertDetail:
    """层级、发给谁的消息、每次投递的时间与结果。"""
    async with parts.db.transaction() as tx:
        found = await view.one(tx, actor, id)
    alert = alert_of(found.alert)
    response.headers["ETag"] = etag(alert.version)
    return alert_detail(alert, found)


@router.post(
    "/{id}/acknowledgements",
    operation_id="acknowledgeAlert",
    summary="签收提醒，不再惊动他人",
    response_model=AlertOut,
    responses=CREATING | problems(NotFound, AlertClosed, StaleVersion, MalformedRequest),
)
async def acknowledge_alert(
    id: UUID,
    actor: CurrentActor,
    parts: TheParts,
    claim: IdempotencyClaim,
    body: Annotated[AcknowledgementIn | None, Body(openapi_examples=_ACKNOWLEDGEMENT)] = None,
    seen: Annotated[str | None, Header(alias="If-Match", include_in_schema=False)] = None,
) -> Response:
    """重复签收得到同一条提醒，不改变最初的签收人。夜间须能一键签收，所以不要求 If-Match；带了就须是最新版本。"""
    version = None if seen is None or seen.strip() == "*" else await if_match(seen)
    command = Acknowledge(id, actor, body.note if body else None, version)
    return respond(await parts.acknowledge.submit(command, claim))
