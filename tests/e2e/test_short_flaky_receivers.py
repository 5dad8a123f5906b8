"""The short form of `make crash ONLY=flaky-receivers`: some hundred messages to phones that fail in twelve ways."""

import pytest

from tests.support.evidence_runs import figures_of


@pytest.mark.slow
def test_every_message_arrives_under_one_id_however_phones_fail() -> None:
    figures = figures_of("crash", "flaky-receivers")
    for name in ("lost", "strange_ids", "unheard", "unrecorded", "early", "impatient", "strays"):
        assert figures[f"flaky_{name}"].value == 0, name
    assert figures["flaky_deliveries"].value >= 200
    assert figures["flaky_attempts"].value > figures["flaky_deliveries"].value
    assert figures["flaky_kinds"].value >= 11  # names that do not resolve need a name server of one's own
    assert figures["flaky_most_attempts"].verdict == "ok"
    assert figures["flaky_control_doubled"].value >= 1
    assert figures["flaky_control_lost"].value >= 1
