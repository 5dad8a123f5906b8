"""When a term ends: calendar days, working days or exact time, counted as the Civil Code counts (arts. 201-203)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from zoneinfo import ZoneInfo

from services.hazards.domain.lifecycle import ClockKind, State
from services.hazards.domain.periods import Period

SHANGHAI = ZoneInfo("Asia/Shanghai")
END_OF_DAY = time(23, 59, 59)
_SECOND = timedelta(seconds=1)
_LONGEST_HOLIDAY = 30  # days; a calendar that never has a working day must not hang the count

# The clock that a state runs on: entering the state starts it, leaving the state stops it.
CLOCK_OF: Mapping[State, ClockKind] = MappingProxyType(
    {
        State.REPORTED: ClockKind.VERIFICATION,
        State.VERIFIED: ClockKind.DISPATCH,
        State.ORDERED: ClockKind.DEADLINE,
        State.RECTIFIED: ClockKind.REINSPECTION,
    }
)


class DayKind(StrEnum):
    """A day that is not what its weekday says."""

    HOLIDAY = "holiday"
    MAKE_UP = "make_up"


class Counting(StrEnum):
    CALENDAR_DAYS = "calendar_days"
    WORKING_DAYS = "working_days"
    ELAPSED = "elapsed"


@dataclass(frozen=True, slots=True)
class WorkingCalendar:
    """The yearly notice of the State Council as data: holidays, make-up working days, and the years it has settled."""

    days: Mapping[date, DayKind] = field(default_factory=dict)
    settled_years: frozenset[int] = frozenset()

    def is_working(self, day: date) -> bool:
        """Whether offices work on that day."""
        kind = self.days.get(day)
        return day.weekday() < 5 if kind is None else kind is DayKind.MAKE_UP

    def next_working(self, day: date) -> date:
        """The day itself if it is a working day, else the first one after it."""
        for _ in range(_LONGEST_HOLIDAY):
            if self.is_working(day):
                return day
            day += timedelta(days=1)
        return day

    def is_settled(self, day: date) -> bool:
        """False where the notice of that year is not out yet, so that a date may still change."""
        return day.year in self.settled_years


@dataclass(frozen=True, slots=True)
class Term:
    """How long, counted how, and whether a last day off moves to the next working day."""

    period: Period
    counting: Counting
    roll: bool = True

    @property
    def is_sound(self) -> bool:
        """Hours and seconds are elapsed time; working days are days without months."""
        if self.counting is Counting.ELAPSED:
            return self.period.months == 0
        if self.counting is Counting.WORKING_DAYS:
            return self.period.is_days
        return not self.period.is_exact


@dataclass(frozen=True, slots=True)
class Deadline:
    """An instant, inclusive to its last second; provisional while a year it depends on is not settled."""

    at: datetime
    provisional: bool


def deadline_after(start: datetime, term: Term, calendar: WorkingCalendar) -> Deadline:
    """When the term that starts at `start` (aware) ends, in Asia/Shanghai. The first day is not counted (art. 201)."""
    if term.counting is Counting.ELAPSED:
        return Deadline(start + term.period.elapsed(), provisional=False)
    first = start.astimezone(SHANGHAI).date()
    if term.counting is Counting.WORKING_DAYS:
        last = _after_working_days(first, term.period.days, calendar)
        depends = True
    else:
        last = _after_months(first, term.period.months) + timedelta(days=term.period.days)
        depends = term.roll
        if term.roll:
            last = calendar.next_working(last)
    provisional = depends and not (calendar.is_settled(last) and calendar.is_settled(first))
    return Deadline(end_of(last), provisional)


def local(instant: datetime) -> str:
    """The instant as a log entry tells it: RFC 3339 in Asia/Shanghai."""
    return instant.astimezone(SHANGHAI).isoformat()


def end_of(day: date) -> datetime:
    """The last second of the day: "before the 30th" includes the 30th (art. 203)."""
    return datetime.combine(day, END_OF_DAY, SHANGHAI)


def overdue_from(due_at: datetime) -> datetime:
    """The first instant that is too late: the next midnight for a due day, the instant itself for an exact time."""
    if due_at.astimezone(SHANGHAI).time() == END_OF_DAY:
        return due_at + _SECOND
    return due_at


def days_overdue(since: datetime | None, now: datetime) -> int:
    """Days of the calendar in Asia/Shanghai on which it has been late, today's included; 0 while it is not late."""
    if since is None:
        return 0
    return (now.astimezone(SHANGHAI).date() - since.astimezone(SHANGHAI).date()).days + 1


def _after_working_days(first: date, days: int, calendar: WorkingCalendar) -> date:
    day = first
    for _ in range(days):
        day = calendar.next_working(day + timedelta(days=1))
    return day


def _after_months(first: date, months: int) -> date:
    """The corresponding day, or the last day of a month that has none (art. 202)."""
    if not months:
        return first
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    next_month = date(year + month // 11, (month + 1) % 12 + 1, 1)
    last = (next_month - timedelta(days=1)).day
    return date(year, month + 1, min(first.day, last))
