"""The short form of the deadline race: one verdict each, and both controls are caught."""

import pytest

from tests.support.evidence_runs import figures_of


@pytest.mark.slow
def test_whoever_comes_first_at_a_deadline_there_is_one_verdict() -> None:
    figures = figures_of("crash", "deadline-race", "--seed", "7")
    for name in ("forgotten", "contradicted", "early", "disagreements", "lost"):
        assert figures[f"deadline_race_{name}"].value == 0, name
    assert figures["deadline_race_cases"].value >= 300
    assert figures["deadline_race_kills"].value >= 1
    assert figures["deadline_race_control_contradicted"].value >= 1, "a sweeper that locks nothing must be caught"
    assert figures["deadline_race_control_early"].value >= 1, "a sweeper that trusts its machine must be caught"
