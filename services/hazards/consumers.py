"""The door of the registry's events: areas and enterprises become this service's own copies."""

from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType

from libs.common.contracts import check_version
from libs.common.contracts import registry as contracts
from libs.common.db import Tx
from libs.common.envelope import Event
from libs.common.failpoints import failpoint
from services.hazards.store.copies import Area, Enterprise, keep_areas, keep_enterprises

COPIES = MappingProxyType({contracts.AREAS: "areas", contracts.ENTERPRISES: "enterprises"})
TOPICS = (contracts.AREAS, contracts.ENTERPRISES)

_ENTERPRISE = {
    contracts.EnterpriseRegistered.event_type: contracts.EnterpriseRegistered,
    contracts.EnterpriseChanged.event_type: contracts.EnterpriseChanged,
}


async def apply(tx: Tx, events: Sequence[Event], now: datetime) -> None:
    """Keeps the newest version of each; what comes late or twice changes nothing."""
    areas: list[Area] = []
    enterprises: list[Enterprise] = []
    for event in events:
        check_version(event.type, event.schema)
        if event.type == contracts.AreaChanged.event_type:
            areas.append(_area(contracts.AreaChanged.model_validate(event.data)))
        elif event.type in _ENTERPRISE:
            enterprises.append(_enterprise(_ENTERPRISE[event.type].model_validate(event.data)))
    if areas:
        await keep_areas(tx, areas)
    if enterprises:
        await keep_enterprises(tx, enterprises)
    failpoint("hazards.copied")


def _area(area: contracts.AreaChanged) -> Area:
    return Area(area.id, area.version, area.path, area.name, area.level, area.valid_to)


def _enterprise(state: contracts.EnterpriseState) -> Enterprise:
    return Enterprise(state.id, state.version, state.name, state.area_path, state.risk_level, state.status)
