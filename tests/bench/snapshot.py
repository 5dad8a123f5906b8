"""Part `snapshot`: relay and consume while a reader holds a snapshot, against the same work without one.

Each flow runs in two databases of one server, in turns, for ten minutes. In one of them a reader has begun a REPEATABLE
READ transaction before everything else and stays idle in it, so that nothing that is deleted or updated meanwhile can
be removed. Every ten seconds each flow does a burst, which is timed, and a trickle of single events, which is not. What
piles up makes the last bursts slower than the first: the figures are the ratios of the last third.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from tests.bench import shortfalls
from tests.bench.announced import service_database
from tests.bench.flows import ConsumeFlow, ControlFlow, Flow, RelayFlow
from tests.bench.settings import Effort
from tests.evidence.cluster import BenchCluster, connected
from tests.evidence.effects import WrongEffect
from tests.evidence.figures import Figure, Result, Row
from tests.evidence.rounds import Spread

AIM = 0.9
RELAY, CONSUME, CONTROL = "relay", "consume", "control"
_FLOWS: dict[str, Callable[[str], Flow]] = {RELAY: RelayFlow, CONSUME: ConsumeFlow, CONTROL: ControlFlow}
_TITLES = {RELAY: "relay", CONSUME: "consume", CONTROL: "control: an outbox that is a queue table"}
HELD, FREE = "held", "free"

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, how often, how much each time."""

    seconds: float
    every: float
    burst: int
    trickle: int

    @classmethod
    def of(cls, effort: Effort) -> "Plan":
        """Ten minutes; in the quick form no longer than it takes."""
        return cls(600.0, 10.0, 15_000, 60) if effort.rounds > 1 else cls(0.0, 0.0, 1_000, 3)


@dataclass(frozen=True, slots=True)
class Pair:
    """One flow in its two databases, and what each burst did: events a second, `held` and `free`."""

    held: Flow
    free: Flow
    bursts: list[tuple[float, float]]

    async def turn(self, number: int, plan: Plan) -> None:
        """One burst in each, the first of them in turns, then a trickle in each."""
        rates: dict[str, float] = {}
        order = (HELD, FREE) if number % 2 else (FREE, HELD)
        for which in order:
            rates[which] = await (self.held if which == HELD else self.free).burst(plan.burst)
        self.bursts.append((rates[HELD], rates[FREE]))
        for flow in (self.held, self.free):
            await flow.trickle(plan.trickle)

    def ratios(self) -> list[float]:
        """With ÷ without, burst by burst."""
        return [held / free for held, free in self.bursts]


async def measure(cluster: BenchCluster, effort: Effort, tell: Tell) -> Result:
    """Runs all flows side by side until the time is over."""
    plan = Plan.of(effort)
    result = Result("snapshot", "Relay and consume while a reader holds a snapshot")
    async with AsyncExitStack() as stack:
        pairs = {name: await _pair(cluster, stack, name) for name in _FLOWS}
        for pair in pairs.values():
            await stack.enter_async_context(_snapshot(pair.held.url))
        began, number = time.monotonic(), 0
        while number < 3 or time.monotonic() - began < plan.seconds:
            for pair in pairs.values():
                await pair.turn(number, plan)
            number += 1
            tell(f"burst {number}: " + ", ".join(f"{name} {pair.ratios()[-1]:.2f}" for name, pair in pairs.items()))
            await asyncio.sleep(max(0.0, began + number * plan.every - time.monotonic()))
        held = time.monotonic() - began
    result.taken = f"{number} bursts in {held:.0f} s"
    _fill(result, pairs, plan, held)
    return result


async def _pair(cluster: BenchCluster, stack: AsyncExitStack, name: str) -> Pair:
    flows = [_FLOWS[name](await service_database(cluster, f"{name}_{which}")) for which in (HELD, FREE)]
    for flow in flows:
        stack.push_async_callback(flow.close)
        await flow.burst(1_000)  # plans, pages and tables that are not empty; before the snapshot
    return Pair(flows[0], flows[1], [])


@asynccontextmanager
async def _snapshot(url: str) -> AsyncIterator[None]:
    """A reader that has looked once and stays idle in its transaction. Raises WrongEffect if its snapshot was lost."""
    count = "SELECT count(*) FROM inbox"
    async with connected(url) as reader:
        await reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        seen = await reader.fetchval(count)
        yield
        if await reader.fetchval(count) != seen:
            raise WrongEffect("the snapshot was not held")
        await reader.execute("COMMIT")


def _fill(result: Result, pairs: dict[str, Pair], plan: Plan, held: float) -> None:
    for name, pair in pairs.items():
        ratios = pair.ratios()
        last = Spread.of(ratios[-max(1, len(ratios) // 3) :])
        better: Literal["more", "less"] = "less" if name == CONTROL else "more"
        title = f"{_TITLES[name]} while a snapshot is held ÷ without, last third"
        why = shortfalls.snapshot(_course(ratios))
        key = f"snapshot_{name}_ratio"
        result.figures.append(Figure(key, title, last.median, "ratio", AIM, better, str(last), why))
        result.rows += [
            Row(f"{_TITLES[name]}, snapshot held", str(Spread.of([burst[0] for burst in pair.bursts]))),
            Row(f"{_TITLES[name]}, none held", str(Spread.of([burst[1] for burst in pair.bursts]))),
        ]
        result.notes.append(f"{_TITLES[name]}, ratio from the first tenth of the time to the last: {_course(ratios)}.")
    result.notes.append(
        f"The snapshots were held for {held:.0f} s and still saw at their end what they had seen at their beginning. "
        f"{len(pairs[RELAY].bursts)} bursts of {plan.burst:,} events, each followed by {plan.trickle} single ones. "
        "Relay and control publish to nobody and the consumer is fed from memory: what the database costs is not "
        "hidden by a broker, which no snapshot slows. Every fourth event changes an enterprise that is there already."
    )


def _course(ratios: Sequence[float]) -> str:
    """The medians of ten parts of the time, as far as there are so many."""
    parts = min(10, len(ratios))
    edges = [len(ratios) * nr // parts for nr in range(parts + 1)]
    return ", ".join(f"{Spread.of(ratios[a:b]).median:.2f}" for a, b in pairwise(edges))
