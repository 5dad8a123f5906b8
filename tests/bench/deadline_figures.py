"""What the part `deadlines` found out: its turns, and the figures that they become."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.due_hazards import Outcome
from tests.bench.settings import Effort
from tests.bench.sweepers import SWEEPERS, Cores
from tests.evidence.figures import Figure, Result, Row
from tests.evidence.rounds import Spread

AIM_BURST, AIM_STEADY, AIM_IDLE = 2.0, 250.0, 1.0  # seconds, milliseconds, percent of a core
_NEVER = "The floor is none: whatever the load, each is told once. The log of the run says which were not, and why."


@dataclass(frozen=True, slots=True)
class Size:
    """How many are open, due in one instant, due a second and for how long, and how long nothing is due (seconds)."""

    open: int
    burst: int
    rate: int
    steady: float
    idle: float
    notice: float  # seconds before the burst in which it is set up
    control: int

    @classmethod
    def of(cls, effort: Effort) -> "Size":
        """The full size, or one that only shows that everything works."""
        if effort.is_quick:
            return cls(20_000, 2_000, 500, 1.0, 1.0, 1.5, 500)
        return cls(10_000_000, 50_000, 1_000, 10.0, 10.0, 20.0, 2_000)


@dataclass(frozen=True, slots=True)
class Burst:
    """One burst: seconds until the last was committed, what is missing or double, processor time."""

    seconds: float
    outcome: Outcome
    cost: Cores


@dataclass(frozen=True, slots=True)
class Idle:
    """Percent of a core that one sweeper and its backend use while nothing is due."""

    sweeper: float
    backend: float

    def __str__(self) -> str:
        return f"idle {self.sweeper:.2f} % of a core a sweeper, {self.backend:.2f} % its backend"


@dataclass(frozen=True, slots=True)
class Steady:
    """How late deadlines of a steady stream were, in ms, and the processor time they cost."""

    p50: float
    p99: float
    most: float
    wrong: int  # not told, or told twice
    cost: Cores

    def __str__(self) -> str:
        return f"p50 {self.p50:.0f} ms, p99 {self.p99:.0f} ms late"


@dataclass(frozen=True, slots=True)
class Round:
    """One turn of all arms; `floor` in seconds."""

    idle: Idle
    burst: Burst
    steady: Steady
    floor: float

    def __str__(self) -> str:
        return f"{self.idle}; burst {self.burst.seconds:.2f} s, floor {self.floor:.2f} s; {self.steady}"


def add_bursts(result: Result, bursts: Sequence[Burst], floor: Spread, size: Size) -> None:
    """The bursts, beside what PostgreSQL alone needs for the same rows."""
    seconds = Spread.of([burst.seconds for burst in bursts])
    cost = Cores(
        sum(burst.cost.sweepers for burst in bursts) / len(bursts),
        sum(burst.cost.backends for burst in bursts) / len(bursts),
    )
    missing, double = (sum(getattr(b.outcome, name) for b in bursts) for name in ("missing", "double"))
    title = f"{size.burst:,} deadlines at one instant: until the last is in the outbox"
    paragraph = (
        f"The floor is {floor} s: the same rows, written by {SWEEPERS} connections with statements that read no facts, "
        f"decide nothing and write no JSON. Processor time a deadline: {cost.a_deadline(size.burst)}, on cores that "
        "sweepers and PostgreSQL share. A missed deadline writes the row of the hazard, a line of the log, an event, "
        "one clock less and one more, and a delta of the counters; in a sweeper the time goes into the row read as "
        "facts, the decision, and the event as JSON. What would move this is a third core, or decisions made before "
        "the instant in which they fall due."
    )
    result.figures += [
        Figure("deadlines_burst_seconds", title, seconds.median, "s", AIM_BURST, "less", str(seconds), paragraph),
        Figure("deadlines_burst_missing", "of these not told", missing, "deadlines", 0, "less", "", _NEVER),
        Figure("deadlines_burst_double", "of these told twice", double, "deadlines", 0, "less", "", _NEVER),
    ]
    result.rows += [
        Row(f"{size.burst:,} at one instant", f"{size.burst / seconds.median:,.0f}"),
        Row("floor: the same rows, PostgreSQL alone", f"{size.burst / floor.median:,.0f}", "facts, rules, JSON"),
    ]
    result.notes.append(f"Burst: {cost.a_deadline(size.burst)} of processor time a deadline.")


def add_steady(result: Result, turns: Sequence[Steady], size: Size) -> None:
    """The steady streams: how late the slowest hundredth was."""
    late = Spread.of([turn.p99 for turn in turns])
    p50, most = Spread.of([turn.p50 for turn in turns]), max(turn.most for turn in turns)
    cost = turns[-1].cost.a_deadline(int(size.rate * size.steady))
    title = "of these not told, or told twice"
    wrong = sum(turn.wrong for turn in turns)
    result.figures.append(Figure("deadlines_steady_wrong", title, wrong, "deadlines", 0, "less", "", _NEVER))
    result.figures.append(
        Figure(
            "deadlines_steady_p99",
            f"{size.rate:,} deadlines a second for {size.steady:.0f} s: lateness, p99",
            late.median,
            "ms",
            AIM_STEADY,
            "less",
            f"{late}; p50 {p50.median:.0f} ms, at most {most:.0f} ms",
            "The floor is the 100 ms for which a sweeper gathers before it looks again, and one transaction. A "
            f"deadline costs {cost}: beyond the floor it waits for a core, or for the batch before it. What would move "
            "this is a core more, or a shorter pause at the price of smaller batches.",
        )
    )
    result.notes.append(f"Steady stream: {cost} of processor time a deadline.")


def add_idle(result: Result, turns: Sequence[Idle], size: Size) -> None:
    """What a sweeper uses while there is nothing to do."""
    used, backend = Spread.of([turn.sweeper for turn in turns]), Spread.of([turn.backend for turn in turns])
    both = Spread.of([turn.sweeper + turn.backend for turn in turns])
    title = f"a sweeper with nothing due for {size.idle:.0f} s, {size.open:,} open"
    why = (
        "The floor is five looks a second, each one statement on one index, which costs PostgreSQL "
        f"{backend.median:.2f} % of a core; the rest is the driver and the event loop of an idle process. What would "
        "move this are rarer looks, which would make deadlines late."
    )
    for name, words, spread in (
        ("deadlines_idle_cpu", title, used),
        ("deadlines_idle_cpu_with_backend", f"{title}, together with its backend in PostgreSQL", both),
    ):
        result.figures.append(Figure(name, words, spread.median, "percent", AIM_IDLE, "less", str(spread), why))
