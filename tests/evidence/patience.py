"""How long to wait for work whose length the machine decides: as long as it moves, and a while longer."""

import time
from collections.abc import Callable

STILL_SECONDS = 120.0


class Patience:
    """Ends when what is looked at has stood still for so many seconds."""

    def __init__(self, seconds: float = STILL_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._moved = clock()
        self._last: object = None

    def is_over(self, state: object) -> bool:
        """Whether it has been in this state for so long."""
        now = self._clock()
        if state != self._last:
            self._last, self._moved = state, now
        return now - self._moved >= self._seconds
