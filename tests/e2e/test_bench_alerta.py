"""`make bench ONLY=alerta` still works: Alerta is fetched, run, and all it kept is counted."""

from pathlib import Path

import pytest

from tests.bench.peers import alerta
from tests.bench.peers.environments import INSTALL_SECONDS, PeerMissing, installed, pinned
from tests.support.evidence_runs import TEST_SECONDS, figures_of


@pytest.mark.slow
@pytest.mark.timeout(INSTALL_SECONDS + TEST_SECONDS)
def test_the_quick_run_asks_alerta_and_counts_what_it_kept() -> None:
    try:
        installed(alerta.LOCK)
    except PeerMissing as reason:
        pytest.skip(str(reason))
    figures = figures_of("bench", "alerta")
    assert {"report_vs_alerta", "report_vs_alerta_bare"} <= figures.keys()
    assert figures["report_vs_alerta"].value > 1
    assert figures["alerta_control_refused"].verdict == "ok"


def test_a_peer_that_cannot_be_fetched_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / "nobody.lock"
    lock.write_text(f"nobody-has-made-this==1.0 --hash=sha256:{'0' * 64}\n")
    assert pinned(lock, "nobody-has-made-this") == "1.0"
    monkeypatch.setenv("HAZARDLOOP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(PeerMissing, match="nobody could not be installed: ERROR: No matching distribution"):
        installed(lock)
