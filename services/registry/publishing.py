"""Domain state → public contract: what the registry announces, always the whole state at its version."""

from collections.abc import Sequence
from datetime import datetime

from libs.common.contracts.registry import AreaChanged, AreaPost, EnterpriseChanged, EnterpriseRegistered
from libs.common.envelope import Event, new_event
from services.registry.domain.areas import Area
from services.registry.domain.enterprises import Enterprise

SOURCE = "registry"


def area_changed(areas: Sequence[Area], now: datetime) -> list[Event]:
    """One `area-changed` a node."""
    return [new_event(_area(area), key=area.id, sequence=area.version, now=now, source=SOURCE) for area in areas]


def enterprises_registered(enterprises: Sequence[Enterprise], now: datetime) -> list[Event]:
    """One `enterprise-registered` an enterprise."""
    return [_event(EnterpriseRegistered, enterprise, now) for enterprise in enterprises]


def enterprises_changed(enterprises: Sequence[Enterprise], now: datetime) -> list[Event]:
    """One `enterprise-changed` an enterprise."""
    return [_event(EnterpriseChanged, enterprise, now) for enterprise in enterprises]


def _event(kind: type[EnterpriseRegistered] | type[EnterpriseChanged], enterprise: Enterprise, now: datetime) -> Event:
    record = enterprise.record
    payload = kind(
        id=enterprise.id,
        version=enterprise.version,
        name=record.name,
        credit_code=record.credit_code,
        area_code=enterprise.area_code,
        area_path=enterprise.area_path,
        risk_level=record.risk_level,
        enterprise_class=record.enterprise_class,
        status=enterprise.status,
        contact_person_ids=enterprise.contact_ids,
    )
    return new_event(payload, key=enterprise.id, sequence=enterprise.version, now=now, source=SOURCE)


def _area(area: Area) -> AreaChanged:
    return AreaChanged(
        id=area.id,
        version=area.version,
        code=area.position.code,
        path=area.position.path,
        name=area.name,
        level=area.position.level,
        parent_code=area.position.parent_code,
        valid_from=area.valid_from,
        valid_to=area.valid_to,
        posts=[AreaPost(person_id=post.person_id, role=post.role) for post in area.posts],
    )
