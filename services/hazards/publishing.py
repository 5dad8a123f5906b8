"""From domain event to public contract: one match, complete by type."""

from collections.abc import Sequence
from typing import assert_never

from libs.common.actors import area_code
from libs.common.contracts import hazards as contracts
from libs.common.envelope import Event, new_event
from services.hazards.domain.announcements import Announcement
from services.hazards.domain.events import HazardEvent

SOURCE = "hazards"


def publish(events: Sequence[HazardEvent]) -> list[Event]:
    """The domain events as events for the outbox, in the same order."""
    return [_publish(event) for event in events]


def _publish(event: HazardEvent) -> Event:
    facts = event.facts
    payload = contract_of(event.kind)(
        hazard_id=facts.id,
        number=facts.number,
        version=facts.version,
        state=facts.state,
        level=facts.level,
        suggested_level=facts.suggested_level,
        category=facts.category,
        source=facts.source,
        area_code=area_code(facts.area_path),
        area_path=facts.area_path,
        enterprise_id=facts.enterprise_id,
        enterprise_name=facts.enterprise_name,
        place=facts.place,
        handling=facts.handling,
        due_at=facts.due_at,
        due_provisional=facts.due_provisional,
        overdue_since=facts.overdue_since,
        act_by=facts.act_by,
        round=facts.round,
        escalation_rung=facts.escalation_rung,
        escalation_tier=facts.escalation_tier,
        occurred_at=event.at,
        simulated=False,
    )
    return new_event(payload, key=facts.id, sequence=facts.version, now=event.at, source=SOURCE)


def contract_of(kind: Announcement) -> type[contracts.HazardChanged]:
    """The public promise behind an announcement."""
    match kind:
        case Announcement.FOUND:
            return contracts.HazardFound
        case Announcement.VERIFIED:
            return contracts.HazardVerified
        case Announcement.REJECTED:
            return contracts.HazardRejected
        case Announcement.ORDERED:
            return contracts.HazardOrdered
        case Announcement.RECTIFIED:
            return contracts.HazardRectified
        case Announcement.REINSPECTION_FAILED:
            return contracts.ReinspectionFailed
        case Announcement.CLOSED:
            return contracts.HazardClosed
        case Announcement.REOPENED:
            return contracts.HazardReopened
        case Announcement.DEADLINE_APPROACHING:
            return contracts.DeadlineApproaching
        case Announcement.DEADLINE_MISSED:
            return contracts.DeadlineMissed
        case Announcement.ESCALATED:
            return contracts.HazardEscalated
        case Announcement.VERIFICATION_OVERDUE:
            return contracts.VerificationOverdue
        case Announcement.DISPATCH_OVERDUE:
            return contracts.DispatchOverdue
        case Announcement.REINSPECTION_OVERDUE:
            return contracts.ReinspectionOverdue
        case _ as never:
            assert_never(never)
