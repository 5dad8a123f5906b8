"""Whatever falls short has a paragraph, whether its part wrote one or not; what is met has none."""

import pytest

from tests.evidence.figures import Figure, Result


@pytest.mark.parametrize(("better", "value"), [("less", 1.0), ("more", -1.0)])
@pytest.mark.parametrize("own", ["", "The floor is known: nothing.", "Sand would move it.", "Nobody died."])
def test_a_figure_that_falls_short_says_floor_and_what_would_move_it(better: str, value: float, own: str) -> None:
    told = Result("p", "P", [Figure("lost", "lost", value, "events", 0, better, "", own)]).markdown()  # type: ignore[arg-type]
    _, _, paragraph = told.partition("**`lost` falls short of its aim.** ")
    assert own in paragraph
    assert paragraph.lower().count("floor") == 1
    assert paragraph.count("would move it") == 1


def test_a_figure_that_is_met_needs_no_words() -> None:
    assert "falls short" not in Result("p", "P", [Figure("lost", "lost", 0, "events", 0, "less")]).markdown()
