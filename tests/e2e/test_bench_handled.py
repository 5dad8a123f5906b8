"""`make bench ONLY=handled` still works: ours and every peer that can be had handle all they are given."""

from contextlib import suppress

import pytest

from tests.bench.handled import command_of, peers
from tests.bench.peers.environments import PeerMissing
from tests.support.evidence_runs import TEST_SECONDS, figures_of

FETCH_SECONDS = 1200


@pytest.mark.slow
@pytest.mark.timeout(FETCH_SECONDS + TEST_SECONDS)
def test_the_quick_run_handles_everything() -> None:
    for peer in peers():
        with suppress(PeerMissing):  # the run says which are missing; it is skipped when none is left
            command_of(peer)
    figures = figures_of("bench", "handled")
    assert figures.pop("handled_control_refused").verdict == "ok"
    assert set(figures) <= {f"handled_vs_{peer}" for peer in ("graphile_worker", "pgqueuer", "procrastinate")}
    assert all(figure.value > 0 for figure in figures.values())
