"""How long and how often a run measures."""

from dataclasses import dataclass

from tests.evidence.rounds import FEWEST_ROUNDS


@dataclass(frozen=True, slots=True)
class Effort:
    """What a part may spend."""

    rounds: int
    seconds: float
    latency_seconds: float

    @property
    def is_quick(self) -> bool:
        """Whether the figures mean nothing anyway."""
        return self.rounds < FEWEST_ROUNDS

    @classmethod
    def full(cls, rounds: int, seconds: float) -> "Effort":
        """A run whose figures count. Raises ValueError below six rounds."""
        if rounds < FEWEST_ROUNDS:
            raise ValueError(f"at least {FEWEST_ROUNDS} rounds, or the spread says nothing")
        return cls(rounds, seconds, 30.0)

    @classmethod
    def quick(cls) -> "Effort":
        """A run that only shows that everything still works: its figures mean nothing."""
        return cls(1, 1.0, 1.0)
