"""What a phone has heard and what the service has recorded are held against each other, for what both can know."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.crash.flaky_plan import Planned
from tests.crash.flaky_verdict import hurried, unrecorded

ONE = Planned(7, "500", 2, datetime(2026, 3, 2, tzinfo=UTC))


def attempt(number: int, outcome: str | None = "failed", status: int | None = None) -> dict[str, Any]:
    return {"number": number, "outcome": outcome, "status": status, "error": "timeout" if status is None else None}


DELIVERED = attempt(2, "delivered", 204)


def test_an_attempt_that_ran_out_of_time_may_have_reached_nobody() -> None:
    assert unrecorded(ONE, 2, [attempt(1), DELIVERED], heard=1) == 0


@pytest.mark.parametrize(
    ("made", "heard"),
    [
        pytest.param([attempt(1, status=500), DELIVERED], 1, id="an answer to a call that nobody heard"),
        pytest.param([attempt(1, status=500), DELIVERED], 3, id="a call without an attempt"),
        pytest.param([attempt(1, outcome=None), DELIVERED], 2, id="an attempt without an outcome"),
        pytest.param([DELIVERED], 1, id="a gap in the numbers"),
    ],
)
def test_what_only_one_side_knows_is_counted(made: list[dict[str, Any]], heard: int) -> None:
    assert unrecorded(ONE, 2, made, heard) == 1


def test_who_was_asked_to_wait_and_did_not_is_counted() -> None:
    assert hurried([attempt(1, status=503), DELIVERED], impatient=1) == 1


def test_who_ran_out_of_time_before_the_answer_came_was_not_asked_to_wait() -> None:
    assert hurried([attempt(1), DELIVERED], impatient=1) == 0
