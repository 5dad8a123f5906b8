"""Policy in force: which deadline, reminder and escalation rows hold for a place, a level, a category and a day."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Generic, TypeVar
from uuid import UUID

from services.hazards.domain.deadlines import SHANGHAI, Deadline, Term, WorkingCalendar, deadline_after
from services.hazards.domain.escalation import Ladder, Step
from services.hazards.domain.lifecycle import ClockKind
from services.hazards.domain.periods import Period
from services.hazards.domain.vocabulary import Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What every policy row has. `area_path` "" holds everywhere; the most specific place wins, then the newest row."""

    id: UUID
    area_path: str
    level: Level | None = None
    effective_from: date
    effective_to: date | None = None

    def holds(self, level: Level | None, category: str | None, day: date) -> bool:
        """Whether the row speaks of such a hazard on that day (both ends included)."""
        if self.level is not None and self.level is not level:
            return False
        return self.effective_from <= day and (self.effective_to is None or day <= self.effective_to)

    def precision(self) -> tuple[bool, bool, date, UUID]:
        """Ranks rows of one place: named category, named level, later start, later row."""
        return (False, self.level is not None, self.effective_from, self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlinePolicy(Policy):
    """How long a clock runs."""

    clock: ClockKind
    category: str | None = None
    term: Term

    def holds(self, level: Level | None, category: str | None, day: date) -> bool:
        # super() does not work in a slots dataclass: the decorator makes a new class
        return (self.category is None or self.category == category) and Policy.holds(self, level, category, day)

    def precision(self) -> tuple[bool, bool, date, UUID]:
        return (self.category is not None, self.level is not None, self.effective_from, self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderPolicy(Policy):
    """How long before the deadline its holder is reminded; `at_time` is the hour of the day for terms in days."""

    before: tuple[Period, ...]
    at_time: time | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationPolicy(Policy):
    """Who is told how long after the deadline."""

    steps: tuple[Step, ...]


P = TypeVar("P", bound=Policy)


class _Shelf(Generic[P]):
    """Rows of one kind by place."""

    def __init__(self, policies: Iterable[P]) -> None:
        by_place: dict[str, list[P]] = defaultdict(list)
        for policy in policies:
            by_place[policy.area_path].append(policy)
        self._by_place = {place: sorted(rows, key=_precision, reverse=True) for place, rows in by_place.items()}
        self._depths = sorted({len(place) for place in self._by_place}, reverse=True)

    def find(self, area_path: str, level: Level | None, category: str | None, day: date) -> P | None:
        for depth in self._depths:
            if depth <= len(area_path):
                for policy in self._by_place.get(area_path[:depth], ()):
                    if policy.holds(level, category, day):
                        return policy
        return None


def _precision(policy: Policy) -> tuple[bool, bool, date, UUID]:
    return policy.precision()


@dataclass(frozen=True, slots=True)
class Subject:
    """What policy asks about a hazard."""

    area_path: str
    level: Level | None
    category: str | None


@dataclass(frozen=True)
class Rulebook:
    """All rules in force, read once and asked often. `categories` are the codes a hazard may be filed under."""

    deadlines: Sequence[DeadlinePolicy] = ()
    reminders: Sequence[ReminderPolicy] = ()
    escalations: Sequence[EscalationPolicy] = ()
    calendar: WorkingCalendar = field(default_factory=WorkingCalendar)
    categories: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        by_clock: dict[ClockKind, list[DeadlinePolicy]] = defaultdict(list)
        for policy in self.deadlines:
            by_clock[policy.clock].append(policy)
        shelves: Mapping[ClockKind, _Shelf[DeadlinePolicy]] = {c: _Shelf(rows) for c, rows in by_clock.items()}
        object.__setattr__(self, "_deadline_shelves", shelves)
        object.__setattr__(self, "_reminder_shelf", _Shelf(self.reminders))
        object.__setattr__(self, "_escalation_shelf", _Shelf(self.escalations))

    _deadline_shelves: Mapping[ClockKind, _Shelf[DeadlinePolicy]] = field(init=False, repr=False, compare=False)
    _reminder_shelf: _Shelf[ReminderPolicy] = field(init=False, repr=False, compare=False)
    _escalation_shelf: _Shelf[EscalationPolicy] = field(init=False, repr=False, compare=False)

    def deadline(self, clock: ClockKind, subject: Subject, start: datetime, now: datetime) -> Deadline | None:
        """When the clock that starts at `start` runs out by the row in force now; None if no row speaks of it."""
        shelf = self._deadline_shelves.get(clock)
        policy = shelf.find(*_key(subject), _day(now)) if shelf else None
        return deadline_after(start, policy.term, self.calendar) if policy else None

    def ladder(self, subject: Subject, now: datetime) -> Ladder:
        """Reminders and rungs in force now, to be frozen on the case."""
        reminders = self._reminder_shelf.find(*_key(subject), _day(now))
        escalation = self._escalation_shelf.find(*_key(subject), _day(now))
        return Ladder(
            reminders=reminders.before if reminders else (),
            at_time=reminders.at_time if reminders else None,
            steps=escalation.steps if escalation else (),
        )


def _key(subject: Subject) -> tuple[str, Level | None, str | None]:
    return subject.area_path, subject.level, subject.category


def _day(now: datetime) -> date:
    return now.astimezone(SHANGHAI).date()
