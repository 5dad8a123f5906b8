"""`make bench ONLY=handled` still works: ours and every peer that can be had handle all they are given."""

import pytest

from tests.support.evidence_runs import figures_of


@pytest.mark.slow
def test_the_quick_run_handles_everything() -> None:
    figures = figures_of("bench", "handled")
    assert set(figures) <= {f"handled_vs_{peer}" for peer in ("graphile_worker", "pgqueuer", "procrastinate")}
    assert all(figure.value > 0 for figure in figures.values())
