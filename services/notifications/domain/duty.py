"""The roster: who is on duty for an area at an instant."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from uuid import UUID

from libs.common.clock import SHANGHAI


@dataclass(frozen=True, slots=True)
class Shift:
    """A person on duty for an area from `starts_at` until `ends_at`, without a break unless it recurs.

    A recurring shift names weekdays (1 = Monday … 7 = Sunday) and hours of the day in Asia/Shanghai; hours that end
    before they start run past midnight and belong to the day on which they start, equal ones are the whole day.
    """

    area_path: str
    role: str | None
    person_id: UUID
    starts_at: datetime
    ends_at: datetime | None
    weekdays: frozenset[int] = frozenset()
    day_from: time | None = None
    day_to: time | None = None

    def covers(self, now: datetime) -> bool:
        """Whether the person is on duty at that instant."""
        if now < self.starts_at or (self.ends_at is not None and now >= self.ends_at):
            return False
        if not self.weekdays and self.day_from is None:
            return True
        return self._recurs(now.astimezone(SHANGHAI))

    def _recurs(self, local: datetime) -> bool:
        begin, end = self.day_from or time(0), self.day_to or time(0)
        clock = local.time()
        if begin < end:
            return begin <= clock < end and self._falls_on(local)
        if clock >= begin:
            return self._falls_on(local)
        return clock < end and self._falls_on(local - timedelta(days=1))

    def _falls_on(self, day: datetime) -> bool:
        return not self.weekdays or day.isoweekday() in self.weekdays


def on_duty(shifts: Iterable[Shift], roles: frozenset[str], now: datetime) -> tuple[UUID, ...]:
    """The persons on duty in one of the roles (any role if none is named), each once, in roster order."""
    return tuple(
        dict.fromkeys(
            shift.person_id
            for shift in shifts
            if (not roles or shift.role is None or shift.role in roles) and shift.covers(now)
        )
    )
