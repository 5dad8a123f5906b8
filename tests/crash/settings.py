"""How much a crash run does, and from which seed its faults are drawn."""

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Effort:
    """What a part may spend: the long form of `make crash`, a share of it, or the short form of `make test`."""

    seed: int
    short: bool = False
    scale: float = 1.0

    def count(self, long: int, *, short: int) -> int:
        """How many of something: `short` in the short form, else the share of `long` that was asked for."""
        return short if self.short else max(short, round(long * self.scale))

    def random(self, salt: str = "") -> Random:
        """A source of chance that is the same in every run with this seed; `salt` keeps two of them apart."""
        return Random(f"{self.seed}/{salt}")
