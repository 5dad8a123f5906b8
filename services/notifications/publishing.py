"""What happened to an alert → the event that others rely on."""

from datetime import datetime
from typing import assert_never

from libs.common.actors import area_code
from libs.common.contracts.notifications import (
    AlertAcknowledged,
    AlertChanged,
    AlertClimbed,
    AlertClosed,
    AlertExhausted,
    AlertOpened,
)
from libs.common.envelope import Event, new_event
from services.notifications.domain.cases import Hazard
from services.notifications.domain.ladder import Alert, Happened, State

SOURCE = "notifications"

_STATE = {
    Happened.OPENED: State.OPEN,
    Happened.CLIMBED: State.OPEN,
    Happened.ACKNOWLEDGED: State.ACKNOWLEDGED,
    Happened.EXHAUSTED: State.EXHAUSTED,
    Happened.CLOSED: State.CLOSED,
}


def to_event(happened: Happened, alert: Alert, version: int, hazard: Hazard, now: datetime) -> Event:
    """The event of one version of the alert."""
    payload = _payload(happened, alert, version, hazard, now)
    return new_event(payload, key=alert.id, sequence=version, now=now, source=SOURCE)


def _payload(happened: Happened, alert: Alert, version: int, hazard: Hazard, now: datetime) -> AlertChanged:
    common = {
        "alert_id": alert.id,
        "version": version,
        "hazard_id": alert.hazard_id,
        "hazard_number": hazard.number,
        "kind": alert.kind.value,
        "state": _STATE[happened].value,
        "level": hazard.level,
        "area_code": area_code(alert.area_path),
        "area_path": alert.area_path,
        "enterprise_id": alert.enterprise_id,
        "rung": alert.reached,
        "tier": alert.rungs[alert.reached - 1].tier.value if alert.reached else None,
        "occurred_at": now,
        "simulated": hazard.simulated,
    }
    match happened:
        case Happened.OPENED:
            return AlertOpened.model_validate(common)
        case Happened.CLIMBED:
            return AlertClimbed.model_validate(common)
        case Happened.ACKNOWLEDGED:
            return AlertAcknowledged.model_validate({**common, "acknowledged_by": alert.acknowledged_by})
        case Happened.EXHAUSTED:
            return AlertExhausted.model_validate(common)
        case Happened.CLOSED:
            return AlertClosed.model_validate({**common, "reason": alert.closed_reason})
    assert_never(happened)
