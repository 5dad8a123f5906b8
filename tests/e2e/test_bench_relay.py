"""`make bench ONLY=relay` still works: both arms bring every event into Kafka. Its figures mean nothing here."""

import pytest

from tests.support.evidence_runs import figures_of
from tests.support.kafka import require_kafka


@pytest.mark.slow
def test_the_quick_run_sends_everything_both_ways() -> None:
    require_kafka()
    figures = figures_of("bench", "relay")
    assert figures.keys() == {"relay_vs_producer", "relay_control_refused"}
    assert figures["relay_control_refused"].verdict == "ok"
    assert figures["relay_vs_producer"].value > 0
