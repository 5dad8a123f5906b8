"""The part `ledger` of the bench still imports and copies, and both leave the same rows. Its figures mean nothing."""

import pytest

from tests.support.evidence_runs import figures_of

pytestmark = pytest.mark.slow


def test_a_ledger_is_imported_over_http_and_copied() -> None:
    figures = figures_of("bench", "ledger")
    assert figures["ledger_vs_copy"].value > 0
    assert figures["ledger_control_refused"].verdict == "ok"
