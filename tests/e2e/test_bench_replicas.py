"""`make bench ONLY=replicas` still works: one, two and four of each share the work, and nothing is lost or doubled."""

import pytest

from tests.support.evidence_runs import figures_of


@pytest.mark.slow
def test_the_quick_run_starts_replicas_that_share_the_work() -> None:
    figures = figures_of("bench", "replicas")
    assert figures.pop("replicas_control_refused").verdict == "ok"
    works = ("hazards", "relay", "notifications", "registry")
    assert figures.keys() == {f"replicas_{work}_{count}_vs_1" for work in works for count in (2, 4)}
    assert all(figure.value > 0 for figure in figures.values())
