"""The HTTP side of the hazards service as a process of its own, with a district to report in: what callers meet."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import MappingProxyType

from deploy.local.issuer import Bearer, Issuer
from deploy.local.ports import free_port
from libs.common.actors import USUAL_ROLES, Tier
from tests.evidence.cluster import BenchCluster, connected
from tests.evidence.processes import answering, running

COMMUNITY = "410503001001"
_AREAS = (("410503", "district"), ("410503001", "street"), (COMMUNITY, "community"))
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Desk:
    """Where it listens, what a reporter carries, and its process."""

    port: int
    token: str
    pid: int


def report(place: str) -> bytes:
    """The body of a report at that place."""
    document = {
        "areaCode": COMMUNITY,
        "place": place,
        "source": "patrol",
        "description": "配电箱无门，线头裸露",
        "category": "electrical",
        "suggestedLevel": "general",
    }
    return json.dumps(document, ensure_ascii=False).encode()


async def hazards_database(cluster: BenchCluster, name: str) -> str:
    """A migrated database of the service that knows the district; its address."""
    url = await cluster.create(name)
    command = [sys.executable, "-m", "services.hazards", "migrate"]
    async with running("migrate", command, {"DATABASE_URL": url}, cluster.folder) as process:
        if code := await asyncio.to_thread(process.wait):
            raise RuntimeError(f"the migrations ended with {code}")
    async with connected(url) as connection:
        await connection.executemany(
            "INSERT INTO areas (id, version, path, name, level) VALUES (gen_random_uuid(), 1, $1, $2, $2)", _AREAS
        )
    return url


@asynccontextmanager
async def hazards_desk(
    cluster: BenchCluster,
    database_url: str,
    settings: Mapping[str, str] = _NOTHING,
    *,
    module: str = "services.hazards",
) -> AsyncIterator[Desk]:
    """`python -m <module> app` over that database; a control takes the place of the service by naming its module."""
    issuer = Issuer(cluster.folder / "issuer")
    issuer.ensure_keys()
    name, port = module.rsplit(".", 1)[1], free_port()
    environment = {
        "DATABASE_URL": database_url,
        "AUTH_JWKS": str(issuer.key_set),
        "LOG_LEVEL": "CRITICAL",
        "PORT": str(port),
        **settings,
    }
    async with running(name, [sys.executable, "-m", module, "app"], environment, cluster.folder) as process:
        await answering(process, "127.0.0.1", port, "/readyz", cluster.folder / f"{name}.log")
        token = issuer.sign(
            Bearer("reporter-1", Tier.DISTRICT, "410503000000", None, tuple(sorted(USUAL_ROLES[Tier.DISTRICT])))
        )
        yield Desk(port, token, process.pid)
