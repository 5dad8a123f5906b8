"""`make bench ONLY=snapshot` still works: every flow does its work beside a snapshot. Its figures mean nothing here."""

import pytest

from tests.support.evidence_runs import figures_of


@pytest.mark.slow
def test_the_quick_run_works_beside_a_snapshot() -> None:
    figures = figures_of("bench", "snapshot")
    assert figures.keys() == {f"snapshot_{flow}_ratio" for flow in ("relay", "consume", "control")}
    assert all(figure.value > 0 for figure in figures.values())
