"""A service served for real inside the test process: uvicorn in a thread, its own database, tokens of every tier."""

import asyncio
import importlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import uvicorn
from fastapi import FastAPI

from deploy.local.issuer import Bearer, Issuer
from libs.common.actors import USUAL_ROLES, Role, Tier
from libs.common.settings import ServiceSettings
from tests.support import postgres, world

START_SECONDS = 20.0


PEOPLES_ROLES = tuple(role for role in Role if role is not Role.SYSTEM)  # every role that a person may bear


@dataclass(frozen=True)
class Live:
    """One running service."""

    service: str
    address: str
    database_url: str
    issuer: Issuer

    def token(self, tier: Tier = Tier.DISTRICT, roles: tuple[Role, ...] | None = None, person: str = "") -> str:
        """A token for the world of `tests/support/world.py`; all roles of the tier unless some are named."""
        return self.issuer.sign(bearer(tier, roles, person))


def bearer(tier: Tier, roles: tuple[Role, ...] | None = None, person: str = "") -> Bearer:
    """Who a token of that tier speaks for."""
    area: str | None = {
        Tier.DISTRICT: world.DISTRICT,
        Tier.STREET: world.STREET,
        Tier.COMMUNITY: world.COMMUNITY,
    }.get(tier)
    enterprise: UUID | None = world.ENTERPRISE if tier is Tier.ENTERPRISE else None
    return Bearer(person or f"{tier}-1", tier, area, enterprise, roles or tuple(sorted(USUAL_ROLES[tier])))


@contextmanager
def live_service(service: str, folder: Path) -> Iterator[Live]:
    """The service with a migrated database of its own that knows the areas and enterprises of the world."""
    issuer = Issuer(folder / "issuer")
    issuer.ensure_keys()
    url = asyncio.run(postgres.create_database(service))
    try:
        asyncio.run(world.make_known(service, url))
        with serving(make_app(service, url, issuer)) as address:
            yield Live(service, address, url, issuer)
    finally:
        asyncio.run(postgres.drop_database(url))


def make_app(service: str, database_url: str, issuer: Issuer) -> FastAPI:
    """The service's application over that database, trusting that issuer."""
    settings = _settings_of(service)(
        environment="test", database_url=database_url, auth_jwks=str(issuer.key_set), var=issuer.key_set.parent
    )
    app: FastAPI = importlib.import_module(f"services.{service}.app").create_app(settings)
    return app


def _settings_of(service: str) -> type[ServiceSettings]:
    module = importlib.import_module(f"services.{service}.settings")
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, ServiceSettings) and value.__module__ == module.__name__
    ]
    return found[0] if found else ServiceSettings


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """The application on a free port; its address."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False, timeout_graceful_shutdown=2)
    )
    thread = threading.Thread(target=server.run, name="live-service", daemon=True)
    thread.start()
    deadline = time.monotonic() + START_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the service did not start")
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
