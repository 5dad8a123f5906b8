"""The HTTP side of every service: each refusal is a problem+json with a code, and none repeats what was sent."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Query, Response, UploadFile

from libs.common.bus.base import BusUnavailable
from libs.common.clock import SystemClock
from libs.common.cursors import decode_cursor
from libs.common.errors import Busy, Conflict, DatabaseUnavailable, NotFound, StaleVersion
from libs.common.http import create_service_app, problems
from libs.common.logs import trace_id
from libs.common.models import ApiModel, Line, Page
from libs.common.requests import CurrentActor, IfMatch, etag
from libs.common.settings import ServiceSettings

LIMIT = 2048
UPLOAD_LIMIT = 20_000
MARK = "秘密-8c1f"  # whatever is sent holds it, no answer may


class ThingIn(ApiModel):
    label: Line
    amount: int = 0


router = APIRouter(prefix="/v1", tags=["things"])


@router.post("/things", operation_id="makeThing", responses=problems(Conflict))
async def make_thing(body: ThingIn) -> Response:
    return Response(json.dumps({"label": body.label}), 201, {"ETag": etag(1)}, media_type="application/json")


@router.get("/things", operation_id="listThings")
async def list_things(cursor: str | None = None, limit: Annotated[int, Query(ge=1, le=100)] = 50) -> Page[str]:
    decode_cursor(cursor, int)
    return Page(items=[], next_cursor=None)


@router.put("/things/{id}", operation_id="changeThing")
async def change_thing(id: UUID, body: ThingIn, version: IfMatch) -> dict[str, int]:
    if version != 3:
        raise StaleVersion
    return {"version": 4}


@router.get("/things/{id}", operation_id="readThing")
async def read_thing(id: UUID) -> Response:
    raise NotFound


@router.get("/mine", operation_id="readMine")
async def read_mine(actor: CurrentActor) -> dict[str, str]:
    return {"id": actor.id}


@router.post("/files", operation_id="sendFile")
async def send_file(file: UploadFile) -> dict[str, int]:
    return {"size": len(await file.read())}


@router.get("/broken", operation_id="breakDown")
async def break_down(how: str = "") -> Response:
    if how == "busy":
        raise DatabaseUnavailable
    raise RuntimeError(f"with a detail that nobody should see: {MARK}")


@router.get("/trace", operation_id="readTrace")
async def read_trace() -> dict[str, str]:
    return {"trace": trace_id.get()}


class Health:
    """What the checks of /readyz do."""

    def __init__(self) -> None:
        self.database: Exception | None = None
        self.bus: Exception | None = None
        self.hang = False

    async def ask_database(self) -> None:
        if self.hang:
            await asyncio.Event().wait()
        if self.database:
            raise self.database

    async def ask_bus(self) -> str:
        if self.bus:
            raise self.bus
        return "id"


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
def app(health: Health) -> FastAPI:
    return create_service_app(
        name="toys",
        title="玩具",
        description="测试用",
        settings=ServiceSettings(max_body_bytes=LIMIT),
        clock=SystemClock(),
        routers=[router],
        ready={"database": health.ask_database, "bus": health.ask_bus},
        larger_bodies={"/v1/files": UPLOAD_LIMIT},
    )


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://toys") as client:
        yield client


def problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The document of a refusal that looks as every refusal must."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert MARK not in response.text
    document: dict[str, Any] = response.json()
    assert document["status"] == status
    assert document["code"] == code
    assert document.keys() == {"type", "title", "status", "detail", "code", "errors", "traceId"}
    assert len(document["traceId"]) == 32
    return document


def fields(response: httpx.Response, code: str = "invalid_input", status: int = 422) -> list[tuple[str, str]]:
    return [(e["pointer"], e["code"]) for e in problem(response, status, code)["errors"]]


async def test_good_requests_are_answered(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/things", json={"label": "灭火器 🧯"})
    assert (response.status_code, response.json(), response.headers["etag"]) == (201, {"label": "灭火器 🧯"}, '"1"')


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", f"/nowhere/{MARK}", 404, "not_found"),
        ("GET", "/v1/things/01a20091-5e13-712a-ae0e-69eef3fb28ba", 404, "not_found"),
        ("DELETE", "/v1/things", 405, "method_not_allowed"),
        ("GET", "/v1/broken", 500, "internal_error"),
        ("GET", "/v1/broken?how=busy", 503, "database_unavailable"),
        ("GET", "/v1/mine", 401, "unauthenticated"),
        ("GET", f"/v1/things?cursor={MARK}", 422, "invalid_cursor"),
        ("GET", "/v1/things?cursor=W10", 422, "invalid_cursor"),
    ],
)
async def test_refusals_without_a_body(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    response = await client.request(method, path)
    problem(response, status, code)
    if status == 503:
        assert int(response.headers["retry-after"]) >= 1
    if status == 401:
        assert response.headers["www-authenticate"].startswith("Bearer")
    if status == 405:
        assert "POST" in response.headers["allow"] or "GET" in response.headers["allow"]


@pytest.mark.parametrize(
    ("path", "pointer", "code"),
    [
        (f"/v1/things?limit={MARK}", "/query/limit", "wrong_type"),
        ("/v1/things?limit=0", "/query/limit", "out_of_range"),
        ("/v1/things?limit=" + "9" * 400, "/query/limit", "out_of_range"),
        (f"/v1/things/{MARK}", "/path/id", "wrong_format"),
    ],
)
async def test_addresses_at_fault(client: httpx.AsyncClient, path: str, pointer: str, code: str) -> None:
    assert fields(await client.get(path)) == [(pointer, code)]


@pytest.mark.parametrize("query", ["limit=", "limit", "cursor=&limit=", "&&limit=&", "limit=&limit=7&cursor"])
async def test_a_blank_parameter_asks_for_nothing(client: httpx.AsyncClient, query: str) -> None:
    assert (await client.get(f"/v1/things?{query}")).status_code == 200


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"label": MARK, MARK: MARK}, [("", "unknown_field")]),
        ({"label": MARK, "amuont": 1}, [("/amuont", "unknown_field")]),
        ({"label": [MARK]}, [("/label", "wrong_type")]),
        ({"label": f"{MARK}\x00"}, [("/label", "control_characters")]),
        ({"label": f"{MARK}\x1b[31m"}, [("/label", "control_characters")]),
        ({"label": MARK * 100}, [("/label", "too_long")]),
        ({"amount": MARK}, [("/label", "required"), ("/amount", "wrong_type")]),
        ([MARK], [("", "wrong_type")]),
        (MARK, [("", "wrong_type")]),
        (None, [("", "required")]),
    ],
)
async def test_bodies_at_fault(client: httpx.AsyncClient, body: object, expected: list[tuple[str, str]]) -> None:
    assert fields(await client.post("/v1/things", json=body)) == expected


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        f'{{"label": "{MARK}"'.encode(),
        b"\xff\xfe",
        b'{"label": "\xed\xa0\x80"}',
        b"[" * 2000,
        b'{"amount": ' + b"9" * 1900,
        b"",
        b" ",
        b'{"label": "\\ud800"}',
        b'{"\\ud800": 1, "label": "x"}',
        b'{"label": "x", "amount": NaN}',
        b'{"label": "x", "amount": 1e400}',
        b'{"label": "x", "amount": -Infinity}',
    ],
)
async def test_unreadable_bodies_are_the_callers_fault(client: httpx.AsyncClient, content: bytes) -> None:
    response = await client.post("/v1/things", content=content, headers={"content-type": "application/json"})
    assert response.status_code in {400, 422}
    problem(response, response.status_code, {400: "malformed_request", 422: "invalid_input"}[response.status_code])


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "", "application/jsonx", "multipart/form-data"])
async def test_another_content_type_is_refused(client: httpx.AsyncClient, kind: str) -> None:
    response = await client.post("/v1/things", content=b'{"label": "x"}', headers={"content-type": kind})
    assert response.status_code in {400, 415, 422}
    problem(response, response.status_code, response.json()["code"])


async def chunks(size: int) -> AsyncIterator[bytes]:
    yield b'{"label": "'
    for _ in range(size // 1000):
        yield b"x" * 1000
    yield b'"}'


async def test_a_body_too_large_is_refused_announced_or_not(client: httpx.AsyncClient) -> None:
    problem(await client.post("/v1/things", json={"label": MARK * LIMIT}), 413, "body_too_large")
    problem(await client.post("/v1/things", content=chunks(10_000_000)), 413, "body_too_large")
    unread = await client.post("/v1/mine", content=b"x" * (LIMIT + 1))
    problem(unread, 413, "body_too_large")


@pytest.mark.parametrize("announced", ["-1", "1e3", "abc", "", "999999999999999999999999"])
async def test_a_senseless_length_is_refused(app: FastAPI, announced: str) -> None:
    sent: list[dict[str, Any]] = []
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": "/v1/things",
        "raw_path": b"/v1/things",
        "query_string": b"",
        "headers": [(b"content-length", announced.encode()), (b"content-type", b"application/json")],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    assert sent[0]["status"] in {400, 413}


async def test_uploads_have_a_limit_of_their_own(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/files", files={"file": ("a.xlsx", b"x" * 10_000)})
    assert answer.json() == {"size": 10_000}
    problem(await client.post("/v1/files", files={"file": ("a.xlsx", b"x" * UPLOAD_LIMIT)}), 413, "body_too_large")
    boundary = {"content-type": "multipart/form-data; boundary=b"}

    async def parts() -> AsyncIterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(100):
            yield b"x" * 1000
        yield b"\r\n--b--\r\n"

    problem(await client.post("/v1/files", content=parts(), headers=boundary), 413, "body_too_large")
    problem(await client.post("/v1/filesystem", content=b"x" * (LIMIT + 1)), 413, "body_too_large")


@pytest.mark.parametrize("content", [b"", b"--b", b"--c\r\n\r\nx\r\n--c--", b"--b\r\nContent-Disposition: x\r\n\r\n"])
async def test_damaged_forms_are_refused(client: httpx.AsyncClient, content: bytes) -> None:
    for kind in ("multipart/form-data; boundary=b", "multipart/form-data"):
        response = await client.post("/v1/files", content=content, headers={"content-type": kind})
        assert response.status_code in {400, 422}
        problem(response, response.status_code, response.json()["code"])


@pytest.mark.parametrize(
    "address", ["/v1/things/%00", "/v1/%0a", "/v1/things?cursor=%00", "/v1/things?limit=1%1B", "/%7f", "/v1/x%0D%0Ay"]
)
async def test_control_characters_in_addresses_are_refused(client: httpx.AsyncClient, address: str) -> None:
    problem(await client.get(address), 400, "malformed_request")


@pytest.mark.parametrize("address", ["/v1/things?cursor=%ff", "/v1/things/%ff%fe", "/v1/things?limit=%e4%b8%ad"])
async def test_other_odd_addresses_are_no_crash(client: httpx.AsyncClient, address: str) -> None:
    assert (await client.get(address)).status_code == 422


ID = "01a20091-5e13-712a-ae0e-69eef3fb28ba"


async def test_a_change_needs_the_version_that_was_seen(client: httpx.AsyncClient) -> None:
    async def put(if_match: str | None) -> httpx.Response:
        headers = {} if if_match is None else {"If-Match": if_match}
        return await client.put(f"/v1/things/{ID}", json={"label": "x"}, headers=headers)

    problem(await put(None), 428, "precondition_required")
    problem(await put("*"), 428, "precondition_required")
    problem(await put('"2"'), 412, "stale_version")
    assert (await put('"3"')).json() == {"version": 4}
    assert (await put('W/"3"')).json() == {"version": 4}  # a proxy that compresses makes it weak
    for foreign in ('"x"', '"-1"', '"3", "4"', 'W/"2"', '"0"', '"' + "9" * 30 + '"'):
        problem(await put(foreign), 412, "stale_version")
    for odd in ("3", '"x', "", '"３"'.encode()):
        response = await client.put(
            f"/v1/things/{ID}",
            json={"label": "x"},
            headers=[(b"If-Match", odd if isinstance(odd, bytes) else odd.encode())],
        )
        problem(response, 400, "malformed_request")


async def test_the_trace_of_the_caller_goes_on(client: httpx.AsyncClient) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    seen = (await client.get("/v1/trace", headers={"traceparent": parent})).json()["trace"]
    assert seen.split("-")[1] == parent.split("-")[1]
    assert seen.split("-")[2] != parent.split("-")[2]
    refused = await client.get("/nowhere", headers={"traceparent": parent})
    assert refused.json()["traceId"] == parent.split("-")[1]
    traces = {
        (await client.get("/v1/trace", headers={"traceparent": odd})).json()["trace"]
        for odd in ("", "x", "00-" + "0" * 40, parent[:-3])
    }
    assert len(traces) == 4
    assert all(len(trace) == 55 for trace in traces)


async def test_a_crash_is_logged_with_its_trace_and_answered_without_it(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        document = problem(await client.get("/v1/broken"), 500, "internal_error")
    assert "RuntimeError" not in json.dumps(document)
    assert any(record.exc_info for record in caplog.records)


async def test_head_is_get_without_a_body_and_allow_names_every_method(client: httpx.AsyncClient) -> None:
    head = await client.head("/livez")
    assert (head.status_code, head.content) == (200, b"")
    refused = await client.delete("/v1/things")
    problem(refused, 405, "method_not_allowed")
    assert refused.headers["allow"] == "GET, HEAD, POST"


async def test_alive_and_ready(client: httpx.AsyncClient, health: Health) -> None:
    assert (await client.get("/livez")).status_code == 200
    assert (await client.get("/readyz")).status_code == 200
    health.database = DatabaseUnavailable()
    response = await client.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {"status": "not ready", "failing": ["database"], "instance": ""}
    health.bus = BusUnavailable("gone")
    assert (await client.get("/readyz")).json()["failing"] == ["database", "bus"]
    health.database, health.bus = Busy(), None
    assert (await client.get("/readyz")).json()["failing"] == ["database"]
    assert (await client.get("/livez")).status_code == 200


async def test_a_check_that_hangs_is_not_waited_for(
    client: httpx.AsyncClient, health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.common.health._READY_SECONDS", 0.01)
    health.hang = True
    response = await asyncio.wait_for(client.get("/readyz"), 5)
    assert (response.status_code, response.json()["failing"]) == (503, ["database"])


async def test_metrics_name_routes_not_addresses(client: httpx.AsyncClient) -> None:
    await client.get(f"/v1/things/{ID}")
    await client.get("/never/seen/before")
    await client.get("/v1/broken")
    text = (await client.get("/metrics")).text
    assert 'http_requests_total{route="/v1/things/{id}",service="toys",status="404"}' in text
    assert 'route="/v1/broken",service="toys",status="500"' in text
    assert ID not in text
    assert "/never/seen" not in text


async def test_docs_need_no_internet(client: httpx.AsyncClient) -> None:
    page = (await client.get("/docs")).text
    assert "http://" not in page.replace("http://toys", "")
    assert "https://" not in page
    assets = [part.split('"')[0] for part in page.replace("'", '"').split('"/')[1:]]
    scripts = ["/" + asset for asset in assets if asset.endswith((".js", ".css", ".png"))]
    assert len(scripts) >= 2
    for script in scripts:
        assert (await client.get(script)).status_code == 200


async def test_the_document_holds_every_refusal_and_nothing_of_the_framework(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    assert all(parameter["allowEmptyValue"] for parameter in document["paths"]["/v1/things"]["get"]["parameters"])
    text = json.dumps(document)
    assert "HTTPValidationError" not in text
    refs = {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert refs <= set(document["components"]["schemas"])
    made = document["paths"]["/v1/things"]["post"]["responses"]
    assert "conflict" in made["409"]["content"]["application/problem+json"]["examples"]
    listed = document["paths"]["/v1/things"]["get"]["responses"]  # a route that names no problems of its own
    assert "application/problem+json" in listed["422"]["content"]
    assert "/livez" not in document["paths"]
