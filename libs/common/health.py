"""What operators and probes ask a service: is it alive, is it ready, what are its figures. No token, no data."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from libs.common.bus.base import BusUnavailable
from libs.common.errors import AppError

log = logging.getLogger(__name__)

_READY_SECONDS = 3.0

Check = Callable[[], Awaitable[object]]
"""Asks one thing that the service needs; raises AppError or BusUnavailable when it is not well."""


def health_routes(ready: Mapping[str, Check], instance: str) -> APIRouter:
    """/livez, /readyz (each check bounded to three seconds) and /metrics."""
    router = APIRouter(include_in_schema=False)

    @router.get("/livez")
    async def livez() -> dict[str, str]:
        return {"status": "alive"}

    @router.get("/readyz")
    async def readyz() -> Response:
        well = await asyncio.gather(*(_well(name, check) for name, check in ready.items()))
        failing = [name for name, fine in zip(ready, well, strict=True) if not fine]
        told = {"status": "not ready" if failing else "ready", "failing": failing, "instance": instance}
        status = HTTPStatus.SERVICE_UNAVAILABLE if failing else HTTPStatus.OK
        return Response(json.dumps(told).encode(), status_code=status, media_type="application/json")

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return router


async def _well(name: str, check: Check) -> bool:
    try:
        async with asyncio.timeout(_READY_SECONDS):
            await check()
    except (AppError, BusUnavailable, TimeoutError) as error:
        log.warning("not ready: %s: %s", name, error)
        return False
    return True
