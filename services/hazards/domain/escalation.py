"""Who must know when, before and after a deadline: the ladder that is frozen on the case when the order is given."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum
from typing import Any

from services.hazards.domain.deadlines import SHANGHAI, overdue_from
from services.hazards.domain.periods import Period


class Rung(StrEnum):
    """Whom a rung tells. The grid and the enterprise hear of the missed deadline itself, before the first rung."""

    COMMUNITY = "community"
    STREET = "street"
    LEADER = "leader"
    DEPARTMENT = "department"


RUNG_LABELS = {
    Rung.COMMUNITY: "社区",
    Rung.STREET: "街道",
    Rung.LEADER: "分管领导",
    Rung.DEPARTMENT: "主管部门",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One rung: that tier is told so long after the hazard became overdue."""

    tier: Rung
    after: Period


@dataclass(frozen=True, slots=True)
class Ladder:
    """Reminders before the deadline (`at_time`: the hour of the day for those counted in days) and rungs after it."""

    reminders: tuple[Period, ...] = ()
    at_time: time | None = None
    steps: tuple[Step, ...] = ()

    def next_reminder(self, due_at: datetime, now: datetime) -> datetime | None:
        """The earliest reminder still ahead of now; those that have passed are not made up for."""
        ahead = [at for at in (self._reminder(due_at, before) for before in self.reminders) if now < at < due_at]
        return min(ahead, default=None)

    def next_rung(self, due_at: datetime, rung: int) -> tuple[datetime, Step] | None:
        """When the case that stands on `rung` (0 = none) climbs, and to whom; None above the last one."""
        if rung >= len(self.steps):
            return None
        step = self.steps[rung]
        return overdue_from(due_at) + step.after.elapsed(), step

    def _reminder(self, due_at: datetime, before: Period) -> datetime:
        at = due_at - before.elapsed()
        if before.is_exact or self.at_time is None:
            return at
        return datetime.combine(at.astimezone(SHANGHAI).date(), self.at_time, SHANGHAI)


def to_data(ladder: Ladder) -> dict[str, Any]:
    """The ladder as it is frozen on the case."""
    return {
        "reminders": [str(before) for before in ladder.reminders],
        "atTime": ladder.at_time.isoformat() if ladder.at_time else None,
        "steps": [{"tier": step.tier.value, "after": str(step.after)} for step in ladder.steps],
    }


def from_data(data: Mapping[str, Any]) -> Ladder:
    """The inverse of `to_data`."""
    return Ladder(
        reminders=tuple(Period.parse(text) for text in data["reminders"]),
        at_time=time.fromisoformat(data["atTime"]) if data["atTime"] else None,
        steps=tuple(Step(Rung(step["tier"]), Period.parse(step["after"])) for step in data["steps"]),
    )
