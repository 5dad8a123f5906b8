"""Arms that take turns: every round runs each arm once, in a rotating order, and ratios are taken within a round."""

import statistics
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

FEWEST_ROUNDS = 6


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to do the work. `run(round)` answers how many units a second it did, effects already checked."""

    name: str
    run: Callable[[int], Awaitable[float]]


@dataclass(frozen=True, slots=True)
class Spread:
    """A median with what lies around it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """The spread of some values; raises ValueError when there are none."""
        return cls(statistics.median(values), min(values), max(values))

    def __str__(self) -> str:
        return f"{_short(self.median)} ({_short(self.low)} – {_short(self.high)})"


class Rounds:
    """The outcome of all rounds: `rates[arm][round]`, units a second."""

    def __init__(self, rates: Mapping[str, Sequence[float]]) -> None:
        self.rates = rates

    def rate(self, arm: str) -> Spread:
        """Units a second of one arm."""
        return Spread.of(self.rates[arm])

    def ratio(self, arm: str, other: str) -> Spread:
        """Arm ÷ other, taken in each round, so that whatever else the machine did weighs on both."""
        return Spread.of([a / b for a, b in zip(self.rates[arm], self.rates[other], strict=True)])


async def warm_up(arms: Sequence[Arm]) -> None:
    """Runs every arm once and counts none: whoever went first would fill the caches for the others."""
    for arm in arms:
        await arm.run(-1)


async def take_turns(arms: Sequence[Arm], rounds: int, told: Callable[[str], None]) -> Rounds:
    """Runs every arm in every round; each round begins with another arm."""
    rates: dict[str, list[float]] = {arm.name: [] for arm in arms}
    for number in range(rounds):
        start = number % len(arms)
        for arm in (*arms[start:], *arms[:start]):
            rates[arm.name].append(await arm.run(number))
        told(f"round {number + 1}/{rounds}: " + ", ".join(f"{arm.name} {rates[arm.name][-1]:.0f}/s" for arm in arms))
    return Rounds(rates)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed; nan without values."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-int(len(ordered) * share * 1000) // 1000) - 1))]


def _short(value: float) -> str:
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
