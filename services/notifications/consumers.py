"""The door for events: registry first, then hazards, so that a case of this batch knows the persons of this batch."""

from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType
from typing import TypeVar

from libs.common.consumer import Apply
from libs.common.contracts import check_version, hazards, registry
from libs.common.contracts.base import Contract
from libs.common.db import Tx
from libs.common.envelope import Event
from services.notifications.operations.follow import follow
from services.notifications.operations.registry import keep

COPIES = MappingProxyType({registry.AREAS: "areas", registry.ENTERPRISES: "enterprises"})
TOPICS = (registry.AREAS, registry.ENTERPRISES, hazards.TOPIC)

_ENTERPRISE = (registry.EnterpriseRegistered.event_type, registry.EnterpriseChanged.event_type)

P = TypeVar("P", bound=Contract)


def apply_events(attempts_allowed: int) -> Apply:
    """What the consumer of this service does; `attempts_allowed` is how often a message is tried."""

    async def apply(tx: Tx, events: Sequence[Event], now: datetime) -> None:
        for event in events:
            check_version(event.type, event.schema)
        areas = _read(
            registry.AreaChanged, [event for event in events if event.type == registry.AreaChanged.event_type]
        )
        enterprises = _read(registry.EnterpriseState, [event for event in events if event.type in _ENTERPRISE])
        await keep(tx, areas, enterprises, now)
        about = [event for event in events if event.topic == hazards.TOPIC]
        if about:
            seen = zip((event.type for event in about), _read(hazards.HazardChanged, about), strict=True)
            await follow(tx, list(seen), now, attempts_allowed)

    return apply


def _read(contract: type[P], events: Sequence[Event]) -> list[P]:
    """The payloads. Every type of the hazards' topic says what all of them say, one that is not known here yet too."""
    return [contract.model_validate_json(event.body) for event in events]
