"""The HTTP side that all services share: statuses (here alone), problem+json, bundled docs."""

import json
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match

from libs.common.asgi import Blanks, Bounded, CutOff, Heads, Refuse, Traced
from libs.common.auth import TokenVerifier
from libs.common.clock import Clock
from libs.common.errors import (
    AppError,
    Busy,
    Forbidden,
    IdempotencyKeyReused,
    InvalidInput,
    Kind,
    MalformedRequest,
    NotFound,
    TooLarge,
    Unauthenticated,
)
from libs.common.fast_route import FastLane, lanes_of
from libs.common.health import Check, health_routes
from libs.common.idempotency import Answer
from libs.common.logs import trace_id
from libs.common.models import Problem
from libs.common.problems import refusal
from libs.common.settings import ServiceSettings

log = logging.getLogger(__name__)

STATUS: Mapping[Kind, int] = {
    Kind.MALFORMED: 400,
    Kind.UNAUTHENTICATED: 401,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.METHOD: 405,
    Kind.CONFLICT: 409,
    Kind.STALE: 412,
    Kind.TOO_LARGE: 413,
    Kind.UNSUPPORTED: 415,
    Kind.INVALID: 422,
    Kind.PRECONDITION_REQUIRED: 428,
    Kind.INTERNAL: 500,
    Kind.BUSY: 503,
}
CREATED, OK, ACCEPTED, NO_CONTENT = 201, 200, 202, 204
PROBLEM_JSON = "application/problem+json"
_HEADERS: Mapping[Kind, dict[str, str]] = {
    Kind.UNAUTHENTICATED: {"WWW-Authenticate": "Bearer"},
    Kind.BUSY: {"Retry-After": "1"},
}
_EVERYWHERE: tuple[type[AppError], ...] = (MalformedRequest, Unauthenticated, Forbidden, TooLarge, InvalidInput, Busy)


class MethodNotAllowed(AppError):
    code, kind, title = "method_not_allowed", Kind.METHOD, "此地址不支持该方法"


def problem_document(error: AppError) -> dict[str, object]:
    """RFC 9457 details of a refusal; also the `problem` of one item of a bulk answer."""
    return {
        "type": f"/problems/{error.code}",
        "title": error.title,
        "status": STATUS[error.kind],
        "detail": error.detail,
        "code": error.code,
        "errors": [{"pointer": e.pointer, "code": e.code, "message": e.message} for e in error.errors],
        "traceId": trace_id.get()[3:35],
    }


def render_problem(error: AppError) -> tuple[int, dict[str, str], dict[str, object]]:
    """Status, headers and document of a refusal."""
    headers = {"Content-Type": PROBLEM_JSON, **_HEADERS.get(error.kind, {})}
    return STATUS[error.kind], headers, problem_document(error)


def problem_response(error: AppError) -> Response:
    """The refusal as a response."""
    status, headers, document = render_problem(error)
    return Response(json.dumps(document, ensure_ascii=False).encode(), status_code=status, headers=headers)


def respond(answer: Answer) -> Response:
    """The answer of an operation as a response."""
    return Response(answer.body, status_code=answer.status, headers=dict(answer.headers), media_type="application/json")


