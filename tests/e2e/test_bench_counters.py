"""The part `counters` of the bench still plays its three arms and checks what each left. Its figures mean nothing."""

import pytest

from deploy.local.pgbinaries import postgres_programs
from tests.bench.pgbench import find_pgbench
from tests.support.evidence_runs import figures_of

pytestmark = pytest.mark.slow


@pytest.mark.skipif(find_pgbench(postgres_programs()) is None, reason="there is no pgbench")
def test_reports_with_and_without_counters_and_counting_in_place_are_played() -> None:
    figures = figures_of("bench", "counters")
    assert set(figures) == {"counters_cost", "counters_cost_alone", "counters_inline_control_cost"}
