"""The short form of `make crash ONLY=vanishing-clients`: nothing stays open or half-written, and the control leaks."""

import pytest

from tests.support.evidence_runs import figures_of


@pytest.mark.slow
def test_clients_that_vanish_leave_nothing_behind() -> None:
    figures = figures_of("crash", "vanishing-clients")
    assert figures["vanishing_clients_gone"].value == 400
    left = (
        "leaked_connections",
        "open_sockets",
        "idle_in_transaction",
        "half_written",
        "ghosts",
        "unsettled",
        "doubled",
    )
    for name in left:
        assert figures[f"vanishing_clients_{name}"].value == 0, name
    assert figures["vanishing_clients_control_leaked"].value >= 1
