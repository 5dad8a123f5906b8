"""`make bench ONLY=woken` still works: over both buses every report is followed to its alert."""

import pytest

from tests.support.evidence_runs import figures_of
from tests.support.kafka import require_kafka


@pytest.mark.slow
@pytest.mark.kafka
def test_the_quick_run_follows_every_report_at_every_rate() -> None:
    require_kafka()
    figures = figures_of("bench", "woken")
    assert figures.pop("woken_kafka_control_refused").verdict == "ok"
    assert figures.pop("woken_postgres_control_refused").verdict == "ok"
    runs = ("woken_kafka", "woken_kafka_500", "woken_postgres")
    assert figures.keys() == {f"{run}_{at}" for run in runs for at in ("p50", "p99")}
    assert all(figure.unit == "ms" and figure.value > 0 for figure in figures.values())
