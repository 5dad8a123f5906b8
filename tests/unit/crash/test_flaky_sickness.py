"""What is sick in the part `flaky-receivers` heals so long after it was first called, not after its start."""

import time

import pytest

from tests.crash.flaky_names import Sickness


def test_sickness_counts_from_the_first_call(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    sickness = Sickness(30.0)
    now = 500.0
    assert sickness.lasts()
    now = 529.9
    assert sickness.lasts()
    now = 530.0
    assert not sickness.lasts()
