"""Which policy row is in force, which ladders are refused, and what the seeds say."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.notifications.domain.audience import Tier
from services.notifications.domain.cases import Kind
from services.notifications.domain.durations import format_duration, parse_duration
from services.notifications.domain.errors import BadLadder
from services.notifications.domain.ladder import Rung
from services.notifications.domain.policies import LadderPolicy, check_ladder, choose
from services.notifications.store.seeding import ladder_rows, template_rows

NOW = datetime(2026, 9, 24, 14, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
RUNGS = (Rung(Tier.GRID, HOUR),)


def policy(number: int, path: str = "", level: str | None = None, **more: object) -> LadderPolicy:
    fields = {"kind": Kind.FOUND, "effective_from": NOW - HOUR, "effective_to": None, **more}
    return LadderPolicy(UUID(int=number), level=level, area_path=path, rungs=RUNGS, recheck=HOUR, **fields)  # type: ignore[arg-type]


def chosen(*rows: LadderPolicy, level: str | None = "general") -> int | None:
    row = choose(rows, Kind.FOUND, level, "410503001001001", NOW)
    return row.id.int if row else None


def test_the_nearest_area_wins_then_the_level_then_the_newest() -> None:
    assert chosen(policy(1), policy(2, "410503001"), policy(3, "410503")) == 2
    assert chosen(policy(1), policy(2, level="general")) == 2
    assert chosen(policy(1, "410503001"), policy(2, level="general")) == 1
    assert chosen(policy(1), policy(2, effective_from=NOW - HOUR / 2)) == 2


def test_rows_for_others_do_not_count() -> None:
    assert chosen(policy(1, "410503002")) is None
    assert chosen(policy(1, level="major")) is None
    assert chosen(policy(1, level="general"), level=None) is None
    assert chosen(policy(1, kind=Kind.OVERDUE)) is None
    assert chosen(policy(1, effective_from=NOW + HOUR)) is None
    assert chosen(policy(1, effective_to=NOW)) is None
    assert chosen(policy(1, effective_from=NOW)) == 1


@pytest.mark.parametrize(
    ("rungs", "recheck"),
    [
        ((), HOUR),
        (RUNGS * 21, HOUR),
        ((Rung(Tier.GRID, timedelta(0)),), HOUR),
        ((Rung(Tier.GRID, timedelta(days=91)),), HOUR),
        (RUNGS, timedelta(0)),
    ],
)
def test_a_ladder_that_could_not_work_is_refused(rungs: tuple[Rung, ...], recheck: timedelta) -> None:
    with pytest.raises(BadLadder):
        check_ladder(rungs, recheck)


@pytest.mark.parametrize(
    ("text", "span", "back"),
    [
        ("PT3S", timedelta(seconds=3), "PT3S"),
        ("PT0S", timedelta(0), "PT0S"),
        ("PT0.5S", timedelta(milliseconds=500), "PT0.5S"),
        ("P1DT2H", timedelta(days=1, hours=2), "P1DT2H"),
        ("P2W", timedelta(weeks=2), "P14D"),
        ("PT90M", timedelta(minutes=90), "PT1H30M"),
    ],
)
def test_durations_are_read_and_written(text: str, span: timedelta, back: str) -> None:
    assert parse_duration(text) == span
    assert format_duration(span) == back
    assert parse_duration(back) == span


@pytest.mark.parametrize("text", ["", "P", "PT", "P1M", "P1Y", "3S", "PT3", "-PT3S", "P1DT", "PT１S", "PT1e3S", "pt3s"])
def test_other_texts_are_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="ISO 8601"):
        parse_duration(text)


def test_every_kind_of_case_is_seeded_with_a_ladder_for_any_level_and_a_text() -> None:
    assert {row["kind"] for row in ladder_rows() if row["level"] is None} == set(Kind)
    assert {row["kind"] for row in template_rows()} == set(Kind)
    assert all(row["basis"] for row in (*ladder_rows(), *template_rows()))
