"""The clock of a process goes by the database's, and is never ahead of it."""

import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common import clock
from libs.common.clock import SystemClock

THERE = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
SOON = timedelta(seconds=5)  # more than a test takes


def seconds_ahead(told: SystemClock, there: datetime, heard: float) -> float:
    """How far the clock is ahead, in the moment in which we heard the database say `there`."""
    with patch.object(clock, "time", SimpleNamespace(monotonic=lambda: heard)):
        return (told.now() - there).total_seconds()


def test_until_it_is_told_it_is_the_machines() -> None:
    before = datetime.now(UTC)
    assert before <= SystemClock().now() <= datetime.now(UTC)


def test_once_told_it_is_the_databases_whatever_the_machine_says(monkeypatch: pytest.MonkeyPatch) -> None:
    class HourAhead(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) + timedelta(hours=1)

    monkeypatch.setattr(clock, "datetime", HourAhead)
    told = SystemClock()
    assert told.now() > datetime.now(UTC) + timedelta(minutes=59), "the machine is wrong"
    told.told(THERE, time.monotonic(), time.monotonic())
    assert THERE <= told.now() < THERE + SOON


def test_an_answer_is_taken_to_be_as_old_as_it_may_be() -> None:
    told, heard = SystemClock(), time.monotonic()
    told.told(THERE, heard - 3, heard)
    assert seconds_ahead(told, THERE, heard) == pytest.approx(0, abs=0.001)
    told.told(THERE, heard - 1, heard)
    assert seconds_ahead(told, THERE, heard) == pytest.approx(0, abs=0.001)


def test_a_better_answer_moves_it_forward_and_a_vague_one_changes_nothing() -> None:
    told, heard = SystemClock(), time.monotonic()
    told.told(THERE, heard - 3, heard)  # in truth it was THERE + 2.9 already
    told.told(THERE + timedelta(seconds=2.9), heard, heard)
    assert seconds_ahead(told, THERE, heard) == pytest.approx(2.9, abs=0.001)
    told.told(THERE, heard - 10, heard)
    assert seconds_ahead(told, THERE, heard) == pytest.approx(2.9, abs=0.001)


def test_it_follows_a_database_that_is_set_back() -> None:
    told, heard = SystemClock(), time.monotonic()
    told.told(THERE, heard, heard)
    told.told(THERE - timedelta(hours=1), heard, heard)
    assert seconds_ahead(told, THERE - timedelta(hours=1), heard) == pytest.approx(0, abs=0.001)


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 10), st.floats(0, 1)), min_size=1, max_size=20))
def test_it_is_never_ahead_of_a_database_that_goes_like_the_monotonic_clock(
    answers: list[tuple[float, float, float]],
) -> None:
    told, start = SystemClock(), time.monotonic()
    asked = start
    for pause, trip, share in answers:
        asked += pause
        read = asked + trip * share  # when the database read its clock
        told.told(THERE + timedelta(seconds=read - start), asked, asked + trip)
        asked += trip
        assert seconds_ahead(told, THERE + timedelta(seconds=asked - start), asked) <= 0.001
