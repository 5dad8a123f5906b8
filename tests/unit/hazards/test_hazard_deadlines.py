"""Counting of terms, against examples worked out by hand from the notice of 2026."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.hazards.domain.deadlines import (
    SHANGHAI,
    Counting,
    DayKind,
    WorkingCalendar,
    days_overdue,
    deadline_after,
    end_of,
    overdue_from,
)
from services.hazards.domain.escalation import Ladder, Rung, Step, from_data, to_data
from services.hazards.domain.lifecycle import ClockKind
from services.hazards.domain.numbers import Series, series_of
from services.hazards.domain.periods import BadPeriod, Period
from services.hazards.domain.rulebook import Rulebook, Subject
from services.hazards.domain.vocabulary import Level
from tests.unit.hazards.hazard_examples import CALENDAR, NOW, deadline, term

THURSDAY = datetime(2026, 9, 24, 10, 0, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("period", "counting", "last"),
    [
        ("P3D", Counting.WORKING_DAYS, date(2026, 9, 30)),
        ("P5D", Counting.WORKING_DAYS, date(2026, 10, 9)),
        ("P7D", Counting.WORKING_DAYS, date(2026, 10, 12)),
        ("P10D", Counting.WORKING_DAYS, date(2026, 10, 15)),
        ("P7D", Counting.CALENDAR_DAYS, date(2026, 10, 8)),
        ("P1W", Counting.CALENDAR_DAYS, date(2026, 10, 8)),
        ("P30D", Counting.CALENDAR_DAYS, date(2026, 10, 26)),
        ("P1M", Counting.CALENDAR_DAYS, date(2026, 10, 26)),
    ],
)
def test_worked_examples_from_24_september_2026(period: str, counting: Counting, last: date) -> None:
    found = deadline_after(THURSDAY, term(period, counting), CALENDAR)
    assert found.at == datetime(last.year, last.month, last.day, 23, 59, 59, tzinfo=SHANGHAI)
    assert not found.provisional


@pytest.mark.parametrize("saturday", [date(2026, 2, 14), date(2026, 2, 28), date(2026, 10, 10)])
def test_a_working_saturday_does_not_roll(saturday: date) -> None:
    start = datetime.combine(saturday - timedelta(days=3), datetime.min.time(), SHANGHAI)
    assert deadline_after(start, term("P3D"), CALENDAR).at == end_of(saturday)


def test_without_roll_a_holiday_stays_the_last_day() -> None:
    assert deadline_after(THURSDAY, term("P7D", roll=False), CALENDAR).at == end_of(date(2026, 10, 1))


@pytest.mark.parametrize(
    ("start", "months", "last"),
    [
        (date(2027, 1, 31), 1, date(2027, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2026, 10, 31), 2, date(2026, 12, 31)),
        (date(2026, 11, 30), 3, date(2027, 2, 28)),
        (date(2026, 12, 15), 12, date(2027, 12, 15)),
        (date(2026, 12, 1), 1, date(2027, 1, 1)),
    ],
)
def test_months_end_on_the_corresponding_day_or_the_last(start: date, months: int, last: date) -> None:
    begun = datetime.combine(start, datetime.min.time(), SHANGHAI)
    assert deadline_after(begun, term(f"P{months}M", roll=False), WorkingCalendar()).at == end_of(last)


def test_the_day_is_the_one_in_shanghai() -> None:
    late = datetime(2026, 9, 24, 17, 0, tzinfo=UTC)  # already the 25th
    assert deadline_after(late, term("P1D", roll=False), CALENDAR).at == end_of(date(2026, 9, 26))


def test_exact_time_is_elapsed_time() -> None:
    found = deadline_after(THURSDAY, term("PT24H", Counting.ELAPSED), CALENDAR)
    assert found.at - THURSDAY == timedelta(hours=24)
    assert deadline_after(NOW, term("PT3S", Counting.ELAPSED), CALENDAR).at == NOW + timedelta(seconds=3)


def test_a_year_without_notice_is_provisional() -> None:
    assert deadline_after(THURSDAY, term("P200D"), CALENDAR).provisional
    assert not deadline_after(THURSDAY, term("P200D", roll=False), CALENDAR).provisional
    assert not deadline_after(THURSDAY, term("PT9999H", Counting.ELAPSED), CALENDAR).provisional


def test_a_due_day_is_inclusive_to_its_last_second() -> None:
    assert overdue_from(end_of(date(2026, 9, 30))) == datetime(2026, 10, 1, tzinfo=SHANGHAI)
    assert overdue_from(NOW) == NOW


def test_days_overdue_are_counted_by_the_calendar_in_shanghai() -> None:
    midnight = overdue_from(end_of(date(2026, 9, 30)))
    assert days_overdue(None, NOW) == 0
    assert days_overdue(midnight, midnight) == 1
    assert days_overdue(midnight, midnight + timedelta(hours=23, minutes=59)) == 1
    assert days_overdue(midnight.astimezone(UTC), (midnight + timedelta(days=1)).astimezone(UTC)) == 2
    assert days_overdue(midnight + timedelta(hours=20), midnight + timedelta(days=1)) == 2, "a new day, not 24 hours"


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(1, 60), st.booleans())
def test_counting_never_ends_on_a_day_off_and_more_days_are_never_earlier(day: date, days: int, working: bool) -> None:
    start = datetime.combine(day, datetime.min.time(), SHANGHAI)
    counting = Counting.WORKING_DAYS if working else Counting.CALENDAR_DAYS
    one = deadline_after(start, term(f"P{days}D", counting), CALENDAR).at
    more = deadline_after(start, term(f"P{days + 1}D", counting), CALENDAR).at
    assert CALENDAR.is_working(one.date())
    assert start < one <= more
    assert one - start >= timedelta(days=days)


def test_a_calendar_without_working_days_does_not_hang() -> None:
    closed = WorkingCalendar(days={date(2026, 1, 1) + timedelta(days=n): DayKind.HOLIDAY for n in range(400)})
    assert deadline_after(THURSDAY, term("P3D", Counting.WORKING_DAYS), closed).at > THURSDAY


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "3D", "P-3D", "P1.5D", "PT1.5H", "P1DT", "p1d", "P1D ", "P99999D", "P٣D", "P1H", "PT1D"]
)
def test_what_is_no_period(text: str) -> None:
    with pytest.raises(BadPeriod):
        Period.parse(text)


@given(st.integers(0, 60), st.integers(0, 1000), st.integers(0, 99999))
def test_a_period_reads_what_it_writes(months: int, days: int, seconds: int) -> None:
    period = Period(months, days, timedelta(seconds=seconds))
    assert Period.parse(str(period)) == period


def test_a_ladder_survives_being_frozen() -> None:
    ladder = Ladder((Period.parse("P3D"),), None, (Step(Rung.STREET, Period.parse("PT2S")),))
    assert from_data(to_data(ladder)) == ladder


def test_reminders_in_days_come_at_the_hour_of_policy() -> None:
    ladder = Ladder((Period.parse("P3D"), Period.parse("PT2H")), time(9), ())
    due = end_of(date(2026, 9, 30))
    first = ladder.next_reminder(due, NOW)
    assert first == datetime(2026, 9, 27, 9, tzinfo=SHANGHAI)
    second = ladder.next_reminder(due, first)
    assert second == due - timedelta(hours=2)
    assert ladder.next_reminder(due, second) is None


def test_the_most_specific_place_wins_then_category_then_level_then_the_newest() -> None:
    days: dict[int, dict[str, Any]] = {
        1: {},
        2: {"level": Level.GENERAL},
        3: {"category": "fire"},
        4: {"area_path": "410503001"},
        5: {"area_path": "410503001", "effective_from": date(2026, 9, 1)},
        6: {"area_path": "410503001001", "effective_to": date(2026, 9, 23)},
        7: {"area_path": "410503001001", "effective_from": date(2026, 9, 25)},
        8: {"area_path": "410503001001", "level": Level.MAJOR},
        9: {"area_path": "410503002"},
    }
    rules = Rulebook(
        deadlines=[deadline(n, ClockKind.DEADLINE, term(f"PT{n}H", Counting.ELAPSED), **kw) for n, kw in days.items()]
    )

    def hours(path: str, level: Level | None = Level.GENERAL, category: str | None = None) -> float:
        found = rules.deadline(ClockKind.DEADLINE, Subject(path, level, category), NOW, NOW)
        assert found is not None
        return (found.at - NOW) / timedelta(hours=1)

    assert hours("410503001001001") == 5
    assert hours("410503001001001", Level.MAJOR) == 8
    assert hours("410503002") == 9
    assert hours("410503003", category="fire") == 3
    assert hours("410503003") == 2
    assert hours("410503003", None) == 1
    assert rules.deadline(ClockKind.DISPATCH, Subject("410503", None, None), NOW, NOW) is None


def test_numbers_name_district_year_and_place() -> None:
    series = Series.at("410503001001", datetime(2026, 12, 31, 17, 0, tzinfo=UTC))
    assert series.number(123) == "HZ-410503-2027-000123"
    assert series.number(1234567) == "HZ-410503-2027-1234567"
    assert series_of("HZ-410503-2027-000123") == series
    assert series_of("HZ-410503-27-000123") is None
    assert series.sequence == "hazard_number_410503_2027"
    assert deadline(1, ClockKind.DEADLINE, term("P1D")).id == UUID(int=1)
