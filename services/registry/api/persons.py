"""Routes of persons, and of the posts that they hold at enterprises."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from libs.common.errors import (
    FieldError,
    IdempotencyKeyReused,
    InvalidCursor,
    InvalidInput,
    PreconditionRequired,
    StaleVersion,
)
from libs.common.http import CREATED, problems, respond
from libs.common.models import Page
from libs.common.requests import CurrentActor, IdempotencyClaim, IfMatch
from services.registry.api import rendering
from services.registry.api.deps import Administrator
from services.registry.api.schemas.areas import PersonIn, PersonOut, PersonPatch, PostIn
from services.registry.api.schemas.enterprises import EnterpriseOut
from services.registry.api.schemas.filters import PersonFilter
from services.registry.api.wiring import Wired
from services.registry.domain import errors
from services.registry.domain.ledger.values import phone
from services.registry.domain.people import PostRole, may_read_phones
from services.registry.operations.people import AddPerson, CorrectPerson, SetPost
from services.registry.views import people as views

router = APIRouter(prefix="/v1", tags=["人员"])

PersonId = Annotated[UUID, Path(alias="personId", description="人员的标识")]
EnterpriseId = Annotated[UUID, Path(alias="enterpriseId", description="单位的标识")]


@router.get(
    "/persons",
    operation_id="listPersons",
    summary="人员：按区划、单位、岗位、姓名筛选（电话打码）",
    response_model=Page[PersonOut],
    responses=problems(InvalidCursor),
)
async def list_persons(actor: CurrentActor, asked: Annotated[PersonFilter, Query()], wiring: Wired) -> Response:
    async with wiring.db.transaction() as tx:
        found = await views.page(tx, actor.scope, asked.criteria(), asked.cursor, asked.limit, with_total=asked.total)
    items = [rendering.person(item.person, item.posts, phones=False) for item in found.items]
    return rendering.page(items, found.next_cursor, found.total)


@router.post(
    "/persons",
    operation_id="addPerson",
    summary="登记一名人员",
    status_code=CREATED,
    response_model=PersonOut,
    responses=problems(errors.NotAnAdministrator, errors.EnterpriseNotFound, errors.UnknownArea, IdempotencyKeyReused),
)
async def add_person(actor: Administrator, body: PersonIn, claim: IdempotencyClaim, wiring: Wired) -> Response:
    if (body.area_code is None) == (body.enterprise_id is None):
        message = "须填写所在区划或所在单位，二者选一"
        raise InvalidInput(errors=[FieldError("/areaCode", "one_place", message)])
    command = AddPerson(body.name, phone(body.phone), body.area_code, body.enterprise_id, actor)
    return respond(await wiring.add_person.submit(command, claim))


@router.get(
    "/persons/{personId}",
    operation_id="getPerson",
    summary="一名人员及其岗位",
    response_model=PersonOut,
    responses=problems(errors.PersonNotFound),
)
async def get_person(actor: CurrentActor, person_id: PersonId, wiring: Wired) -> Response:
    async with wiring.db.transaction() as tx:
        found = await views.one(tx, actor.scope, person_id)
    content = rendering.person(found.person, found.posts, phones=may_read_phones(actor))
    return rendering.document(content, found.person.version)


@router.patch(
    "/persons/{personId}",
    operation_id="correctPerson",
    summary="更正姓名或电话",
    response_model=PersonOut,
    responses=problems(errors.PersonNotFound, errors.NotAnAdministrator, StaleVersion, PreconditionRequired),
)
async def correct_person(
    actor: Administrator, person_id: PersonId, version: IfMatch, body: PersonPatch, wiring: Wired
) -> Response:
    if "name" in body.model_fields_set and body.name is None:
        raise InvalidInput(errors=[FieldError("/name", "required", "姓名不能为空")])
    changes: dict[str, str | None] = {name: getattr(body, name) for name in body.model_fields_set}
    if "phone" in changes:
        changes["phone"] = phone(body.phone)
    return respond(await wiring.correct_person.submit(CorrectPerson(person_id, version, changes, actor)))


@router.post(
    "/enterprises/{enterpriseId}/posts",
    operation_id="giveEnterprisePost",
    summary="指定单位的责任人",
    response_model=EnterpriseOut,
    responses=problems(errors.EnterpriseNotFound, errors.NotAnAdministrator, IdempotencyKeyReused),
)
async def give_enterprise_post(
    actor: Administrator, enterprise_id: EnterpriseId, body: PostIn, claim: IdempotencyClaim, wiring: Wired
) -> Response:
    command = SetPost(enterprise_id, body.person_id, body.role, True, actor)
    return respond(await wiring.set_post.submit(command, claim))


@router.delete(
    "/enterprises/{enterpriseId}/posts/{role}/{personId}",
    operation_id="endEnterprisePost",
    summary="单位的责任人卸任",
    response_model=EnterpriseOut,
    responses=problems(errors.EnterpriseNotFound, errors.PostNotFound, errors.NotAnAdministrator),
)
async def end_enterprise_post(
    actor: Administrator, enterprise_id: EnterpriseId, role: PostRole, person_id: PersonId, wiring: Wired
) -> Response:
    return respond(await wiring.set_post.submit(SetPost(enterprise_id, person_id, role, False, actor)))
