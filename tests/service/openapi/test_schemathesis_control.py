"""The judge of the OpenAPI documents is judged: a toy service that breaks its word is caught, a sound one is not."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastapi import APIRouter, FastAPI, Response

from deploy.local.issuer import Issuer
from libs.common.actors import Tier
from libs.common.clock import SystemClock
from libs.common.http import create_service_app, problems
from libs.common.models import ApiModel
from libs.common.requests import CurrentActor
from libs.common.settings import ServiceSettings
from tests.support.fuzzing import Outcome, fuzz
from tests.support.live import bearer, serving

EXAMPLES, SECONDS = 20, 120


class Colour(StrEnum):
    RED = "red"


class Thing(ApiModel):
    name: str
    colour: Colour = Colour.RED


def _sound() -> APIRouter:
    router = APIRouter()

    @router.post("/v1/things/{id}", operation_id="a", responses=problems())
    async def sound(id: UUID, body: Thing, actor: CurrentActor) -> Thing:
        return body

    return router


def _breaks_on_chinese() -> APIRouter:
    router = APIRouter()

    @router.post("/v1/things", operation_id="a", responses=problems())
    async def breaks(body: Thing, actor: CurrentActor) -> Thing:
        body.name.encode("ascii")
        return body

    return router


def _answers_what_nobody_documented() -> APIRouter:
    router = APIRouter()

    @router.post("/v1/things", operation_id="a", responses=problems())
    async def teapot(body: Thing, actor: CurrentActor) -> Response:
        return Response(b"{}", status_code=418, media_type="application/json")

    return router


def _answers_something_else() -> APIRouter:
    router = APIRouter()

    @router.post("/v1/things", operation_id="a", response_model=Thing, responses=problems())
    async def other(body: Thing, actor: CurrentActor) -> Response:
        return Response(b'{"name": 7}', media_type="application/json")

    return router


def _believes_anything() -> APIRouter:
    router = APIRouter()

    @router.post("/v1/things", operation_id="a", responses=problems(), openapi_extra=_STRICT)
    async def anything(actor: CurrentActor) -> Thing:
        return Thing(name="x")

    return router


_STRICT: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object", "properties": {"name": {"type": "string"}}}}},
    }
}


def _asks_for_no_token() -> APIRouter:
    router = APIRouter()

    @router.get("/v1/things", operation_id="a", responses=problems(), openapi_extra={"security": [{"HTTPBearer": []}]})
    async def open_to_all() -> Thing:
        return Thing(name="x")

    @router.get("/v1/others", operation_id="b", responses=problems())
    async def others(actor: CurrentActor) -> Thing:
        return Thing(name="x")

    return router


TOYS: dict[str, Callable[[], APIRouter]] = {
    "Server error": _breaks_on_chinese,
    "Undocumented status code": _answers_what_nobody_documented,
    "Response violates schema": _answers_something_else,
    "Schema-violating request accepted": _believes_anything,
    "Authentication": _asks_for_no_token,
}


def _toy(router: APIRouter, issuer: Issuer) -> FastAPI:
    issuer.ensure_keys()
    settings = ServiceSettings(environment="test", auth_jwks=str(issuer.key_set))
    return create_service_app(
        name="toys",
        title="玩具",
        description="只为检验检验者",
        settings=settings,
        clock=SystemClock(),
        routers=[router],
        ready={},
    )


def judged(router: APIRouter, folder: Path) -> Outcome:
    issuer = Issuer(folder / "issuer")
    with serving(_toy(router, issuer)) as address:
        token = issuer.sign(bearer(Tier.DISTRICT))
        return fuzz(address, token, folder / "run", known={}, texts=["name"], examples=EXAMPLES, seconds=SECONDS)


@pytest.mark.parametrize("found", TOYS)
def test_a_service_that_breaks_its_word_is_caught(found: str, tmp_path: Path) -> None:
    outcome = judged(TOYS[found](), tmp_path)
    assert not outcome.clean
    assert found.lower() in outcome.report.lower(), outcome.report


def test_a_sound_service_is_left_alone(tmp_path: Path) -> None:
    outcome = judged(_sound(), tmp_path)
    assert outcome.clean, outcome.report
