"""What the hazards service tells the world on `hazards.hazards`: one event a version of a hazard.

No free text of staff is in here: descriptions may hold personal data.
"""

from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime

from libs.common.contracts.base import Contract

TOPIC = "hazards.hazards"


class HazardChanged(Contract):
    """What every event of a hazard says: the hazard as it is after the move. Times are UTC.

    `state` is reported, verified, ordered, rectified, closed or void; `level` general or major; `handling` pre_handled,
    fixed_on_spot or ordered. `dueAt` is the time limit of the order in force, `actBy` that of the authority in the
    present state. `escalationRung` counts from 0 (nobody above the grid was told).
    """

    topic: ClassVar[str] = TOPIC

    hazard_id: UUID
    number: str
    version: int
    state: str
    level: str | None = None
    suggested_level: str | None = None
    category: str | None = None
    source: str
    area_code: str
    area_path: str
    enterprise_id: UUID | None = None
    enterprise_name: str | None = None
    place: str | None = None
    handling: str
    due_at: AwareDatetime | None = None
    due_provisional: bool = False
    overdue_since: AwareDatetime | None = None
    act_by: AwareDatetime | None = None
    round: int = 0
    escalation_rung: int = 0
    escalation_tier: str | None = None
    occurred_at: AwareDatetime
    simulated: bool = False


class HazardFound(HazardChanged):
    """Someone reports a hazard; it is not verified yet."""

    event_type: ClassVar[str] = "hazard-found"


class HazardVerified(HazardChanged):
    """Level, category and basis are set."""

    event_type: ClassVar[str] = "hazard-verified"


class HazardRejected(HazardChanged):
    """The report was no hazard, or one that is known."""

    event_type: ClassVar[str] = "hazard-rejected"


class HazardOrdered(HazardChanged):
    """Someone must fix it by `dueAt`."""

    event_type: ClassVar[str] = "hazard-ordered"


class HazardRectified(HazardChanged):
    """The rectification was submitted; someone else must look."""

    event_type: ClassVar[str] = "hazard-rectified"


class ReinspectionFailed(HazardChanged):
    """It was not fixed: the next round with a new deadline has begun."""

    event_type: ClassVar[str] = "reinspection-failed"


class HazardClosed(HazardChanged):
    """Struck off: someone else has checked, or it was fixed on the spot (`handling`)."""

    event_type: ClassVar[str] = "hazard-closed"


class HazardReopened(HazardChanged):
    """A closed hazard is taken up again, with its dossier."""

    event_type: ClassVar[str] = "hazard-reopened"


class DeadlineApproaching(HazardChanged):
    """A reminder before `dueAt`."""

    event_type: ClassVar[str] = "deadline-approaching"


class DeadlineMissed(HazardChanged):
    """`dueAt` has passed and nothing was submitted; said once a deadline. Grid and enterprise must know."""

    event_type: ClassVar[str] = "deadline-missed"


class HazardEscalated(HazardChanged):
    """Still overdue: `escalationTier` (community, street, leader, department) must know now."""

    event_type: ClassVar[str] = "hazard-escalated"


class VerificationOverdue(HazardChanged):
    """Nobody verified the report in time."""

    event_type: ClassVar[str] = "verification-overdue"


class DispatchOverdue(HazardChanged):
    """It is verified, and nobody was obliged to fix it in time."""

    event_type: ClassVar[str] = "dispatch-overdue"


class ReinspectionOverdue(HazardChanged):
    """Nobody looked at the submitted rectification in time."""

    event_type: ClassVar[str] = "reinspection-overdue"
