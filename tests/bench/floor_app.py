"""The process behind the part `floors`: empty routes that do what every report does on its way in, and nothing more."""

import json

import uvloop
from fastapi import APIRouter, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from libs.common.clock import SystemClock
from libs.common.fast_route import fast
from libs.common.http import CREATED, create_service_app, respond
from libs.common.idempotency import Answer
from libs.common.requests import CurrentActor, IdempotencyClaim
from libs.common.runner import serve
from libs.common.settings import ServiceSettings
from services.hazards.api.schemas.hazards import ReportIn

BODY = json.dumps({"id": "0" * 36, "number": "HZ-000000-2000-000001", "filler": "x" * 900}).encode()
ANSWER = Answer(CREATED, BODY, {"ETag": '"1"', "Location": "/v1/hazards/0"})
router = APIRouter(prefix="/v1")


@router.post("/framework", status_code=CREATED)
async def framework(actor: CurrentActor, body: ReportIn, claim: IdempotencyClaim) -> Response:
    """What a route costs."""
    return respond(ANSWER)


@router.post("/fast", status_code=CREATED)
@fast
async def lane(actor: CurrentActor, body: ReportIn, claim: IdempotencyClaim) -> Response:
    """What the fast lane leaves of it."""
    return respond(ANSWER)


class Bare:
    """Answers one path without any framework."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/v1/bare":
            await self._app(scope, receive, send)
            return
        while (await receive()).get("more_body", False):
            pass
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY))]
        await send({"type": "http.response.start", "status": CREATED, "headers": headers})
        await send({"type": "http.response.body", "body": BODY})


def main() -> None:
    """Serves until it is told to stop."""
    settings = ServiceSettings()
    app = create_service_app(
        name="floors",
        title="floors",
        description="empty routes",
        settings=settings,
        clock=SystemClock(),
        routers=[router],
        ready={},
    )
    app.build_middleware_stack, plain = lambda: Bare(plain()), app.build_middleware_stack  # type: ignore[method-assign]
    uvloop.run(serve(app, [], host=settings.host, port=settings.port))


if __name__ == "__main__":
    main()
