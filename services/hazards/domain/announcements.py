"""The kinds of announcement: what can be said of a hazard, as the types on the wire."""

from enum import StrEnum


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
