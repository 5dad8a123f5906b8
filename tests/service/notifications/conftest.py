"""The notifications service in one process: events handed to its consumer, ladders moved by hand, real phones."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid5

import httpx
import pytest
from httpx import ASGITransport

from deploy.local.issuer import Bearer, Issuer
from libs.common.actors import USUAL_ROLES, Role, Tier, area_path
from libs.common.bus.base import Delivered
from libs.common.consumer import Consumer
from libs.common.contracts import hazards as said
from libs.common.contracts import registry
from libs.common.contracts.base import Contract
from libs.common.db import Database, Record
from libs.common.envelope import Event, new_event, to_message
from libs.common.ids import new_id
from libs.common.timers import Sweeper
from services.notifications.app import create_app
from services.notifications.consumers import TOPICS, apply_events
from services.notifications.settings import NotificationsSettings
from services.notifications.timers import fire_ladders
from services.notifications.worker import create_door
from tests.support.clock import FakeClock
from tests.support.memory_bus import MemoryBus
from tests.support.phones import Phone, Phones

DISTRICT, STREET, OTHER_STREET = "410503000000", "410503001000", "410503002000"
COMMUNITY, OTHER_COMMUNITY, FAR_COMMUNITY = "410503001001", "410503001002", "410503002001"
GRID = "410503001001001"
AREAS = {
    DISTRICT: ("北关区", "district"),
    STREET: ("彰北街道", "street"),
    OTHER_STREET: ("灯塔路街道", "street"),
    COMMUNITY: ("北关社区", "community"),
    OTHER_COMMUNITY: ("西关社区", "community"),
    FAR_COMMUNITY: ("灯塔社区", "community"),
    GRID: ("北关第1网格", "grid"),
}
START = datetime(2026, 9, 24, 14, 0, tzinfo=UTC)  # a Thursday, 22:00 in Shanghai
ATTEMPTS = 5
_SPACE = UUID("0d0e2f57-7f0a-4f3a-9a57-0c5a1c3f9d11")
ENTERPRISE = uuid5(_SPACE, "enterprise")


def person(name: str) -> UUID:
    """The id of somebody with that name in this test."""
    return uuid5(_SPACE, name)


@dataclass
class Hazard:
    """A hazard that tells of itself: each call is its next version."""

    id: UUID = field(default_factory=new_id)
    number: str = "HZ-410503-2026-000123"
    version: int = 0
    fields: dict[str, Any] = field(
        default_factory=lambda: {
            "state": "reported",
            "level": "general",
            "category": "fire",
            "source": "patrol",
            "area_code": GRID,
            "area_path": GRID,
            "enterprise_id": ENTERPRISE,
            "enterprise_name": "彰北彩印厂",
            "place": "二层东侧楼梯间",
            "handling": "pre_handled",
        }
    )

    def tells(self, contract: type[said.HazardChanged], at: datetime, **changes: Any) -> Event:
        """The event of its next version."""
        self.fields |= changes
        self.version += 1
        payload = contract(hazard_id=self.id, number=self.number, version=self.version, occurred_at=at, **self.fields)
        return new_event(payload, key=self.id, sequence=self.version, now=at, source="hazards")


@dataclass
class Caller:
    """Someone with a token."""

    client: httpx.AsyncClient
    token: str

    async def get(self, path: str, **query: Any) -> httpx.Response:
        return await self.client.get(path, params=query, headers=self._headers({}))

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        sent = self._headers({name.replace("_", "-"): value for name, value in headers.items()})
        if body is None:
            return await self.client.post(path, headers=sent)
        content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        return await self.client.post(path, content=content, headers={**sent, "Content-Type": "application/json"})

    async def delete(self, path: str, **headers: str) -> httpx.Response:
        sent = self._headers({name.replace("_", "-"): value for name, value in headers.items()})
        return await self.client.delete(path, headers=sent)

    async def alert(self, hazard: Hazard, kind: str | None = None) -> dict[str, Any]:
        """The one alert about that hazard (of that kind), with everything."""
        listed = (await self.get("/v1/alerts", hazardId=str(hazard.id), **({"kind": kind} if kind else {}))).json()
        assert len(listed["items"]) == 1, listed
        detail: dict[str, Any] = (await self.get(f"/v1/alerts/{listed['items'][0]['id']}")).json()
        return detail

    async def alerts(self, hazard: Hazard) -> dict[str, str]:
        """Kind → state of every alert about that hazard."""
        listed = (await self.get("/v1/alerts", hazardId=str(hazard.id))).json()
        assert len({item["kind"] for item in listed["items"]}) == len(listed["items"])
        return {item["kind"]: item["state"] for item in listed["items"]}

    def _headers(self, more: dict[str, str]) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", **more} if self.token else more


@dataclass
class World:
    """One notifications service with its database, clock and phones."""

    url: str
    db: Database
    clock: FakeClock
    settings: NotificationsSettings
    client: httpx.AsyncClient
    phones: Phones
    issuer: Issuer
    bus: MemoryBus = field(default_factory=MemoryBus)

    def caller(
        self, tier: Tier, code: str | None, *roles: Role, enterprise: UUID | None = None, sub: str = ""
    ) -> Caller:
        """A caller of that tier; without roles what the usual staff may do."""
        chosen = roles or tuple(sorted(USUAL_ROLES[tier]))
        bearer = Bearer(sub or f"{tier}:{code}", tier, code, enterprise, chosen)
        return Caller(self.client, self.issuer.sign(bearer))

    @property
    def street(self) -> Caller:
        return self.caller(Tier.STREET, STREET)

    @property
    def community(self) -> Caller:
        return self.caller(Tier.COMMUNITY, COMMUNITY)

    def caller_of_district(self) -> Caller:
        return self.caller(Tier.DISTRICT, DISTRICT)

    @property
    def enterprise(self) -> Caller:
        return self.caller(Tier.ENTERPRISE, None, enterprise=ENTERPRISE)

    def consumer(self) -> Consumer:
        """The consumer of this service, to be handed messages."""
        return Consumer("notifications", self.db, self.bus, TOPICS, apply_events(ATTEMPTS), self.clock)

    async def hear(self, *events: Event) -> list[Delivered]:
        """The events arrive, in one batch."""
        delivered = [self.bus.put(to_message(event)) for event in events]
        await self.consumer().handle(delivered)
        return delivered

    async def hear_hazard(self, hazard: Hazard, contract: type[said.HazardChanged], **changes: Any) -> Event:
        """What happens to the hazard now arrives at once."""
        event = hazard.tells(contract, self.clock.now(), **changes)
        await self.hear(event)
        return event

    async def climb(self) -> int:
        """Every ladder whose time has come is looked at."""
        sweeper = Sweeper("notifications", self.db, self.clock, "alerts", fire_ladders(ATTEMPTS))
        fired = 0
        while now := await sweeper.sweep():
            fired += now
        return fired

    def lose_patience(self) -> None:
        """From now on a phone that does not answer is given up within a second."""
        self.settings = self.settings.model_copy(update={"webhook_timeout_seconds": 0.6})

    async def deliver(self) -> int:
        """Everything that is due is sent; how many attempts that took."""
        door = create_door(self.settings, self.db, self.clock)
        try:
            return await door.sweep()
        finally:
            await door.close()

    async def later(self, **duration: float) -> None:
        """Time passes; ladders climb and messages go out."""
        self.clock.advance(**duration)
        await self.climb()
        await self.deliver()

    async def give_phone(self, name: str, code: str = DISTRICT, **more: Any) -> Phone:
        """That person gets a phone that counts in that area."""
        phone = self.phones.phone(name)
        body = {"personId": str(person(name)), "areaCode": code, "channel": "webhook", "address": phone.url, **more}
        answer = await self.caller_of_district().post("/v1/contacts", body)
        assert answer.status_code == 201, answer.text
        return phone

    async def give_post(self, code: str, *names: str, role: str = "community_staff", version: int = 2) -> None:
        """Those persons hold a post on the area."""
        posts = [registry.AreaPost(person_id=person(name), role=role) for name in names]
        await self.hear(announced(area(code, version=version, posts=posts)))

    async def value(self, sql: str, *arguments: Any) -> Any:
        async with self.db.transaction() as tx:
            return await tx.fetchval(sql, *arguments)

    async def rows(self, sql: str, *arguments: Any) -> list[Record]:
        async with self.db.transaction() as tx:
            return await tx.fetch(sql, *arguments)

    async def announced(self, alert: dict[str, Any]) -> list[str]:
        """What was announced of the alert, in the order of its versions."""
        rows = await self.rows("SELECT type, sequence FROM outbox WHERE key = $1 ORDER BY id", str(alert["id"]))
        assert [row["sequence"] for row in rows] == list(range(1, len(rows) + 1))
        return [row["type"] for row in rows]

    async def ladder(self, kind: str, *rungs: tuple[str, str], code: str = DISTRICT, **more: Any) -> None:
        """A policy row for that kind of case."""
        body = {
            "code": f"test-{kind.replace('_', '-')}",
            "kind": kind,
            "areaCode": code,
            "basis": "测试",
            "rungs": [{"tier": tier, "wait": wait} for tier, wait in rungs],
            **more,
        }
        answer = await self.caller_of_district().post("/v1/ladder-policies", body)
        assert answer.status_code == 201, answer.text


def area(code: str, version: int = 1, posts: Sequence[registry.AreaPost] = ()) -> registry.AreaChanged:
    """What the registry says of this area."""
    name, level = AREAS[code]
    return registry.AreaChanged(
        id=uuid5(_SPACE, code),
        version=version,
        code=code,
        path=area_path(code),
        name=name,
        level=level,
        valid_from=date(2020, 1, 1),
        posts=list(posts),
    )


def enterprise(version: int = 1, **changes: Any) -> registry.EnterpriseState:
    """What the registry says of the enterprise."""
    fields: dict[str, Any] = {"name": "彰北彩印厂", "area_code": GRID, "area_path": GRID, "status": "active"}
    fields["contact_person_ids"] = [person("厂长")]
    return registry.EnterpriseRegistered(id=ENTERPRISE, version=version, **(fields | changes))


def announced(payload: Contract) -> Event:
    """The event of a registry payload."""
    values = payload.model_dump()
    return new_event(payload, key=values["id"], sequence=values["version"], now=START, source="registry")


@pytest.fixture
async def world(
    create_database: Callable[[str | None], Awaitable[str]], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """A district that the registry has announced; nobody has a phone yet."""
    issuer = Issuer(tmp_path_factory.mktemp("issuer"))
    issuer.ensure_keys()
    url = await create_database("notifications")
    settings = NotificationsSettings(
        environment="test",
        database_url=url,
        auth_jwks=str(issuer.key_set),
        webhook_allowed_networks="127.0.0.1/32",
        webhook_timeout_seconds=20,  # a busy machine is no sick phone
        delivery_attempts=ATTEMPTS,
        public_url="https://alerts.example.org",
    )
    clock = FakeClock(START)
    db = Database(url, pool_size=8)
    app = create_app(settings, clock, db)
    transport = ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        httpx.AsyncClient(transport=transport, base_url="http://notifications.test") as client,
        Phones() as phones,
    ):
        made = World(url, db, clock, settings, client, phones, issuer)
        await made.hear(*(announced(area(code)) for code in AREAS), announced(enterprise()))
        yield made
        await app.state.parts.drain()
    await db.close()
