"""The part `views` of the bench still loads, asks, checks against plain SQL and measures. Its figures mean nothing."""

import pytest

from tests.support.evidence_runs import figures_of

pytestmark = pytest.mark.slow


def test_pages_and_figures_are_checked_and_measured() -> None:
    figures = figures_of("bench", "views")
    assert set(figures) == {
        "views_page_p99",
        "views_page_p99_unread",
        "views_deep_page_ratio",
        "views_offset_control_ratio",
        "counters_vs_count_district",
        "counters_vs_count_street",
        "counters_vs_count_community",
    }
    assert all(figure.value > 0 for figure in figures.values())
