"""Routes for those who administer an area: who is reached how, and who is on duty when."""

from collections.abc import Callable
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import APIRouter, Query, Response

from libs.common.actors import area_path
from libs.common.errors import InvalidCursor, NotFound, PreconditionRequired, StaleVersion
from libs.common.http import CREATED, CREATING, NO_CONTENT, problems, respond
from libs.common.models import AreaCode, Cursor, Limit, Page
from libs.common.requests import CurrentActor, IdempotencyClaim, IfMatch, etag
from services.notifications.api.paging import after, page_of
from services.notifications.api.parts import TheParts
from services.notifications.api.staffing_schemas import (
    ContactIn,
    ContactOut,
    ShiftIn,
    ShiftOut,
    contact_out,
    shift_out,
)
from services.notifications.channels.addresses import AllowList, check_address
from services.notifications.domain.audience import Channel
from services.notifications.domain.errors import ContactExists, UnknownArea
from services.notifications.operations.staffing import Enter, Remove, check_administrator
from services.notifications.store.staffing import Ledger
from services.notifications.views import staffing as view
from services.notifications.views.scope import Row

T = TypeVar("T")

router = APIRouter(prefix="/v1", tags=["值班与联系"])

PersonFilter = Annotated[UUID | None, Query(alias="personId", description="人员")]
AreaFilter = Annotated[AreaCode | None, Query(alias="areaCode", description="区域及其下级")]
_REMOVING = problems(NotFound, StaleVersion, PreconditionRequired)


@router.get("/contacts", operation_id="listContacts", summary="查询联系方式", responses=problems(InvalidCursor))
async def list_contacts(
    actor: CurrentActor,
    parts: TheParts,
    area_code: AreaFilter = None,
    person_id: PersonFilter = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ContactOut]:
    """本辖区登记的联系方式，地址已遮蔽。"""
    return await _page(Ledger.CONTACTS, actor, parts, area_code, person_id, limit, cursor, contact_out)


@router.post(
    "/contacts",
    operation_id="addContact",
    summary="登记联系方式",
    status_code=CREATED,
    response_model=ContactOut,
    responses=CREATING | problems(UnknownArea, ContactExists),
)
async def add_contact(body: ContactIn, actor: CurrentActor, parts: TheParts, claim: IdempotencyClaim) -> Response:
    """某人在该区域及其下级的事务中，以此渠道被通知。需要管理员角色。"""
    check_administrator(actor)
    if body.channel is Channel.WEBHOOK:
        check_address(body.address, AllowList(parts.settings.allowed_networks, parts.settings.allowed_hosts))
    columns = {"person_id": body.person_id, "channel": body.channel, "address": body.address, "secret": body.secret}
    command = Enter(area_path(body.area_code), columns, actor)
    return respond(await parts.enter[Ledger.CONTACTS].submit(command, claim))


@router.get("/contacts/{id}", operation_id="getContact", summary="一项联系方式", responses=problems(NotFound))
async def get_contact(id: UUID, actor: CurrentActor, parts: TheParts, response: Response) -> ContactOut:
    """地址已遮蔽。"""
    row = await _one(Ledger.CONTACTS, id, actor, parts, response)
    return contact_out(row)


@router.delete(
    "/contacts/{id}",
    operation_id="removeContact",
    summary="删除联系方式",
    status_code=NO_CONTENT,
    responses=_REMOVING,
)
async def remove_contact(id: UUID, actor: CurrentActor, parts: TheParts, version: IfMatch) -> Response:
    """尚未送出的消息随之撤回。"""
    return respond(await parts.remove[Ledger.CONTACTS].submit(Remove(id, version, actor)))


@router.get("/duty-shifts", operation_id="listDutyShifts", summary="查询值班表", responses=problems(InvalidCursor))
async def list_shifts(
    actor: CurrentActor,
    parts: TheParts,
    area_code: AreaFilter = None,
    person_id: PersonFilter = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ShiftOut]:
    """本辖区的值班安排。"""
    return await _page(Ledger.SHIFTS, actor, parts, area_code, person_id, limit, cursor, shift_out)


@router.post(
    "/duty-shifts",
    operation_id="addDutyShift",
    summary="安排值班",
    status_code=CREATED,
    response_model=ShiftOut,
    responses=CREATING | problems(UnknownArea),
)
async def add_shift(body: ShiftIn, actor: CurrentActor, parts: TheParts, claim: IdempotencyClaim) -> Response:
    """值班期间先通知值班人员，无人值班才通知该区域的负责人。需要管理员角色。"""
    check_administrator(actor)
    names = ("person_id", "role", "starts_at", "ends_at", "day_from", "day_to")
    columns = {name: getattr(body, name) for name in names} | {"weekdays": sorted(set(body.weekdays))}
    command = Enter(area_path(body.area_code), columns, actor)
    return respond(await parts.enter[Ledger.SHIFTS].submit(command, claim))


@router.get("/duty-shifts/{id}", operation_id="getDutyShift", summary="一段值班", responses=problems(NotFound))
async def get_shift(id: UUID, actor: CurrentActor, parts: TheParts, response: Response) -> ShiftOut:
    """谁在何时为哪个区域值班。"""
    row = await _one(Ledger.SHIFTS, id, actor, parts, response)
    return shift_out(row)


@router.delete(
    "/duty-shifts/{id}",
    operation_id="removeDutyShift",
    summary="取消值班",
    status_code=NO_CONTENT,
    responses=_REMOVING,
)
async def remove_shift(id: UUID, actor: CurrentActor, parts: TheParts, version: IfMatch) -> Response:
    """已发出的消息不受影响。"""
    return respond(await parts.remove[Ledger.SHIFTS].submit(Remove(id, version, actor)))


async def _one(ledger: Ledger, id: UUID, actor: CurrentActor, parts: TheParts, response: Response) -> Row:
    check_administrator(actor)
    async with parts.db.transaction() as tx:
        row = await view.one(tx, actor, ledger, id)
    response.headers["ETag"] = etag(row["version"])
    return row


async def _page(
    ledger: Ledger,
    actor: CurrentActor,
    parts: TheParts,
    code: str | None,
    person_id: UUID | None,
    limit: int,
    cursor: str | None,
    to_item: Callable[[Row], T],
) -> Page[T]:
    check_administrator(actor)
    async with parts.db.transaction() as tx:
        rows = await view.page(tx, actor, ledger, code=code, person_id=person_id, after=after(cursor), limit=limit)
    return page_of(rows, limit, to_item)
