"""Plain ASGI layers around every service: trace ids, measured requests, bounded bodies, sound addresses, no blanks."""

import asyncio
import json
import os
import re
import time
from collections.abc import Callable, Mapping

from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.common.errors import AppError, MalformedRequest, OutcomeUnknown, TooLarge
from libs.common.logs import trace_id
from libs.common.metrics import LATENCY, REQUESTS

Render = Callable[[AppError], tuple[int, dict[str, str], dict[str, object]]]
"""How an error becomes status, headers and document; `libs/common/http.py` knows."""

_TRACEPARENT = re.compile(rb"^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$")
_UNSOUND = re.compile(rb"%(0[0-9a-f]|1[0-9a-f]|7f)", re.IGNORECASE)


class Traced:
    """Gives every request a trace id (the caller's, when it sends a `traceparent`) and measures it."""

    def __init__(self, app: ASGIApp, service: str) -> None:
        self._app = app
        self._service = service
        self._figures: dict[tuple[str, int], tuple[Counter, Histogram]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        found = _TRACEPARENT.match(next((v for k, v in scope["headers"] if k == b"traceparent"), b""))
        fresh = os.urandom(24).hex()
        trace_id.set(f"00-{found[1].decode() if found else fresh[:32]}-{fresh[32:]}-01")
        status = 500

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            if (kept := self._figures.get((route, status))) is None:  # finding them by label is what costs
                kept = REQUESTS.labels(self._service, route, str(status)), LATENCY.labels(self._service, route)
                self._figures[route, status] = kept
            kept[0].inc()
            kept[1].observe(time.perf_counter() - began)


class Bounded:
    """Refuses bodies that are too large, by their announced or their real length, and addresses with control bytes."""

    def __init__(self, app: ASGIApp, limit: int, larger: Mapping[str, int], refuse: "Refuse") -> None:
        self._app = app
        self._limit = limit
        self._larger = [(path.rstrip("/") + "/", size) for path, size in larger.items()]
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if _UNSOUND.search(scope.get("raw_path", b"")) or _UNSOUND.search(scope["query_string"]):
            await self._refuse(MalformedRequest("网址中含有控制字符"), send)
            return
        limit = next((size for path, size in self._larger if f"{scope['path']}/".startswith(path)), self._limit)
        announced = next((v for k, v in scope["headers"] if k == b"content-length"), b"0")
        if not announced.isdigit() or int(announced) > limit:
            await self._refuse(TooLarge(), send)
            return
        taken = 0

        async def bounded() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                raise TooLarge
            return message

        await self._app(scope, bounded, send)


QUERY_AS_SENT = "hazardloop.query_as_sent"
"""Where a request keeps its query with the blanks: their names are judged all the same."""


class Blanks:
    """Leaves blank query parameters out: `?state=` asks for nothing, as forms send what nobody filled in."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (sent := scope["query_string"]):
            scope[QUERY_AS_SENT] = sent
            scope["query_string"] = b"&".join(pair for pair in sent.split(b"&") if pair.partition(b"=")[2])
        await self._app(scope, receive, send)


class Heads:
    """Answers HEAD as GET without its body: probes and proxies ask so."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def bodiless(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        await self._app({**scope, "method": "GET"}, receive, bodiless)


class CutOff:
    """Answers requests that the end of the process cuts off: whether they had their effect is not known."""

    def __init__(self, app: ASGIApp, refuse: "Refuse") -> None:
        self._app = app
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def watch(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except asyncio.CancelledError:
            if scope["type"] == "http" and not begun:
                await self._refuse(OutcomeUnknown(), send)
            raise


class Refuse:
    """Sends a problem without entering the application."""

    def __init__(self, render: Render) -> None:
        self._render = render

    async def __call__(self, error: AppError, send: Send) -> None:
        status, headers, document = self._render(error)
        body = json.dumps(document, ensure_ascii=False).encode()
        raw = [(k.lower().encode(), v.encode()) for k, v in headers.items()]
        raw.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": body})
