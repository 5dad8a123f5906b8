"""The short form of `make crash ONLY=fuzz`: some hundred requests made from each of the three documents."""

import pytest

from tests.support.evidence_runs import figures_of


@pytest.mark.slow
def test_no_answer_breaks_its_document() -> None:
    figures = figures_of("crash", "fuzz")
    assert figures["fuzz_cases"].value >= 600
    for name in ("server_errors", "undocumented", "schema_breaks", "accepted"):
        assert figures[f"fuzz_{name}"].value == 0, name
    assert figures["fuzz_successes"].value > 0
    assert figures["fuzz_control_caught"].value == 4
