"""`python -m tests.bench [--only PART] [--rounds N] [--quick]`: measures, prints, writes docs/benchmarks.md."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

from tests.bench import document, floors, machine, report, woken
from tests.bench.cluster import BenchCluster, bench_cluster
from tests.bench.figures import Result
from tests.bench.rounds import FEWEST_ROUNDS
from tests.bench.settings import Effort

Measure = Callable[[BenchCluster, Effort, Callable[[str], None]], Awaitable[Result]]
PARTS: Mapping[str, Measure] = {"report": report.measure, "woken": woken.measure, "floors": floors.measure}


def main(arguments: Sequence[str]) -> int:
    """0 when all arms ran honestly, whatever the figures."""
    asked = _parse(arguments)
    effort = Effort.quick() if asked.quick else Effort.full(asked.rounds, asked.seconds)
    parts = [asked.only] if asked.only else list(PARTS)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it says at length that a broker is still starting
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended
    results, taken = asyncio.run(_run(parts, effort))
    if asked.quick:
        print("\n--quick: these figures mean nothing, and docs/benchmarks.md stays as it is")
    else:
        document.write(results, taken, list(PARTS))
    print()
    for result in results:
        print(result.markdown())
    for result in results:
        for text in result.skipped:
            print(f"SKIPPED {text}")
    for result in results:
        for figure in result.figures:
            print(figure.line())
    return 0


async def _run(parts: Sequence[str], effort: Effort) -> tuple[list[Result], list[str]]:
    results = []
    async with bench_cluster() as cluster:
        started, load = datetime.now(UTC), machine.load_average()
        lines = machine.described(cluster.programs)
        print("\n".join(lines), flush=True)
        for name in parts:
            results.append(await PARTS[name](cluster, effort, partial(_tell, name)))
    lines.insert(
        0, f"{started:%Y-%m-%d %H:%M} UTC, {effort.rounds} rounds of {effort.seconds:g} s; load before: {load}"
    )
    return results, lines


def _tell(part: str, text: str) -> None:
    print(f"{part}: {text}", flush=True)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=(__doc__ or "").split(":", 1)[1].strip())
    parser.add_argument("--only", choices=list(PARTS), default=os.environ.get("ONLY") or None, help="one part alone")
    parser.add_argument("--rounds", type=int, default=FEWEST_ROUNDS, help=f"at least {FEWEST_ROUNDS}")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of one arm's turn")
    parser.add_argument("--quick", action="store_true", help="seconds instead of minutes; the figures mean nothing")
    asked = parser.parse_args(arguments)
    if asked.only not in (None, *PARTS):
        parser.error(f"ONLY={asked.only}: there is {', '.join(PARTS)}")
    if asked.rounds < FEWEST_ROUNDS:
        parser.error(f"--rounds: at least {FEWEST_ROUNDS}, or the spread says nothing")
    return asked


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
