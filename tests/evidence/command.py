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
    """Runs the parts, each on a cluster of its own; its table and a line a figure follow it at once. The exit code.

    0 when all arms ran honestly, whatever the figures; 1 when an arm did not, or the run was stopped. A part that
    cannot run here says why and does not count as either. What is finished is written into the document at once, so
    that what ends a later part costs nothing. `taken` says how it was run, where a part does not say so itself.
    """
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it says at length that a broker is still starting
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended
    code = 0
    for name, run in parts.items():
        try:
            result, lines = asyncio.run(_on_a_cluster(name, run, taken))
        except KeyboardInterrupt:
            print(f"\nSTOPPED in {name}: what stands above is finished", flush=True)
            return 1
        except Exception:  # the other parts have something to say, too; the exit code tells
            traceback.print_exc()
            print(f"FAILED {name}: an arm did not do what it was asked, see above", flush=True)
            code = 1
            continue
        if document is not None:
            document.write(result, lines, order)
        _print(result)
    return code


def _print(result: Result) -> None:
    print()
    print(result.markdown())
    for text in result.skipped:
        print(f"SKIPPED {text}")
    for figure in result.figures:
        print(figure.line())
    print(flush=True)


def load_parts(
    modules: Mapping[str, str], function: str, only: str | None
) -> dict[str, Callable[..., Awaitable[Result]]]:
    """The function of that name in the module of each part asked for; what is not asked for is not imported."""
    names = [only] if only else list(modules)
    return {name: getattr(import_module(modules[name]), function) for name in names}


async def _on_a_cluster(name: str, run: Run, taken: str) -> tuple[Result, list[str]]:
    async with bench_cluster() as cluster:
        started, load = datetime.now(UTC), machine.load_average()
        began, described = f"{started:%Y-%m-%d %H:%M} UTC", machine.described(cluster.programs)
        print("\n".join([f"{name}: {began}; load before: {load}", *described]), flush=True)
        result = await run(cluster, partial(_tell, name))
        return result, [f"{began}, {result.taken or taken}; load before: {load}", *described]


def _tell(part: str, text: str) -> None:
    print(f"{part}: {text}", flush=True)
