"""`make bench ONLY=memory` still works: some thousand events over Kafka, every report found. Its sizes mean little."""

import pytest

from tests.bench.footprint import Footprint, Sample, second_half, slope
from tests.bench.memory import EVENTS_QUICK
from tests.support.evidence_runs import figures_of
from tests.support.kafka import require_kafka


@pytest.mark.slow
@pytest.mark.kafka
def test_the_quick_run_announces_its_events_and_weighs_every_service() -> None:
    require_kafka()
    figures = figures_of("bench", "memory")
    assert figures["memory_events"].value >= EVENTS_QUICK
    assert figures["memory_events"].verdict == "ok"
    for service in ("registry", "hazards", "notifications"):
        assert 20 < figures[f"memory_{service}_most"].value < 2000
        assert f"memory_{service}_slope" in figures
    assert "memory_control_slope" in figures


def test_a_process_that_grows_is_caught_and_an_even_one_is_not() -> None:
    leak = [Sample(n * 50_000, {"a": Footprint(100 + 4.0 * n, 0), "b": Footprint(90, 0)}) for n in range(21)]
    assert slope(second_half(leak), "a") == pytest.approx(8.0)
    assert slope(second_half(leak), "b") == 0
    assert second_half(leak)[0].events == 500_000
