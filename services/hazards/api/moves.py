"""Routes of the moves: each its own sub-resource, all thin over the one operation."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Path, Response

from libs.common.actors import Actor
from libs.common.errors import AppError, IdempotencyKeyReused, PreconditionRequired, StaleVersion
from libs.common.http import problems, respond
from libs.common.idempotency import Claim
from libs.common.requests import CurrentActor, IdempotencyClaim, IfMatch
from services.hazards.api.schemas.hazards import HazardOut
from services.hazards.api.schemas.moves import OrderIn, ReasonIn, RectificationIn, ReinspectionIn, VerificationIn
from services.hazards.api.wiring import Wired, Wiring
from services.hazards.domain.errors import (
    BadTimeLimit,
    FindingIncomplete,
    HazardNotFound,
    LevelNeedsOfficer,
    MoveNotAllowed,
    OrderIncomplete,
    SamePerson,
    UnknownCategory,
    WrongRole,
)
from services.hazards.domain.moves import (
    Assign,
    Fail,
    FixOnTheSpot,
    Order,
    Pass,
    Reject,
    Reopen,
    Request,
    Submit,
    Verify,
)
from services.hazards.operations.moves import MoveCommand

router = APIRouter(prefix="/v1/hazards/{hazardId}", tags=["闭环"])

HazardId = Annotated[UUID, Path(alias="hazardId", description="隐患的标识")]
Reason = Annotated[ReasonIn | None, Body(description="原因，可不填")]


def _documented(operation_id: str, summary: str, *errors: type[AppError]) -> dict[str, Any]:
    """What all moves have in common in the document of the API."""
    common = (HazardNotFound, StaleVersion, PreconditionRequired, MoveNotAllowed, WrongRole, IdempotencyKeyReused)
    return {
        "operation_id": operation_id,
        "summary": summary,
        "response_model": HazardOut,
        "responses": problems(*common, *errors),
    }


async def _move(
    wiring: Wiring, hazard_id: UUID, request: Request, actor: Actor, version: int, claim: Claim | None
) -> Response:
    return respond(await wiring.moves.submit(MoveCommand(hazard_id, request, actor, version), claim))


@router.post(
    "/verifications",
    **_documented("verifyHazard", "核实：定级别、类别、依据", LevelNeedsOfficer, FindingIncomplete, UnknownCategory),
)
async def verify(
    actor: CurrentActor,
    hazard_id: HazardId,
    body: VerificationIn,
    version: IfMatch,
    claim: IdempotencyClaim,
    wiring: Wired,
) -> Response:
    request = Verify(body.level, body.category, body.cited(), body.reason)
    return await _move(wiring, hazard_id, request, actor, version, claim)


@router.post("/rejections", **_documented("rejectHazard", "不予认定：误报或重复", LevelNeedsOfficer))
async def reject(
    actor: CurrentActor,
    hazard_id: HazardId,
    version: IfMatch,
    claim: IdempotencyClaim,
    wiring: Wired,
    body: Reason = None,
) -> Response:
    return await _move(wiring, hazard_id, Reject(_reason(body)), actor, version, claim)


@router.post("/on-spot-fixes", **_documented("fixHazardOnTheSpot", "现场整改，当场消除", LevelNeedsOfficer))
async def fix_on_the_spot(
    actor: CurrentActor,
    hazard_id: HazardId,
    version: IfMatch,
    claim: IdempotencyClaim,
    wiring: Wired,
    body: Reason = None,
) -> Response:
    return await _move(wiring, hazard_id, FixOnTheSpot(_reason(body)), actor, version, claim)


@router.post(
    "/assignments",
    **_documented("assignHazard", "交办：五落实", LevelNeedsOfficer, OrderIncomplete, BadTimeLimit),
)
async def assign(
    actor: CurrentActor, hazard_id: HazardId, body: OrderIn, version: IfMatch, claim: IdempotencyClaim, wiring: Wired
) -> Response:
    return await _move(wiring, hazard_id, Assign(body.duties(), body.reason), actor, version, claim)


@router.post("/orders", **_documented("orderRectification", "责令限期整改：五落实", OrderIncomplete, BadTimeLimit))
async def order(
    actor: CurrentActor, hazard_id: HazardId, body: OrderIn, version: IfMatch, claim: IdempotencyClaim, wiring: Wired
) -> Response:
    return await _move(wiring, hazard_id, Order(body.duties(), body.reason), actor, version, claim)


@router.post("/rectifications", **_documented("submitRectification", "提交整改"))
async def submit(
    actor: CurrentActor,
    hazard_id: HazardId,
    version: IfMatch,
    claim: IdempotencyClaim,
    wiring: Wired,
    body: Annotated[RectificationIn | None, Body(description="整改情况，可不填")] = None,
) -> Response:
    said = (body.description or body.reason) if body else None
    return await _move(wiring, hazard_id, Submit(said), actor, version, claim)


@router.post(
    "/reinspections",
    **_documented(
        "reinspectHazard",
        "复查：合格则销号，不合格进入下一轮；不得由提交整改的人复查",
        SamePerson,
        LevelNeedsOfficer,
        OrderIncomplete,
        BadTimeLimit,
    ),
)
async def reinspect(
    actor: CurrentActor,
    hazard_id: HazardId,
    body: ReinspectionIn,
    version: IfMatch,
    claim: IdempotencyClaim,
    wiring: Wired,
) -> Response:
    request = Pass(body.reason) if body.result == "pass" else Fail(body.reason, body.due_at)
    return await _move(wiring, hazard_id, request, actor, version, claim)


@router.post("/reopenings", **_documented("reopenHazard", "重新立案，档案保留", LevelNeedsOfficer))
async def reopen(
    actor: CurrentActor,
    hazard_id: HazardId,
    version: IfMatch,
    claim: IdempotencyClaim,
    wiring: Wired,
    body: Reason = None,
) -> Response:
    return await _move(wiring, hazard_id, Reopen(_reason(body)), actor, version, claim)


def _reason(body: ReasonIn | None) -> str | None:
    return body.reason if body else None
