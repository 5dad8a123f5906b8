"""What is fuzzed: the three services as processes, with residents; and a control that breaks its word."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import APIRouter, FastAPI, Response

from deploy.local.issuer import Issuer
from deploy.local.ports import free_port
from deploy.local.prepare import make_topics
from libs.common.bus import create_bus
from libs.common.clock import SystemClock
from libs.common.http import create_service_app, problems
from libs.common.models import ApiModel
from libs.common.requests import CurrentActor
from libs.common.settings import ServiceSettings
from tests.evidence.cluster import BenchCluster
from tests.evidence.processes import answering, running
from tests.support import world
from tests.support.live import Live

_HOST = "127.0.0.1"


@asynccontextmanager
async def service(name: str, cluster: BenchCluster, folder: Path) -> AsyncIterator[Live]:
    """The service with a database and a bus of its own, both of its sides in one process, knowing the small world."""
    issuer = Issuer(folder / "issuer")
    issuer.ensure_keys()
    url, bus = await cluster.create(f"fuzz_{name}"), await cluster.create(f"fuzz_{name}_bus")
    environment = {
        "DATABASE_URL": url,
        "BUS": "postgres",
        "BUS_DATABASE_URL": bus,
        "HOST": _HOST,
        "PORT": str(free_port()),
        "AUTH_JWKS": str(issuer.key_set),
        "VAR": str(folder / name),
        "LOG_LEVEL": "WARNING",
        "WEBHOOK_ALLOWED_HOSTS": "nobody.invalid",  # made-up contacts are not called
    }
    await _to_its_end(name, environment, folder)
    await make_topics(create_bus("postgres", bus_database_url=bus))
    await world.make_known(name, url)
    async with running(name, [sys.executable, "-m", f"services.{name}", "serve"], environment, folder) as process:
        port = int(environment["PORT"])
        await answering(process, _HOST, port, "/readyz", folder / f"{name}.log")
        yield Live(name, f"http://{_HOST}:{port}", url, issuer)


async def _to_its_end(name: str, environment: Mapping[str, str], folder: Path) -> None:
    command = [sys.executable, "-m", f"services.{name}", "migrate"]
    async with running(f"migrate-{name}", command, environment, folder) as process:
        if code := await asyncio.to_thread(process.wait):
            raise RuntimeError(f"the migrations of {name} ended with {code}")


class Thing(ApiModel):
    """What the control takes."""

    name: str


def broken_app(issuer: Issuer) -> FastAPI:
    """A service that answers 500 to Chinese, 418 where nobody documented it, and what it never promised; and that takes
    anything where it asks for a thing."""
    router = APIRouter()

    @router.post("/v1/things", operation_id="makeThing", responses=problems())
    async def breaks(body: Thing, actor: CurrentActor) -> Thing:
        body.name.encode("ascii")
        return body

    @router.post("/v1/teapots", operation_id="makeTeapot", responses=problems())
    async def teapot(body: Thing, actor: CurrentActor) -> Response:
        return Response(b"{}", status_code=418, media_type="application/json")

    @router.post("/v1/others", operation_id="makeOther", response_model=Thing, responses=problems())
    async def other(body: Thing, actor: CurrentActor) -> Response:
        return Response(b'{"name": 7}', media_type="application/json")

    asks = {"requestBody": {"required": True, "content": {"application/json": {"schema": Thing.model_json_schema()}}}}

    @router.post("/v1/sinks", operation_id="makeSink", responses=problems(), openapi_extra=asks)
    async def sink(actor: CurrentActor) -> Thing:
        return Thing(name="anything")

    return create_service_app(
        name="broken",
        title="坏",
        description="只为检验检验者",
        settings=ServiceSettings(environment="test", auth_jwks=str(issuer.key_set)),
        clock=SystemClock(),
        routers=[router],
        ready={},
    )
