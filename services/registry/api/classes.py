"""Routes of the class scheme: which classes hold at a place, and setting them."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from libs.common.actors import area_path
from libs.common.clock import SHANGHAI
from libs.common.errors import IdempotencyKeyReused
from libs.common.http import CREATED, problems, respond
from libs.common.models import AreaCode, Day
from libs.common.requests import CurrentActor, IdempotencyClaim
from services.registry.api import rendering
from services.registry.api.deps import Administrator
from services.registry.api.schemas.classes import ClassSchemeIn, ClassSchemeOut
from services.registry.api.wiring import Wired
from services.registry.domain import errors
from services.registry.domain.classes import ClassScheme, EnterpriseClass
from services.registry.operations.class_schemes import SetScheme
from services.registry.store import classes
from services.registry.views import areas as views

router = APIRouter(prefix="/v1", tags=["分类方案"])


@router.get(
    "/areas/{areaCode}/class-scheme",
    operation_id="getClassScheme",
    summary="某地某日适用的企业分类方案",
    response_model=ClassSchemeOut,
    responses=problems(errors.AreaNotFound),
)
async def get_class_scheme(
    actor: CurrentActor,
    code: Annotated[AreaCode, Path(alias="areaCode", description="12位区划编码或15位网格编码")],
    wiring: Wired,
    on: Annotated[Day | None, Query(description="缺省为今天")] = None,
) -> Response:
    day = on or wiring.clock.now().astimezone(SHANGHAI).date()
    async with wiring.db.transaction() as tx:
        area = await views.one(tx, actor.scope, code)
        scheme = await classes.in_force(tx, area.position.path, day)
    return rendering.document(rendering.class_scheme(scheme))


@router.post(
    "/class-schemes",
    operation_id="setClassScheme",
    summary="为一地制定企业分类方案，自某日起取代原方案",
    status_code=CREATED,
    response_model=ClassSchemeOut,
    responses=problems(errors.NotAnAdministrator, errors.UnknownArea, IdempotencyKeyReused),
)
async def set_class_scheme(
    actor: Administrator, body: ClassSchemeIn, claim: IdempotencyClaim, wiring: Wired
) -> Response:
    return respond(await wiring.set_scheme.submit(SetScheme(_scheme(body), actor), claim))


def _scheme(body: ClassSchemeIn) -> ClassScheme:
    listed = [EnterpriseClass(one.code, one.label, one.meaning, one.rank) for one in body.classes]
    return ClassScheme(area_path(body.area_code), body.effective_from, body.basis, listed)
