"""The HTTP side of the registry."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from libs.common.clock import Clock, SystemClock
from libs.common.db import Database
from libs.common.http import create_service_app
from services.registry.api import areas, classes, enterprises, exports, imports, persons
from services.registry.api.wiring import wire
from services.registry.settings import RegistrySettings

NAME = "registry"
DESCRIPTION = (
    "监管底册：区划树、人员与岗位、一企一档、台账导入。"
    "每次变更须以 If-Match 带上所读的版本；每个新建可带 Idempotency-Key。"
)


def create_app(
    settings: RegistrySettings | None = None, clock: Clock | None = None, db: Database | None = None
) -> FastAPI:
    """The application; a database that is handed in is shared with the background side and closed by its owner."""
    settings = settings or RegistrySettings()
    clock = clock or SystemClock()
    owned = db is None
    database = db or Database(
        settings.database_url, pool_size=settings.database_pool_size, application_name="registry-app"
    )
    wiring = wire(database, clock)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await wiring.drain()
        if owned:
            await database.close()

    app = create_service_app(
        name=NAME,
        title="监管底册服务",
        description=DESCRIPTION,
        settings=settings,
        clock=clock,
        routers=[
            enterprises.router,
            areas.router,
            persons.router,
            imports.router,
            exports.router,
            classes.router,
        ],
        ready={"database": database.ping},
        lifespan=lifespan,
        larger_bodies={"/v1/imports/": settings.max_upload_bytes},
    )
    app.state.wiring = wiring
    return app
