"""What a move tells the world: the kinds of announcement, and one announcement with the facts as they are after it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.hazards.domain.facts import Facts


class Announcement(StrEnum):
    """Named after what happened; the values are the types on the wire."""

    FOUND = "hazard-found"
    VERIFIED = "hazard-verified"
    REJECTED = "hazard-rejected"
    ORDERED = "hazard-ordered"
    RECTIFIED = "hazard-rectified"
    REINSPECTION_FAILED = "reinspection-failed"
    CLOSED = "hazard-closed"
    REOPENED = "hazard-reopened"
    DEADLINE_APPROACHING = "deadline-approaching"
    DEADLINE_MISSED = "deadline-missed"
    ESCALATED = "hazard-escalated"
    VERIFICATION_OVERDUE = "verification-overdue"
    DISPATCH_OVERDUE = "dispatch-overdue"
    REINSPECTION_OVERDUE = "reinspection-overdue"


@dataclass(frozen=True, slots=True)
class HazardEvent:
    """One announcement a version: `facts.version` is its place in the hazard's history."""

    kind: Announcement
    facts: "Facts"
    at: datetime
