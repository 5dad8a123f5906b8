"""`make bench ONLY=consume` still works: both arms have each effect once. Its figures mean nothing here."""

import pytest

from tests.support.evidence_runs import figures_of
from tests.support.kafka import require_kafka


@pytest.mark.slow
def test_the_quick_run_takes_everything_both_ways() -> None:
    require_kafka()
    figures = figures_of("bench", "consume")
    assert figures.pop("consume_control_refused").verdict == "ok"
    assert figures.keys() == {"consume_batch_vs_single", "consume_rate"}
    assert all(figure.value > 0 for figure in figures.values())
