"""The short form of `make crash ONLY=crash-matrix`: a few deaths, one crash of each server, and the books agree."""

import pytest

from tests.support.evidence_runs import figures_of
from tests.support.kafka import require_kafka


@pytest.mark.kafka
@pytest.mark.slow
def test_nothing_is_lost_doubled_or_stuck_when_processes_die() -> None:
    require_kafka()
    figures = figures_of("crash", "crash-matrix")
    assert figures["matrix_kills"].value >= 6
    assert figures["matrix_events"].value >= 3_000
    for name in ("lost", "doubled", "out_of_order", "half_written", "stuck", "ended_by_themselves"):
        assert figures[f"matrix_{name}"].value == 0, name
    assert figures["matrix_control_lost"].value > 0
