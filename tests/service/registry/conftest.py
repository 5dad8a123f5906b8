"""The registry in one process: its HTTP side over a fresh database, imports carried out by hand, callers by tier."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from httpx import ASGITransport

from libs.common.actors import USUAL_ROLES, Role, Tier
from libs.common.db import Database, Record
from services.registry.app import create_app
from services.registry.operations.importing import Importer
from services.registry.settings import RegistrySettings
from tests.support import registry as files
from tests.support.clock import FakeClock

ISSUER, AUDIENCE, KID = "https://issuer.test", "hazardloop", "test"
_KEY = ec.generate_private_key(ec.SECP256R1())


@dataclass
class Caller:
    """Someone with a token: a tier, a place, roles."""

    client: httpx.AsyncClient
    token: str

    async def get(self, path: str, **query: Any) -> httpx.Response:
        return await self.client.get(path, params=query, headers=self._headers())

    async def items(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """Everything behind a list, page after page."""
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            page = await self.get(path, **query, **({"cursor": cursor} if cursor else {}))
            assert page.status_code == 200, page.text
            found += page.json()["items"]
            cursor = page.json()["nextCursor"]
            if cursor is None:
                return found

    async def send(
        self, method: str, path: str, body: Any = None, *, version: int | None = None, key: str | None = None
    ) -> httpx.Response:
        headers = self._headers()
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        if key is not None:
            headers["Idempotency-Key"] = key
        if body is None:
            return await self.client.request(method, path, headers=headers)
        headers["Content-Type"] = "application/json"
        content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        return await self.client.request(method, path, content=content, headers=headers)

    async def post(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        return await self.send("POST", path, body, **options)

    async def upload(self, kind: str, content: bytes, name: str = "file", key: str | None = None) -> httpx.Response:
        headers = self._headers() | ({"Idempotency-Key": key} if key else {})
        return await self.client.post(f"/v1/imports/{kind}", files={"file": (name, content)}, headers=headers)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


@dataclass
class World:
    """One registry with its database and its clock."""

    url: str
    db: Database
    clock: FakeClock
    client: httpx.AsyncClient
    importer: Importer

    def caller(self, tier: Tier, code: str, *roles: Role, enterprise: str | None = None) -> Caller:
        """A caller of that tier; without roles what the usual staff may do."""
        now = int(self.clock.now().timestamp())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": f"{tier}:{code}:{enterprise or ''}",
            "iat": now,
            "exp": now + 10 * 365 * 86400,
            "tier": tier.value,
            "area": code,
            "roles": [role.value for role in (roles or USUAL_ROLES[tier])],
        }
        if enterprise:
            claims["enterprise"] = enterprise
        return Caller(self.client, jwt.encode(claims, _KEY, algorithm="ES256", headers={"kid": KID}))

    def district(self, *roles: Role) -> Caller:
        return self.caller(Tier.DISTRICT, files.DISTRICT, *roles)

    def street(self, code: str = files.STREET, *roles: Role) -> Caller:
        return self.caller(Tier.STREET, code, *roles)

    def community(self, code: str = files.COMMUNITY, *roles: Role) -> Caller:
        return self.caller(Tier.COMMUNITY, code, *roles)

    def enterprise(self, id: str) -> Caller:
        return self.caller(Tier.ENTERPRISE, files.COMMUNITY, enterprise=id)

    async def imported(self, caller: Caller, kind: str, content: bytes, name: str = "file") -> dict[str, Any]:
        """The job after the file was taken in and worked through."""
        answer = await caller.upload(kind, content, name)
        assert answer.status_code == 202, answer.text
        assert await self.importer.work_once()
        job = await caller.get(answer.headers["Location"])
        assert job.status_code == 200, job.text
        return dict(job.json())

    async def rows(self, sql: str, *arguments: Any) -> list[Record]:
        async with self.db.transaction() as tx:
            return await tx.fetch(sql, *arguments)

    async def value(self, sql: str, *arguments: Any) -> Any:
        async with self.db.transaction() as tx:
            return await tx.fetchval(sql, *arguments)

    async def announced(self, id: str) -> list[Record]:
        """What was announced of an aggregate, in the order of its versions."""
        return await self.rows("SELECT type, sequence, data::jsonb AS data FROM outbox WHERE key = $1 ORDER BY id", id)

    async def counts(self) -> dict[str, int]:
        """How many rows the tables of the register hold."""
        tables = ("areas", "enterprises", "persons", "posts", "gradings", "licences", "outbox")
        return {table: await self.value(f"SELECT count(*) FROM {table}") for table in tables}


@pytest.fixture
async def bare(create_database: Callable[[str | None], Awaitable[str]], tmp_path: Path) -> AsyncIterator[World]:
    """A registry without a single area."""
    url = await create_database("registry")
    keys = tmp_path / "jwks.json"
    public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(_KEY.public_key()))
    keys.write_text(json.dumps({"keys": [{**public, "kid": KID, "use": "sig", "alg": "ES256"}]}))
    settings = RegistrySettings(
        environment="test", database_url=url, auth_issuer=ISSUER, auth_audience=AUDIENCE, auth_jwks=str(keys)
    )
    clock = FakeClock()
    db = Database(url, pool_size=5)
    app = create_app(settings, clock, db)
    async with httpx.AsyncClient(transport=ASGITransport(app=app), base_url="http://registry") as client:
        yield World(url, db, clock, client, Importer(db, clock))
    await app.state.wiring.drain()
    await db.close()


@pytest.fixture
async def world(bare: World) -> World:
    """A registry with a small tree: two streets, three communities, three grids."""
    job = await bare.imported(bare.district(), "areas", files.areas_csv())
    assert (job["state"], job["created"]) == ("done", len(files.AREAS)), job
    return bare
