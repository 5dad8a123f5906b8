"""Routes for messages: those that were given up are listed, and sent again by hand."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from libs.common.errors import InvalidCursor, NotFound, PreconditionRequired, StaleVersion
from libs.common.http import CREATING, problems
from libs.common.models import AreaCode, Cursor, Limit, Page
from libs.common.requests import CurrentActor, IdempotencyClaim, IfMatch, etag
from services.notifications.api.alert_schemas import DeliveryOut, delivery_out
from services.notifications.api.paging import after, page_of
from services.notifications.api.parts import TheParts
from services.notifications.domain.delivery import DeliveryState
from services.notifications.domain.errors import DeliveryNotDead
from services.notifications.operations.retry import Retry
from services.notifications.views import deliveries as view

router = APIRouter(prefix="/v1/deliveries", tags=["投递"])


@router.get("", operation_id="listDeliveries", summary="查询消息", responses=problems(InvalidCursor))
async def list_deliveries(
    actor: CurrentActor,
    parts: TheParts,
    state: Annotated[DeliveryState | None, Query(description="状态；dead 为已放弃投递")] = None,
    alert_id: Annotated[UUID | None, Query(alias="alertId")] = None,
    area_code: Annotated[AreaCode | None, Query(alias="areaCode", description="区域及其下级")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[DeliveryOut]:
    """本辖区提醒的消息，企业不可查询。"""
    async with parts.db.transaction() as tx:
        rows = await view.page(
            tx, actor, state=state, alert_id=alert_id, code=area_code, after=after(cursor), limit=limit
        )
    return page_of(rows, limit, delivery_out)


@router.get("/{id}", operation_id="getDelivery", summary="一条消息", responses=problems(NotFound))
async def get_delivery(id: UUID, actor: CurrentActor, parts: TheParts, response: Response) -> DeliveryOut:
    """投递状态。"""
    async with parts.db.transaction() as tx:
        shown = delivery_out(await view.one(tx, actor, id))
    response.headers["ETag"] = etag(shown.version)
    return shown


@router.post(
    "/{id}/retries",
    operation_id="retryDelivery",
    summary="重新投递已放弃的消息",
    responses=CREATING | problems(NotFound, DeliveryNotDead, StaleVersion, PreconditionRequired),
)
async def retry_delivery(
    id: UUID, actor: CurrentActor, parts: TheParts, version: IfMatch, claim: IdempotencyClaim, response: Response
) -> DeliveryOut:
    """编号不变，对方若已收到可据此忽略。"""
    await parts.retry.submit(Retry(id, version, actor, parts.settings.delivery_attempts), claim)
    return await get_delivery(id, actor, parts, response)
