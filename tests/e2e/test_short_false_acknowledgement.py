"""The short form of `make crash ONLY=false-acknowledgement`: no success without its row, and the control lies."""

import pytest

from tests.support.evidence_runs import figures_of


@pytest.mark.slow
def test_no_success_is_heard_about_a_row_that_is_not_there() -> None:
    figures = figures_of("crash", "false-acknowledgement")
    assert figures["false_acknowledgement_answered"].value == 600
    assert figures["false_acknowledgement_commits_failed"].value >= 1
    for name in ("lies", "doubled", "half_written"):
        assert figures[f"false_acknowledgement_{name}"].value == 0, name
    assert figures["false_acknowledgement_control_lies"].value >= 1
