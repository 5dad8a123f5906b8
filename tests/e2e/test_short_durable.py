"""The short form of `make crash ONLY=durable`: what was answered outlives the server, and the control is caught."""

import pytest

from tests.support.evidence_runs import figures_of


@pytest.mark.slow
def test_what_was_answered_outlives_a_crash_of_the_server() -> None:
    figures = figures_of("crash", "durable")
    assert figures["durable_crashes"].value >= 2
    for name in ("lost", "doubled", "astray", "unasked", "faults"):
        assert figures[f"durable_{name}"].value == 0, name
    assert figures["durable_settled"].value > 0
    assert figures["durable_control_lost"].value > 0
