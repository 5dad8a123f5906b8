"""The toy service behind HTTP, as every service is: one operation a route, nothing answered before COMMIT."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import UUID

import httpx
from fastapi import APIRouter, FastAPI, Header, Response

from libs.common.clock import Clock, SystemClock
from libs.common.db import Database
from libs.common.errors import AppError
from libs.common.http import create_service_app, problem_document, respond
from libs.common.idempotency import Answer, Claim
from libs.common.models import ApiModel
from libs.common.operation import Operation
from libs.common.settings import ServiceSettings
from tests.support import toyservice as toys


class ThingIn(ApiModel):
    id: UUID
    label: str = "thing"
    slot: str | None = None
    weight: int = 1

    def command(self) -> toys.Make:
        return toys.Make(self.id, self.label, self.slot, self.weight)


class ThingsIn(ApiModel):
    items: list[ThingIn]


def create_toy_app(db: Database, clock: Clock | None = None, routers: tuple[APIRouter, ...] = ()) -> FastAPI:
    """The toy service over that database; `app.state.make` is its operation."""
    clock = clock or SystemClock()
    make = Operation("make", db, clock, toys.make_things, toys.render)
    router = APIRouter(prefix="/v1")

    @router.post("/things", operation_id="makeThing")
    async def make_thing(body: ThingIn, idempotency_key: Annotated[str | None, Header()] = None) -> Response:
        claim = Claim("me", idempotency_key, body.model_dump_json().encode()) if idempotency_key else None
        return respond(await make.submit(body.command(), claim))

    @router.post("/things/batch", operation_id="makeThings")
    async def make_things(body: ThingsIn, idempotency_key: Annotated[str | None, Header()] = None) -> Response:
        claim = Claim("me", idempotency_key, body.model_dump_json().encode()) if idempotency_key else None
        return respond(await make.answer([item.command() for item in body.items], claim, _compose))

    @router.get("/things", operation_id="countThings")
    async def count_things() -> dict[str, int]:
        async with db.transaction() as tx:
            return {"count": await tx.fetchval("SELECT count(*) FROM things")}

    app = create_service_app(
        name="toys",
        title="玩具",
        description="测试用",
        settings=ServiceSettings(),
        clock=clock,
        routers=[router, *routers],
        ready={"database": db.ping},
    )
    app.state.make = make
    return app


def _compose(results: object) -> Answer:
    assert isinstance(results, list)
    items = [
        {"status": 422, "problem": problem_document(r)} if isinstance(r, AppError) else {"status": 201, "id": str(r.id)}
        for r in results
    ]
    return Answer(200, json.dumps({"items": items}).encode())


@asynccontextmanager
async def client_of(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client that speaks to the application without a network."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://toys", timeout=60) as client:
        yield client
