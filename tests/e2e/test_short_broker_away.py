"""The short form of `make crash ONLY=broker-away`: a few seconds of every outage."""

import pytest

from tests.support.evidence_runs import figures_of
from tests.support.kafka import require_kafka


@pytest.mark.slow
@pytest.mark.kafka
def test_nobody_who_reports_notices_that_the_broker_is_away() -> None:
    require_kafka()
    figures = figures_of("crash", "broker-away")
    for name in ("http_failed", "lost", "doubled", "disordered"):
        assert figures[f"broker_away_{name}"].value == 0, name
    assert figures["broker_away_requests"].value >= 100
    assert figures["broker_away_events"].value >= 100
    assert figures["broker_away_outages"].value >= 2  # the third needs a network namespace
    assert figures["broker_away_slowest_stop"].verdict == "ok"
    assert figures["broker_away_control_failed"].value >= 1
