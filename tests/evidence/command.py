"""What `make bench` and `make crash` have in common: parts are run in order, told, printed, and put into a document."""

import asyncio
import logging
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from importlib import import_module

from tests.evidence import machine
from tests.evidence.cluster import BenchCluster, bench_cluster
from tests.evidence.document import Document
from tests.evidence.figures import Result

Tell = Callable[[str], None]
Run = Callable[[BenchCluster, Tell], Awaitable[Result]]


def run_parts(parts: Mapping[str, Run], taken: str, document: Document | None, order: Sequence[str]) -> int:
    """Runs the parts, each on a cluster of its own, and prints a line a figure at the end. The exit code.

    0 when all arms ran honestly, whatever the figures; 1 when some part could not say what it was asked. What is
    finished is written into the document at once, so that a later failure costs nothing. `taken` says how it was run.
    """
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it says at length that a broker is still starting
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended
    results: list[Result] = []
    failed: list[str] = []
    for name, run in parts.items():
        try:
            result, lines = asyncio.run(_on_a_cluster(name, run, taken))
        except Exception:  # the other parts have something to say, too; the exit code tells
            traceback.print_exc()
            failed.append(name)
            continue
        results.append(result)
        if document is not None:
            document.write(result, lines, order)
    print()
    for result in results:
        print(result.markdown())
    for result in results:
        for text in result.skipped:
            print(f"SKIPPED {text}")
    for name in failed:
        print(f"FAILED {name}: an arm did not do what it was asked, see above")
    for result in results:
        for figure in result.figures:
            print(figure.line())
    return 1 if failed else 0


def load_parts(
    modules: Mapping[str, str], function: str, only: str | None
) -> dict[str, Callable[..., Awaitable[Result]]]:
    """The function of that name in the module of each part asked for; what is not asked for is not imported."""
    names = [only] if only else list(modules)
    return {name: getattr(import_module(modules[name]), function) for name in names}


async def _on_a_cluster(name: str, run: Run, taken: str) -> tuple[Result, list[str]]:
    async with bench_cluster() as cluster:
        started, load = datetime.now(UTC), machine.load_average()
        lines = [f"{started:%Y-%m-%d %H:%M} UTC, {taken}; load before: {load}", *machine.described(cluster.programs)]
        print("\n".join(lines), flush=True)
        return await run(cluster, partial(_tell, name)), lines


def _tell(part: str, text: str) -> None:
    print(f"{part}: {text}", flush=True)
