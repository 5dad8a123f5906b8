"""`make bench ONLY=latency` still works: three loads and the floor, each checked. Its figures mean nothing here."""

import pytest

from tests.support.evidence_runs import figures_of

LOADS = ("half", "near", "full", "alone")


@pytest.mark.slow
def test_the_quick_run_times_every_load() -> None:
    figures = figures_of("bench", "latency")
    assert figures.pop("latency_control_refused").verdict == "ok"
    assert figures.keys() == {f"report_{at}_{load}" for at in ("p50", "p99") for load in LOADS}
    assert all(figure.unit == "ms" and figure.value > 0 for figure in figures.values())
    assert all(figures[f"report_p50_{load}"].value <= figures[f"report_p99_{load}"].value for load in ("half", "full"))
