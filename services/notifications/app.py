"""The HTTP side of the service."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from libs.common.clock import Clock, SystemClock
from libs.common.db import Database
from libs.common.http import CREATED, NO_CONTENT, OK, create_service_app
from libs.common.idempotency import Answer
from libs.common.models import ApiModel
from libs.common.operation import Operation
from libs.common.requests import etag
from services.notifications.api import alerts, deliveries, links, policies, staffing
from services.notifications.api.alert_schemas import alert_of_hazard
from services.notifications.api.parts import Parts
from services.notifications.api.policy_schemas import ladder_out, template_out
from services.notifications.api.staffing_schemas import contact_out, shift_out
from services.notifications.operations.acknowledge import Acknowledged, acknowledge
from services.notifications.operations.retry import retry
from services.notifications.operations.staffing import Row, enter, remove
from services.notifications.settings import NotificationsSettings
from services.notifications.store.staffing import Ledger

NAME = "notifications"
_DESCRIPTION = """谁该知道、谁已知道、谁还没有回应：隐患的提醒、值班表、联系方式与投递记录。

提醒按层级逐级通知，直到有人签收；某一级无人可通知时立即通知上一级，谁也找不到时状态为 `exhausted`。"""
_SHOWN: Mapping[Ledger, Callable[[Row], ApiModel]] = {
    Ledger.CONTACTS: contact_out,
    Ledger.SHIFTS: shift_out,
    Ledger.LADDERS: ladder_out,
    Ledger.TEMPLATES: template_out,
}


def create_app(
    settings: NotificationsSettings | None = None, clock: Clock | None = None, db: Database | None = None
) -> FastAPI:
    """The application; a database that is handed in is shared with the background side and closed by its owner."""
    settings = settings or NotificationsSettings()
    clock = clock or SystemClock()
    own = db or Database(settings.database_url, pool_size=settings.database_pool_size, application_name=NAME)

    parts = _parts(settings, clock, own)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        await parts.drain()
        if db is None:
            await own.close()

    app = create_service_app(
        name=NAME,
        title="隐患闭环 · 提醒",
        description=_DESCRIPTION,
        settings=settings,
        clock=clock,
        routers=(alerts.router, links.router, deliveries.router, staffing.router, policies.router),
        ready={"database": own.ping},
        lifespan=life,
    )
    app.state.parts = parts
    return app


def _parts(settings: NotificationsSettings, clock: Clock, db: Database) -> Parts:
    return Parts(
        db=db,
        clock=clock,
        settings=settings,
        acknowledge=Operation("acknowledge", db, clock, acknowledge, _acknowledged),
        enter={
            ledger: Operation(f"enter_{ledger.table}", db, clock, enter(ledger), _entered(show))
            for ledger, show in _SHOWN.items()
        },
        remove={
            ledger: Operation(f"remove_{ledger.table}", db, clock, remove(ledger), _removed)
            for ledger in (Ledger.CONTACTS, Ledger.SHIFTS)
        },
        retry=Operation("retry", db, clock, retry, lambda _: Answer(OK, b"")),
    )


def _acknowledged(result: Acknowledged) -> Answer:
    shown = alert_of_hazard(result.alert, result.hazard)
    return Answer(OK, shown.model_dump_json(by_alias=True).encode(), {"ETag": etag(shown.version)})


def _entered(show: Callable[[Row], ApiModel]) -> Callable[[Row], Answer]:
    def render(row: Row) -> Answer:
        return Answer(CREATED, show(row).model_dump_json(by_alias=True).encode(), {"ETag": etag(row["version"])})

    return render


def _removed(_: Any) -> Answer:
    return Answer(NO_CONTENT, b"")