def problems(*errors: type[AppError]) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of a route: which statuses with which stable codes it may answer, beside those all have."""
    by_status: dict[int | str, list[type[AppError]]] = {}
    for error in (*_EVERYWHERE, *errors):
        listed = by_status.setdefault(STATUS[error.kind], [])
        if error not in listed:
            listed.append(error)
    return {status: _documented(listed) for status, listed in sorted(by_status.items())}


def _documented(errors: Sequence[type[AppError]]) -> dict[str, Any]:
    return {
        "description": "；".join(f"`{error.code}` {error.title}" for error in errors),
        "content": {
            PROBLEM_JSON: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": {error.code: {"value": {**problem_document(error()), "traceId": ""}} for error in errors},
            }
        },
    }


CREATING = problems(IdempotencyKeyReused)


def create_service_app(
    *,
    name: str,
    title: str,
    description: str,
    settings: ServiceSettings,
    clock: Clock,
    routers: Iterable[APIRouter],
    ready: Mapping[str, Check],
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None,
    larger_bodies: Mapping[str, int] = MappingProxyType({}),
) -> FastAPI:
    """A service's application.

    `ready` names what /readyz asks (each raises AppError or BusUnavailable when it is not well);
    `larger_bodies` are path prefixes with a body limit of their own.
    """

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        if lifespan is None:
            yield
            return
        async with lifespan(app):
            yield

    app = FastAPIOffline(
        title=title,
        description=description,
        version="1.0.0",
        redoc_url=None,
        lifespan=life,
        openapi_tags=None,
        separate_input_output_schemas=False,
        swagger_ui_parameters={"displayRequestDuration": True, "persistAuthorization": True},
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},  # we measure ourselves
    )
    app.state.settings = settings
    app.state.clock = clock
    app.state.verifier = TokenVerifier(settings, clock)
    routers = [*routers, health_routes(ready, settings.instance)]
    for router in routers:
        app.include_router(router)
    _handle_errors(app, [route for router in routers for route in router.routes])
    _complete_document(app)
    app.add_middleware(Blanks)
    app.add_middleware(FastLane, lanes=lanes_of(routers), refuse=Refuse(render_problem))
    app.add_middleware(Bounded, limit=settings.max_body_bytes, larger=larger_bodies, refuse=Refuse(render_problem))
    app.add_middleware(Heads)
    app.add_middleware(CutOff, refuse=Refuse(render_problem))
    app.add_middleware(Traced, service=name)
    return app


def _handle_errors(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    @app.exception_handler(AppError)
    async def refused(_: Request, error: AppError) -> Response:
        if error.kind is Kind.INTERNAL:
            log.error("internal error", exc_info=error)
        return problem_response(error)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        return problem_response(refusal(error.errors()))

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> Response:
        response = problem_response(_of_framework(error))
        response.headers.update(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            response.headers["Allow"] = _methods_at(request, routes)
        return response

    @app.exception_handler(Exception)
    async def unexpected(_: Request, error: Exception) -> Response:
        log.error("unexpected error", exc_info=error)
        return problem_response(AppError())


def _methods_at(request: Request, routes: Sequence[BaseRoute]) -> str:
    """The methods of every route at this address: the framework names those of the first alone."""
    methods = {
        method
        for route in routes
        if route.matches(request.scope)[0] is not Match.NONE
        for method in getattr(route, "methods", None) or ()
    }
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))


def _of_framework(error: HTTPException) -> AppError:
    """The framework wraps what goes wrong while it reads a body: the cause knows better."""
    if isinstance(error.__cause__, AppError):
        return error.__cause__
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            return NotFound("没有这个地址")
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return MethodNotAllowed()
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return Unauthenticated()
        case status if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return MalformedRequest()
    return AppError()


def _replace_framework_refusals(paths: dict[str, Any]) -> None:
    """The framework documents its own 422 on routes that name no problems; what they answer is ours all the same."""
    for operation in (operation for item in paths.values() for operation in item.values()):
        if "HTTPValidationError" in json.dumps(operation.get("responses", {}).get("422")):
            operation["responses"]["422"] = _documented([InvalidInput])


def _allow_blanks(paths: dict[str, Any]) -> None:
    """Says of every query parameter that may be left out that it may be left blank: both are the same."""
    for operation in (operation for item in paths.values() for operation in item.values()):
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "query" and not parameter["required"]:
                parameter["allowEmptyValue"] = True


def _complete_document(app: FastAPI) -> None:
    """Puts the Problem schema where the documented refusals point, drops the framework's own error schemas, and says
    which parameters may be blank."""
    plain = app.openapi

    def documented() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = plain()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
            schemas.update(problem.pop("$defs", {}))
            schemas["Problem"] = problem
            schemas.pop("ValidationError", None)
            if schemas.pop("HTTPValidationError", None) is not None:
                _replace_framework_refusals(document["paths"])
            _allow_blanks(document["paths"])
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = documented  # type: ignore[method-assign]
