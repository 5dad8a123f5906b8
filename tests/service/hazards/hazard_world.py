"""The hazards service in one process: HTTP over a fresh database, clocks swept by hand, callers by tier."""

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from libs.common.actors import USUAL_ROLES, Role, Tier
from libs.common.contracts import registry as contracts
from libs.common.db import Database, Record
from libs.common.envelope import new_event
from libs.common.ids import new_id
from libs.common.timers import Sweeper
from services.hazards import consumers, timers
from services.hazards.operations.moves import Moving
from services.hazards.store import counters
from services.hazards.store.rulebooks import Rulebooks
from tests.support.clock import FakeClock

ISSUER, AUDIENCE, KID = "https://issuer.test", "hazardloop", "test"
DISTRICT, STREET, OTHER_STREET = "410503000000", "410503001000", "410503002000"
COMMUNITY, OTHER_COMMUNITY, FAR_COMMUNITY = "410503001001", "410503001002", "410503002001"
GRID, OTHER_GRID = "410503001001001", "410503001001002"
NAMES = {
    DISTRICT: ("北关区", "district"),
    STREET: ("彰北街道", "street"),
    OTHER_STREET: ("灯塔路街道", "street"),
    COMMUNITY: ("北关社区", "community"),
    OTHER_COMMUNITY: ("西关社区", "community"),
    FAR_COMMUNITY: ("灯塔社区", "community"),
    GRID: ("北关第1网格", "grid"),
    OTHER_GRID: ("北关第2网格", "grid"),
}
START = datetime(2026, 9, 24, 2, 0, tzinfo=UTC)  # a Thursday, 10:00 in Shanghai; a long holiday is near

ORDER = {"measures": "清空通道", "responsible": "厂长", "funds": 2000, "contingencyPlan": "停止作业，专人值守"}
KEY = ec.generate_private_key(ec.SECP256R1())


@dataclass
class Caller:
    """Someone with a token: a tier, a place, roles."""

    client: httpx.AsyncClient
    token: str

    async def get(self, path: str, **query: Any) -> httpx.Response:
        return await self.client.get(path, params=query, headers=self._headers())

    async def post(
        self, path: str, body: Any = None, *, version: int | None = None, key: str | None = None
    ) -> httpx.Response:
        headers = self._headers()
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        if key is not None:
            headers["Idempotency-Key"] = key
        if body is None:
            return await self.client.post(path, headers=headers)
        headers["Content-Type"] = "application/json"
        content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        return await self.client.post(path, content=content, headers=headers)

    async def report(self, enterprise: UUID | None = None, **fields: Any) -> dict[str, Any]:
        """A new hazard, which must be accepted."""
        body = {"source": "inspection", "description": "通道堆放纸箱"} | fields
        body |= {"enterpriseId": str(enterprise)} if enterprise else {}
        answer = await self.post("/v1/hazards", body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def move(self, hazard: dict[str, Any], door: str, body: Any = None) -> dict[str, Any]:
        """A move from the version that `hazard` shows, which must be accepted."""
        answer = await self.post(f"/v1/hazards/{hazard['id']}/{door}", body, version=hazard["version"])
        assert answer.status_code == 200, answer.text
        assert answer.headers["ETag"] == f'"{answer.json()["version"]}"'
        return dict(answer.json())

    async def see(self, hazard: dict[str, Any]) -> dict[str, Any]:
        answer = await self.get(f"/v1/hazards/{hazard['id']}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


@dataclass
class World:
    """One hazards service with its database and its clock."""

    url: str
    db: Database
    clock: FakeClock
    client: httpx.AsyncClient
    enterprises: dict[str, UUID] = field(default_factory=dict)

    def caller(
        self,
        tier: Tier,
        code: str,
        *roles: Role,
        enterprise: UUID | None = None,
        sub: str | None = None,
    ) -> Caller:
        """A caller of that tier; without roles what the usual staff may do."""
        now = int(self.clock.now().timestamp())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": sub or f"{tier}:{code}:{enterprise or ''}",
            "iat": now,
            "exp": now + 10 * 365 * 86400,
            "tier": tier.value,
            "area": code,
            "roles": [role.value for role in (roles or USUAL_ROLES[tier])],
        }
        if enterprise:
            claims["enterprise"] = str(enterprise)
        return Caller(self.client, jwt.encode(claims, KEY, algorithm="ES256", headers={"kid": KID}))

    def street(self, *roles: Role, sub: str | None = None) -> Caller:
        return self.caller(Tier.STREET, STREET, *roles, sub=sub)

    def community(self, *roles: Role, sub: str | None = None) -> Caller:
        return self.caller(Tier.COMMUNITY, COMMUNITY, *roles, sub=sub)

    def enterprise(self, name: str = "彩印厂") -> Caller:
        return self.caller(Tier.ENTERPRISE, COMMUNITY, enterprise=self.enterprises[name])

    async def sweep(self) -> int:
        """Lets every clock ring that is due, until none is."""
        sweeper = Sweeper("hazards", self.db, self.clock, "hazards", timers.fire(Moving(Rulebooks())))
        rung = 0
        while fired := await sweeper.sweep():
            rung += fired
        return rung

    async def rows(self, sql: str, *arguments: Any) -> list[Record]:
        async with self.db.transaction() as tx:
            return await tx.fetch(sql, *arguments)

    async def value(self, sql: str, *arguments: Any) -> Any:
        async with self.db.transaction() as tx:
            return await tx.fetchval(sql, *arguments)

    async def announced(self, hazard: dict[str, Any]) -> list[str]:
        """What was announced of the hazard, in the order of its versions."""
        rows = await self.rows("SELECT type FROM outbox WHERE key = $1 ORDER BY sequence", str(hazard["id"]))
        return [row["type"] for row in rows]

    async def differing(self) -> int:
        """How many figures differ from a recount."""
        async with self.db.transaction() as tx:
            return await counters.reconcile(tx)

    async def hear(self, *payloads: contracts.AreaChanged | contracts.EnterpriseState) -> None:
        """Registry events reach the service."""
        events = [new_event(p, key=p.id, sequence=p.version, now=self.clock.now(), source="registry") for p in payloads]
        async with self.db.transaction() as tx:
            await consumers.apply(tx, events, self.clock.now())


def area(code: str, version: int = 1, **changes: Any) -> contracts.AreaChanged:
    """The event that says what this area node is."""
    name, level = NAMES[code]
    path = code.rstrip("0") if level in ("district", "street") else code
    values = {"id": new_id(), "version": version, "code": code, "path": path, "name": name, "level": level}
    return contracts.AreaChanged(**{**values, "valid_from": date(2020, 1, 1), **changes})


def enterprise_event(enterprise_id: UUID, name: str, code: str, version: int = 1) -> contracts.EnterpriseState:
    """The event that says what this enterprise is."""
    event = contracts.EnterpriseRegistered if version == 1 else contracts.EnterpriseChanged
    return event(
        id=enterprise_id,
        version=version,
        name=name,
        area_code=code,
        area_path=code,
        risk_level="orange",
        status="active",
    )
