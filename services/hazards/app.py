"""The HTTP side of the hazards service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from libs.common.clock import Clock, SystemClock
from libs.common.db import Database
from libs.common.http import create_service_app
from services.hazards.api import codes, hazards, moves, policies, views
from services.hazards.api.wiring import wire
from services.hazards.settings import HazardsSettings

DESCRIPTION = (
    "隐患闭环：上报、核实、交办、整改、复查、销号，以及各级的时限、提醒与逾期升级。"
    "每次变更须以 If-Match 带上所读的版本；每个新建可带 Idempotency-Key。"
)


def create_app(
    settings: HazardsSettings | None = None, clock: Clock | None = None, db: Database | None = None
) -> FastAPI:
    """The application; a database that is handed in is shared with the background side and closed by its owner."""
    settings = settings or HazardsSettings()
    clock = clock or SystemClock()
    owned = db is None
    database = db or Database(
        settings.database_url, pool_size=settings.database_pool_size, application_name="hazards-app"
    )
    wiring = wire(database, clock)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        for operation in (wiring.reports, wiring.moves, wiring.policies):
            await operation.drain()
        if owned:
            await database.close()

    app = create_service_app(
        name="hazards",
        title="隐患闭环服务",
        description=DESCRIPTION,
        settings=settings,
        clock=clock,
        routers=[hazards.router, moves.router, views.router, policies.router, codes.router],
        ready={"database": database.ping},
        lifespan=lifespan,
        larger_bodies={"/v1/hazards/batch": settings.max_batch_bytes},
    )
    app.state.wiring = wiring
    return app
