"""The quick form of the part `deadlines`: every deadline is told once, the control is caught; times mean nothing."""

import pytest

from tests.support.evidence_runs import figures_of


@pytest.mark.slow
def test_every_deadline_of_a_burst_is_told_once() -> None:
    figures = figures_of("bench", "deadlines")
    assert {"deadlines_burst_seconds", "deadlines_steady_p99", "deadlines_idle_cpu_with_backend"} <= figures.keys()
    assert figures["deadlines_burst_missing"].value == 0
    assert figures["deadlines_burst_double"].value == 0
    assert figures["deadlines_steady_wrong"].value == 0
    assert figures["deadlines_control_double"].value >= 1, "sweepers without locks must tell some twice"
