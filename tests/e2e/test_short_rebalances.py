"""The short form of `make crash ONLY=rebalances`: nothing doubled, nothing lost, and the control doubles."""

import pytest

from tests.support.evidence_runs import figures_of
from tests.support.kafka import require_kafka


@pytest.mark.slow
@pytest.mark.kafka
def test_a_group_that_never_rests_does_everything_once() -> None:
    require_kafka()
    figures = figures_of("crash", "rebalances")
    assert figures["rebalances_done"].value >= 6
    assert figures["rebalances_events"].value > 0
    assert figures["rebalances_lost"].value == 0
    assert figures["rebalances_doubled"].value == 0
    assert figures["rebalances_control_wrong"].value > 0
