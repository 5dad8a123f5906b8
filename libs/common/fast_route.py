"""The fast lane: the few routes that carry the load are answered without the framework's machinery.

`@fast` below `@router.post(...)` changes nothing about how a route is declared, documented or tested: the endpoint and
its signature stay. Requests for exactly its method and path are taken out before the framework's router, and the
arguments are found directly: the caller, the idempotency key, the body (validated from its bytes), and whatever a
dependency reads from the request alone.
"""

import inspect
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

from fastapi import APIRouter, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from libs.common.actors import Actor
from libs.common.asgi import Refuse
from libs.common.auth import TokenVerifier
from libs.common.errors import AppError, InvalidInput, Kind, Unauthenticated
from libs.common.failpoints import failpoint
from libs.common.problems import field_errors, refusal
from libs.common.requests import claim_of, current_actor, idempotency_claim

log = logging.getLogger(__name__)

E = TypeVar("E", bound=Callable[..., Awaitable[Response]])

_MARK = "_in_fast_lane"


def fast(endpoint: E) -> E:
    """Puts the route of this endpoint into the fast lane. It must return a `Response`, and its path be a constant."""
    setattr(endpoint, _MARK, True)
    return endpoint


class _Asked:
    """One request, as far as the lane has read it."""

    __slots__ = ("actor", "body", "headers", "request", "scope")

    def __init__(self, scope: Scope, receive: Receive, body: bytes) -> None:
        self.scope = scope
        self.body = body
        self.request = Request(scope, receive)
        self.headers: dict[bytes, bytes] = dict(reversed(scope["headers"]))  # the first of equal names counts
        self.actor: Actor | None = None

    def header(self, name: bytes) -> str | None:
        found = self.headers.get(name)
        return None if found is None else found.decode("latin-1")


Find = Callable[[_Asked], Awaitable[Any]]


async def _actor(asked: _Asked) -> Actor:
    if asked.actor is None:
        scheme, _, token = (asked.header(b"authorization") or "").partition(" ")
        if scheme.lower() != "bearer" or not (token := token.strip()):
            raise Unauthenticated
        verifier: TokenVerifier = asked.scope["app"].state.verifier
        asked.actor = await verifier.verify(token)
    return asked.actor


async def _claim(asked: _Asked) -> Any:
    key = asked.header(b"idempotency-key")
    return claim_of(await _actor(asked), key, asked.scope["method"], asked.scope["path"], asked.body)


_KNOWN: Mapping[Any, Find] = {current_actor: _actor, idempotency_claim: _claim}


class Lane:
    """One route of the lane. Raises TypeError at start for an endpoint whose arguments it cannot find."""

    def __init__(self, route: APIRoute) -> None:
        self.route = route
        asks = route.dependant
        if asks.path_params or asks.query_params or asks.header_params or asks.cookie_params or route.param_convertors:
            raise TypeError(f"{route.path}: the fast lane knows no parameters beside the body")
        if len(asks.body_params) > 1 or route._embed_body_fields:
            raise TypeError(f"{route.path}: the fast lane knows one body")
        self._finds = [(str(each.name), _finder(each)) for each in asks.dependencies]
        self._request_name = asks.request_param_name
        self._body_name = asks.body_params[0].name if asks.body_params else None
        self._validator: TypeAdapter[Any] | None = None
        if asks.body_params:
            self._validator = TypeAdapter(cast(Any, asks.body_params[0].field_info.annotation))

    async def answer(self, scope: Scope, receive: Receive) -> Response | None:
        """The endpoint's response; None when the caller is gone. Raises AppError."""
        body = await _read(receive)
        if body is None:
            return None
        asked = _Asked(scope, receive, body)
        arguments: dict[str, Any] = {}
        for name, find in self._finds:  # first who asks, then what: nobody learns from an error what he may not know
            arguments[name] = await find(asked)
        if self._validator is not None and self._body_name is not None:
            arguments[self._body_name] = self._validated(asked, self._validator)
        if self._request_name is not None:
            arguments[self._request_name] = asked.request
        response: Response = await self.route.endpoint(**arguments)
        return response

    def _validated(self, asked: _Asked, validator: TypeAdapter[Any]) -> Any:
        if not asked.body:
            raise InvalidInput(errors=field_errors([{"type": "missing", "loc": ("body",)}]))
        if not _is_json(asked.header(b"content-type")):
            raise InvalidInput(errors=field_errors([{"type": "model_attributes_type", "loc": ("body",)}]))
        try:
            return validator.validate_json(asked.body)
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False, include_input=False)
            raise refusal([{**each, "loc": ("body", *each["loc"])} for each in found]) from error


class FastLane:
    """Plain ASGI middleware: takes the requests of the lane, passes all others on."""

    def __init__(self, app: ASGIApp, lanes: Mapping[tuple[str, str], Lane], refuse: Refuse) -> None:
        self._app = app
        self._lanes = lanes
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        lane = self._lanes.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if lane is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = lane.route
        failpoint("api.received")
        try:
            response = await lane.answer(scope, receive)
        except AppError as error:
            if error.kind is Kind.INTERNAL:
                log.error("internal error", exc_info=error)
            await self._refuse(error, send)
            return
        if response is not None:
            failpoint("api.answering")
            await response(scope, receive, send)
            failpoint("api.answered")


def lanes_of(routers: Iterable[APIRouter]) -> dict[tuple[str, str], Lane]:
    """The lane's routes among those of the routers, by method and path."""
    return {
        (method, route.path): Lane(route)
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute) and getattr(route.endpoint, _MARK, False)
        for method in route.methods or ()
    }


def _finder(dependency: Dependant) -> Find:
    call = dependency.call
    if call in _KNOWN:
        return _KNOWN[call]
    alone = not (dependency.dependencies or dependency.path_params or dependency.query_params)
    name = dependency.request_param_name
    if call is None or name is None or not alone or dependency.header_params or dependency.body_params:
        raise TypeError(f"the fast lane cannot find what {call} gives")
    if inspect.iscoroutinefunction(call):
        return lambda asked: call(**{name: asked.request})

    async def at_once(asked: _Asked) -> Any:
        return call(**{name: asked.request})

    return at_once


async def _read(receive: Receive) -> bytes | None:
    """The whole body; None when the caller went away before its end."""
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body", False):
        message = await receive()
        body += message.get("body", b"")
    return None if message["type"] == "http.disconnect" else body


def _is_json(content_type: str | None) -> bool:
    if content_type == "application/json":
        return True
    kind = (content_type or "").split(";", 1)[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
