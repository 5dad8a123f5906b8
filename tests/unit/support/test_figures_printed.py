"""What a run printed is read by its lines; one that cannot run here skips the test with the run's own reason."""

import pytest

from tests.support.evidence_runs import figures_in


def test_lines_of_figures_are_read_among_others() -> None:
    figures = figures_in("round 1\nreport_vs_pgbench 0.869 ratio 0.6 ok\n\nSKIPPED report/x: no x\n", "report")
    assert figures["report_vs_pgbench"].value == 0.869


def test_a_run_that_had_to_be_skipped_skips_the_test() -> None:
    with pytest.raises(pytest.skip.Exception, match="handled/pgqueuer: no network; handled/graphile-worker: no node"):
        figures_in("SKIPPED handled/pgqueuer: no network\nSKIPPED handled/graphile-worker: no node\n", "handled")


def test_a_run_that_says_nothing_is_a_failure() -> None:
    with pytest.raises(AssertionError, match="printed no figure"):
        figures_in("starting\n", "handled")
