"""Work is waited for as long as it moves, however slow the machine is."""

from tests.evidence.patience import Patience


def test_slow_work_is_waited_for_and_work_that_stands_still_is_not() -> None:
    now = 0.0
    patience = Patience(10, clock=lambda: now)

    for left in (3, 2, 1):
        now += 9
        assert not patience.is_over(left), "9 s for one step"

    now += 9
    assert not patience.is_over(1)
    now += 1
    assert patience.is_over(1)
