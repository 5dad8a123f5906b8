"""One hazards service for each test, in a district that the registry has announced."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import jwt
import pytest
from httpx import ASGITransport

from libs.common.db import Database
from libs.common.ids import new_id
from services.hazards.app import create_app
from services.hazards.settings import HazardsSettings
from tests.service.hazards.hazard_world import (
    AUDIENCE,
    FAR_COMMUNITY,
    GRID,
    ISSUER,
    KEY,
    KID,
    NAMES,
    OTHER_COMMUNITY,
    START,
    World,
    area,
    enterprise_event,
)
from tests.support.clock import FakeClock


@pytest.fixture
async def world(create_database: Callable[[str | None], Awaitable[str]], tmp_path: Path) -> AsyncIterator[World]:
    """A district of two streets with enterprises, as the registry announced it."""
    url = await create_database("hazards")
    keys = tmp_path / "jwks.json"
    public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(KEY.public_key()))
    keys.write_text(json.dumps({"keys": [{**public, "kid": KID, "use": "sig", "alg": "ES256"}]}))
    settings = HazardsSettings(
        environment="test", database_url=url, auth_issuer=ISSUER, auth_audience=AUDIENCE, auth_jwks=str(keys)
    )
    clock = FakeClock(START)
    db = Database(url, pool_size=8)
    app = create_app(settings, clock, db)
    transport = ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://hazards.test") as client:
        made = World(url, db, clock, client)
        for name, code in (("彩印厂", GRID), ("面粉厂", OTHER_COMMUNITY), ("远方厂", FAR_COMMUNITY)):
            made.enterprises[name] = new_id()
            await made.hear(enterprise_event(made.enterprises[name], name, code))
        await made.hear(*(area(code) for code in NAMES))
        yield made
        await app.state.wiring.reports.drain()
        await app.state.wiring.moves.drain()
    await db.close()
