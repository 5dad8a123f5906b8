"""What the notifications service tells the world on `notifications.alerts`: one event a version of an alert.

Persons appear as ids alone; addresses never leave the service.
"""

from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime

from libs.common.contracts.base import Contract

TOPIC = "notifications.alerts"


class AlertChanged(Contract):
    """What every event of an alert says: the alert as it is after the move. Times are UTC.

    `kind` is the case: found, verified, reopened, ordered, approaching, overdue, rectified, reinspection_failed,
    verification_overdue, dispatch_overdue or reinspection_overdue. `state` is open, acknowledged, exhausted or closed.
    `rung` is the last rung that was told, counted from 1 (0 = nobody could be told), `tier` its tier: enterprise,
    grid, community, street, leader or district.
    """

    topic: ClassVar[str] = TOPIC

    alert_id: UUID
    version: int
    hazard_id: UUID
    hazard_number: str
    kind: str
    state: str
    level: str | None = None
    area_code: str
    area_path: str
    enterprise_id: UUID | None = None
    rung: int
    tier: str | None = None
    occurred_at: AwareDatetime
    simulated: bool = False


class AlertOpened(AlertChanged):
    """A case needs an answer; whoever stands on the first rungs is being told."""

    event_type: ClassVar[str] = "alert-opened"


class AlertClimbed(AlertChanged):
    """Nobody answered in time, or a higher tier must know: the next rung is being told."""

    event_type: ClassVar[str] = "alert-climbed"


class AlertAcknowledged(AlertChanged):
    """A person answered; nobody else is woken. `acknowledgedBy` is that person's id."""

    event_type: ClassVar[str] = "alert-acknowledged"

    acknowledged_by: str


class AlertExhausted(AlertChanged):
    """Nobody is left to tell and nobody answered: someone must look at it on the board."""

    event_type: ClassVar[str] = "alert-exhausted"


class AlertClosed(AlertChanged):
    """The case is over. `reason` is moved_on, replaced, hazard_closed or hazard_void."""

    event_type: ClassVar[str] = "alert-closed"

    reason: str
