"""The short form of `make crash ONLY=commit-order`: nothing lost, nothing reordered, and the control loses."""

import pytest

from tests.support.evidence_runs import figures_of


@pytest.mark.slow
def test_nothing_that_commits_late_is_lost() -> None:
    figures = figures_of("crash", "commit-order")
    assert figures["commit_order_events"].value >= 3_000
    for name in ("lost", "out_of_order", "invented", "waiting"):
        assert figures[f"commit_order_{name}"].value == 0, name
    assert figures["commit_order_control_lost"].value > 0
    assert figures["commit_order_control_horizon"].value > 0
