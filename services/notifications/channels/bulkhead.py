"""How many messages may be on their way to one receiver at a time, so that one that hangs does not hold up the others.

A receiver is host and port. Each has half of the places at most; one that was slow last time has a sixteenth, until it
answers quickly again.
"""

from collections import Counter
from collections.abc import Mapping

SLOW_SECONDS = 0.5
MOST_SLOW = 500  # are remembered; who is forgotten was slow long ago, and is found out again with the next message


class Bulkhead:
    """Counts what is under way. The empty receiver is no receiver at all: a message that leaves over no network."""

    def __init__(self, places: int) -> None:
        self.share = max(1, places // 2)
        self._share_of_slow = max(1, places // 16)
        self._under_way: Counter[str] = Counter()
        self._slow: dict[str, None] = {}  # the latest last

    def enter(self, receiver: str) -> None:
        """A message leaves."""
        self._under_way[receiver] += 1

    def leave(self, receiver: str, seconds: float) -> None:
        """It has been answered, or given up, after so long."""
        self._under_way[receiver] -= 1
        if not self._under_way[receiver]:
            del self._under_way[receiver]
        if seconds >= SLOW_SECONDS and receiver:
            self._slow.pop(receiver, None)
            self._slow[receiver] = None
            if len(self._slow) > MOST_SLOW:
                del self._slow[next(iter(self._slow))]
        else:
            self._slow.pop(receiver, None)

    def room(self) -> Mapping[str, int]:
        """How many more may leave to each receiver of which anything is known; to any other it is `share`."""
        known = {*self._under_way, *self._slow} - {""}
        return {one: max(0, self._limit(one) - self._under_way[one]) for one in known}

    def _limit(self, receiver: str) -> int:
        return self._share_of_slow if receiver in self._slow else self.share
