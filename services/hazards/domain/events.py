"""What a move tells the world: one announcement with the facts as they are after it."""

from dataclasses import dataclass
from datetime import datetime

from services.hazards.domain.announcements import Announcement
from services.hazards.domain.facts import Facts


@dataclass(frozen=True, slots=True)
class HazardEvent:
    """One announcement a version: `facts.version` is its place in the hazard's history."""

    kind: Announcement
    facts: Facts
    at: datetime
