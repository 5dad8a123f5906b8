"""The short form of `make crash ONLY=poison`: nobody suffers for a bad event, and the control loses its neighbours."""

import pytest

from tests.support.evidence_runs import figures_of
from tests.support.kafka import require_kafka


@pytest.mark.slow
@pytest.mark.kafka
def test_bad_events_are_set_aside_and_their_neighbours_handled() -> None:
    require_kafka()
    figures = figures_of("crash", "poison")
    assert figures["poison_good"].value >= 1_500
    assert figures["poison_kinds"].value >= 25
    for name in ("lost", "unburied", "misburied", "unhealed"):
        assert figures[f"poison_{name}"].value == 0, name
    assert figures["poison_control_lost"].value > 0
