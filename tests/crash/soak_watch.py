"""Looks at a running system again and again: memory of its processes, dead rows of its tables."""

import asyncio
import contextlib
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from tests.evidence.cluster import connected

TEN_MINUTES = 600.0
_MIB = 1_048_576
_EVERY = 1.0
_DEAD = "SELECT relname, n_dead_tup::int8 AS dead FROM pg_stat_user_tables"
_WORTH_A_LOOK = 5_000  # dead rows below which a table is of no interest

Point = tuple[float, float]


def slope(points: Sequence[Point]) -> float:
    """By how much the values rise in a second, by least squares; nan for fewer than two moments."""
    if len({moment for moment, _ in points}) < 2:
        return float("nan")
    middle = sum(moment for moment, _ in points) / len(points)
    level = sum(value for _, value in points) / len(points)
    spread = sum((moment - middle) ** 2 for moment, _ in points)
    return sum((moment - middle) * (value - level) for moment, value in points) / spread


def second_two_thirds(points: Sequence[Point]) -> list[Point]:
    """What was seen after the first third: by then caches are full and code paths have been run."""
    if not points:
        return []
    start = points[0][0] + (points[-1][0] - points[0][0]) / 3
    return [point for point in points if point[0] >= start]


@dataclass(slots=True)
class Watched:
    """What was seen: process → (second, MiB), table → (second, dead rows)."""

    memory: dict[str, list[Point]] = field(default_factory=lambda: defaultdict(list))
    dead: dict[str, list[Point]] = field(default_factory=lambda: defaultdict(list))

    def growth(self, process: str) -> float:
        """MiB in ten minutes, over the second two thirds."""
        return slope(second_two_thirds(self.memory[process])) * TEN_MINUTES

    def dead_growth(self) -> dict[str, float]:
        """Table → most dead rows in the second half ÷ most in the first, for tables with any to speak of."""
        found: dict[str, float] = {}
        for table, points in self.dead.items():
            middle = (points[0][0] + points[-1][0]) / 2
            first = max((n for moment, n in points if moment <= middle), default=0)
            second = max((n for moment, n in points if moment > middle), default=0)
            if max(first, second) >= _WORTH_A_LOOK:
                found[table] = second / max(first, 1)
        return found


@asynccontextmanager
async def watching(pids: Mapping[str, int], urls: Mapping[str, str]) -> AsyncIterator[Watched]:
    """Looks every second for as long as the block lasts."""
    watched = Watched()
    async with AsyncExitStack() as stack:
        databases = {name: await stack.enter_async_context(connected(url)) for name, url in urls.items()}
        task = asyncio.create_task(_watch(watched, pids, databases))
        try:
            yield watched
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def _watch(
    watched: Watched, pids: Mapping[str, int], databases: Mapping[str, "asyncpg.Connection[asyncpg.Record]"]
) -> None:
    loop = asyncio.get_running_loop()
    while True:
        now = loop.time()
        for name, pid in pids.items():
            watched.memory[name].append((now, resident(pid)))
        for name, connection in databases.items():
            for row in await connection.fetch(_DEAD):
                watched.dead[f"{name}.{row['relname']}"].append((now, row["dead"]))
        await asyncio.sleep(max(0.0, now + _EVERY - loop.time()))


def resident(pid: int) -> float:
    """MiB of memory that a process holds. Raises OSError when it has ended."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / _MIB
