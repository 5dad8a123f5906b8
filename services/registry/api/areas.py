"""Routes of the area tree: nodes, their ends, and who answers for them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from libs.common.errors import IdempotencyKeyReused, InvalidCursor, PreconditionRequired, StaleVersion
from libs.common.http import CREATED, problems, respond
from libs.common.models import AreaCode, Page
from libs.common.requests import CurrentActor, IdempotencyClaim, IfMatch
from services.registry.api import rendering
from services.registry.api.deps import Administrator
from services.registry.api.schemas.areas import AreaIn, AreaOut, AreaPatch, PostIn
from services.registry.api.schemas.filters import AreaFilter
from services.registry.api.wiring import Wired
from services.registry.domain import errors
from services.registry.domain.people import PostRole
from services.registry.operations.areas import EndArea, MakeArea, RenameArea
from services.registry.operations.people import SetPost
from services.registry.views import areas as views

router = APIRouter(prefix="/v1/areas", tags=["区划"])

Code = Annotated[AreaCode, Path(alias="areaCode", description="12位区划编码或15位网格编码")]
_CHANGE = (errors.AreaNotFound, errors.NotAnAdministrator, StaleVersion, PreconditionRequired)


@router.get(
    "",
    operation_id="listAreas",
    summary="区划：按上级、级别、名称、有无责任人筛选",
    response_model=Page[AreaOut],
    responses=problems(InvalidCursor),
)
async def list_areas(actor: CurrentActor, asked: Annotated[AreaFilter, Query()], wiring: Wired) -> Response:
    async with wiring.db.transaction() as tx:
        found = await views.page(tx, actor.scope, asked.criteria(), asked.cursor, asked.limit, with_total=asked.total)
    return rendering.page([rendering.area(one) for one in found.items], found.next_cursor, found.total)


@router.post(
    "",
    operation_id="makeArea",
    summary="新设一个区划或网格",
    status_code=CREATED,
    response_model=AreaOut,
    responses=problems(errors.NotAnAdministrator, errors.UnknownArea, errors.DuplicateArea, IdempotencyKeyReused),
)
async def make_area(actor: Administrator, body: AreaIn, claim: IdempotencyClaim, wiring: Wired) -> Response:
    return respond(await wiring.make_area.submit(MakeArea(body.code, body.name, actor), claim))


@router.get(
    "/{areaCode}",
    operation_id="getArea",
    summary="一个区划及其责任人",
    response_model=AreaOut,
    responses=problems(errors.AreaNotFound),
)
async def get_area(actor: CurrentActor, code: Code, wiring: Wired) -> Response:
    async with wiring.db.transaction() as tx:
        area = await views.one(tx, actor.scope, code)
    return rendering.document(rendering.area(area), area.version)


@router.patch(
    "/{areaCode}",
    operation_id="renameArea",
    summary="区划改名",
    response_model=AreaOut,
    responses=problems(*_CHANGE),
)
async def rename_area(actor: Administrator, code: Code, version: IfMatch, body: AreaPatch, wiring: Wired) -> Response:
    return respond(await wiring.change_area.submit(RenameArea(code, version, body.name, actor)))


@router.delete(
    "/{areaCode}",
    operation_id="endArea",
    summary="撤销区划（其下须已没有区划和单位；历史保留）",
    response_model=AreaOut,
    responses=problems(*_CHANGE, errors.AreaHasParts),
)
async def end_area(actor: Administrator, code: Code, version: IfMatch, wiring: Wired) -> Response:
    return respond(await wiring.change_area.submit(EndArea(code, version, actor)))


@router.post(
    "/{areaCode}/posts",
    operation_id="giveAreaPost",
    summary="指定区划的责任人",
    response_model=AreaOut,
    responses=problems(errors.AreaNotFound, errors.NotAnAdministrator, IdempotencyKeyReused),
)
async def give_area_post(
    actor: Administrator, code: Code, body: PostIn, claim: IdempotencyClaim, wiring: Wired
) -> Response:
    return respond(await wiring.set_post.submit(SetPost(code, body.person_id, body.role, True, actor), claim))


@router.delete(
    "/{areaCode}/posts/{role}/{personId}",
    operation_id="endAreaPost",
    summary="责任人卸任",
    response_model=AreaOut,
    responses=problems(errors.AreaNotFound, errors.PostNotFound, errors.NotAnAdministrator),
)
async def end_area_post(
    actor: Administrator,
    code: Code,
    role: PostRole,
    person_id: Annotated[UUID, Path(alias="personId")],
    wiring: Wired,
) -> Response:
    return respond(await wiring.set_post.submit(SetPost(code, person_id, role, False, actor)))
