"""Tests that run whole programs have as long as the slowest machine needs."""

from pathlib import Path

import pytest

from tests.support.evidence_runs import TEST_SECONDS

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where a test says nothing else, its time is that of a run of the bench or of the crash runs, and a margin."""
    for item in items:
        if _HERE in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TEST_SECONDS))
