"""The quick form of `make bench ONLY=floors`: three empty routes, each answered and told in a line."""

import pytest

from tests.support.evidence_runs import figures_of


@pytest.mark.slow
def test_every_empty_route_is_asked_and_told() -> None:
    figures = figures_of("bench", "floors")
    assert figures.keys() == {"floor_framework", "floor_fast", "floor_bare"}
    assert all(figure.value > 0 for figure in figures.values())
