"""The fast lane answers as the framework would: the same endpoint is asked twice, once outside the lane, once in it."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response

from deploy.local.issuer import Bearer, Issuer
from libs.common.actors import Role, Tier
from libs.common.clock import SystemClock
from libs.common.errors import Conflict, FieldError
from libs.common.fast_route import fast, lanes_of
from libs.common.http import create_service_app
from libs.common.models import ApiModel, Line
from libs.common.requests import CurrentActor, IdempotencyClaim
from libs.common.settings import ServiceSettings

LIMIT = 2048


class ThingIn(ApiModel):
    maker_id: UUID | None = None
    label: Line
    weights: list[int] = []  # noqa: RUF012 - pydantic copies defaults


def _name(request: Request) -> str:
    name: str = request.app.state.name
    return name


async def _later(request: Request) -> str:
    return request.url.path.rsplit("/", 1)[0]


async def _make(
    body: ThingIn,
    actor: CurrentActor,
    claim: IdempotencyClaim,
    name: Annotated[str, Depends(_name)],
    prefix: Annotated[str, Depends(_later)],
    request: Request,
) -> Response:
    if body.label == "clash":
        raise Conflict(errors=[FieldError("/label", "taken", "已被占用")])
    if body.label == "crash":
        raise RuntimeError("as if something broke")
    seen = [body.model_dump(mode="json"), actor.id, claim.key if claim else None, name, prefix, request.method]
    return Response(json.dumps(seen), status_code=201, headers={"ETag": '"1"'}, media_type="application/json")


async def slow_thing(
    body: ThingIn,
    actor: CurrentActor,
    claim: IdempotencyClaim,
    name: Annotated[str, Depends(_name)],
    prefix: Annotated[str, Depends(_later)],
    request: Request,
) -> Response:
    return await _make(body, actor, claim, name, prefix, request)


@fast
async def fast_thing(
    body: ThingIn,
    actor: CurrentActor,
    claim: IdempotencyClaim,
    name: Annotated[str, Depends(_name)],
    prefix: Annotated[str, Depends(_later)],
    request: Request,
) -> Response:
    return await _make(body, actor, claim, name, prefix, request)


def _application(issuer: Issuer) -> FastAPI:
    issuer.ensure_keys()
    router = APIRouter(prefix="/v1")
    router.post("/slow", status_code=201)(slow_thing)
    router.post("/fast", status_code=201)(fast_thing)
    app = create_service_app(
        name="things",
        title="things",
        description="things",
        settings=ServiceSettings(auth_jwks=str(issuer.key_set), max_body_bytes=LIMIT),
        clock=SystemClock(),
        routers=[router],
        ready={},
    )
    app.state.name = "somebody"
    return app


@pytest.fixture
async def asked(tmp_path: Path) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    issuer = Issuer(tmp_path / "issuer")
    transport = httpx.ASGITransport(app=_application(issuer), raise_app_exceptions=False)
    token = issuer.sign(Bearer("li", Tier.STREET, "410503001000", None, (Role.OFFICER,)))
    async with httpx.AsyncClient(transport=transport, base_url="http://things") as client:
        yield client, token


GOOD = b'{"label": " lamp ", "makerId": "01990a3c-5a7e-7c11-8f4e-0c2f5b7d9a10", "weights": [1, 2]}'
JSON = {"Content-Type": "application/json"}
KEY = {"Idempotency-Key": "k-1"}
CASES: dict[str, tuple[bytes, dict[str, str]]] = {
    "good": (GOOD, JSON | KEY),
    "no key": (GOOD, JSON),
    "charset named": (GOOD, {"Content-Type": "Application/JSON; charset=utf-8"}),
    "json by another name": (GOOD, {"Content-Type": "application/vnd.thing+json"}),
    "four-byte characters": ('{"label": "🧯灯"}'.encode(), JSON),
    "empty key": (GOOD, JSON | {"Idempotency-Key": ""}),
    "key with spaces": (GOOD, JSON | {"Idempotency-Key": "a b"}),
    "no token": (GOOD, JSON | {"Authorization": ""}),
    "other scheme": (GOOD, JSON | {"Authorization": "Basic YTpi"}),
    "broken token": (GOOD, JSON | {"Authorization": "Bearer abc.def.ghi"}),
    "empty body": (b"", JSON),
    "not JSON": (b'{"label": ', JSON),
    "no content type": (GOOD, {}),
    "text": (GOOD, {"Content-Type": "text/plain"}),
    "a list": (b"[]", JSON),
    "null": (b"null", JSON),
    "field missing": (b"{}", JSON),
    "unknown field": (b'{"label": "a", "colour": "red"}', JSON),
    "wrong types": (b'{"label": 3, "makerId": "x", "weights": [1, "a", null]}', JSON),
    "control character": (b'{"label": "a\\u0000b"}', JSON),
    "too long": (json.dumps({"label": "a" * 201}).encode(), JSON),
    "too large": (json.dumps({"label": "a" * LIMIT}).encode(), JSON),
    "refused by the endpoint": (b'{"label": "clash"}', JSON),
    "broken endpoint": (b'{"label": "crash"}', JSON),
}


@pytest.mark.parametrize("case", CASES)
async def test_lane_and_framework_answer_alike(case: str, asked: tuple[httpx.AsyncClient, str]) -> None:
    client, token = asked
    content, headers = CASES[case]
    heads = {"Authorization": f"Bearer {token}", **headers}
    slow, swift = [await client.post(path, content=content, headers=heads) for path in ("/v1/slow", "/v1/fast")]
    assert swift.status_code == slow.status_code
    assert _comparable(swift) == _comparable(slow)
    assert (swift.status_code == 201) is (case in {*list(CASES)[:5]})


@pytest.mark.parametrize("content", [b'{"label": "\xff\xfe"}', b'{"label": "\\ud800"}', b"[" * 2000])
async def test_text_that_is_no_text_is_refused(content: bytes, asked: tuple[httpx.AsyncClient, str]) -> None:
    """The one difference: the lane's JSON reader says so at once, where the framework's lets some of it through."""
    client, token = asked
    response = await client.post("/v1/fast", content=content, headers={"Authorization": f"Bearer {token}", **JSON})
    assert (response.status_code, response.json()["errors"][0]["code"]) == (400, "invalid_json")


async def test_other_methods_and_the_document_stay_with_the_framework(asked: tuple[httpx.AsyncClient, str]) -> None:
    client, _ = asked
    assert (await client.get("/v1/fast")).status_code == 405
    paths = (await client.get("/openapi.json")).json()["paths"]
    fast_one, slow_one = (json.dumps(paths[path]["post"]) for path in ("/v1/fast", "/v1/slow"))
    assert fast_one.replace("Fast", "").replace("fast", "") == slow_one.replace("Slow", "").replace("slow", "")


async def test_an_endpoint_beyond_the_lane_is_refused_at_start() -> None:
    router = APIRouter()

    @router.post("/v1/things/{thing_id}")
    @fast
    async def with_path(thing_id: str) -> Response:
        return Response(thing_id)

    with pytest.raises(TypeError, match="thing_id"):
        lanes_of([router])
    other = APIRouter()

    @other.post("/v1/things")
    @fast
    async def with_query(limit: Annotated[int, Query()]) -> Response:
        return Response(str(limit))

    with pytest.raises(TypeError, match="/v1/things"):
        lanes_of([other])


def _comparable(response: httpx.Response) -> Any:
    body = response.json() if response.content else None
    if isinstance(body, dict):
        body.pop("traceId", None)
    kept = {name: value for name, value in response.headers.items() if name != "content-length"}
    return body, kept
