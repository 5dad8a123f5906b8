"""A small world that every service can be made to know: one line of areas, a neighbour, two enterprises."""

from datetime import UTC, date, datetime
from typing import Final
from uuid import UUID, uuid5

from libs.common.actors import area_path
from libs.common.contracts.base import Contract
from libs.common.contracts.hazards import HazardFound
from libs.common.contracts.registry import AreaChanged, EnterpriseRegistered
from libs.common.db import Database
from libs.common.envelope import Event, new_event
from services.hazards import consumers as hazards
from services.notifications import consumers as notifications

DISTRICT: Final = "410503000000"
STREET: Final = "410503001000"
COMMUNITY: Final = "410503001003"
GRID: Final = "410503001003007"
OTHER_STREET: Final = "410503002000"
OTHER_COMMUNITY: Final = "410503002005"

_SPACE = UUID("5b6f6a52-0f6d-4c1c-9d6e-2f8f6a1f0c11")
ENTERPRISE: Final = uuid5(_SPACE, "enterprise")
OTHER_ENTERPRISE: Final = uuid5(_SPACE, "other enterprise")
PERSON: Final = uuid5(_SPACE, "person")

AREAS = (
    (DISTRICT, "北关区", "district", None),
    (STREET, "彰北街道", "street", DISTRICT),
    (COMMUNITY, "外区社区", "community", STREET),
    (GRID, "外区第7网格", "grid", COMMUNITY),
    (OTHER_STREET, "豆腐营街道", "street", DISTRICT),
    (OTHER_COMMUNITY, "和平社区", "community", OTHER_STREET),
)
_ENTERPRISES = ((ENTERPRISE, "彰北华穗宏养老院", GRID), (OTHER_ENTERPRISE, "永槐便民店（𠮷祥里店）", OTHER_COMMUNITY))


def announcements(now: datetime) -> list[Event]:
    """The world as the registry would announce it."""
    areas = [
        AreaChanged(
            id=uuid5(_SPACE, code),
            version=1,
            code=code,
            path=area_path(code),
            name=name,
            level=level,
            parent_code=parent,
            valid_from=date(2026, 1, 1),
        )
        for code, name, level, parent in AREAS
    ]
    enterprises = [
        EnterpriseRegistered(
            id=id,
            version=1,
            name=name,
            area_code=code,
            area_path=area_path(code),
            risk_level="yellow",
            enterprise_class="B",
            status="active",
            contact_person_ids=[PERSON],
        )
        for id, name, code in _ENTERPRISES
    ]
    return [
        *(_announced(area, area.id, now) for area in areas),
        *(_announced(enterprise, enterprise.id, now) for enterprise in enterprises),
    ]


def _announced(payload: Contract, key: UUID, now: datetime) -> Event:
    return new_event(payload, key=key, sequence=1, now=now, source="registry")


async def make_known(service: str, database_url: str) -> None:
    """Puts the world into the database of the service by the door that it has for it."""
    now = datetime.now(UTC)
    await _apply(service, database_url, announcements(now), now)


async def let_happen(service: str, database_url: str) -> None:
    """Hazards are found at the first enterprise; whoever must know of them is about to be told."""
    if service == "notifications":
        now = datetime.now(UTC)
        await _apply(service, database_url, [_found(n, now) for n in range(3)], now)


async def _apply(service: str, database_url: str, events: list[Event], now: datetime) -> None:
    db = Database(database_url, pool_size=2, application_name="tests-world")
    try:
        async with db.transaction() as tx:
            if service == "hazards":
                await hazards.apply(tx, events, now)
            elif service == "notifications":
                await notifications.apply_events(3)(tx, events, now)
    finally:
        await db.close()


def _found(n: int, now: datetime) -> Event:
    id = uuid5(_SPACE, f"hazard {n}")
    payload = HazardFound(
        hazard_id=id,
        number=f"HZ-410503-2026-{n + 1:06d}",
        version=1,
        state="reported",
        suggested_level="major",
        category="fire",
        source="patrol",
        area_code=GRID,
        area_path=area_path(GRID),
        enterprise_id=ENTERPRISE,
        enterprise_name="彰北华穗宏养老院",
        place="二层东侧疏散楼梯间",
        handling="pre_handled",
        occurred_at=now,
    )
    return new_event(payload, key=id, sequence=1, now=now, source="hazards")
