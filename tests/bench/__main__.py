"""`python -m tests.bench [--only PART] [--rounds N] [--quick]`: measures, prints, writes docs/benchmarks.md."""

import argparse
import os
import sys
from collections.abc import Awaitable, Callable, Sequence

from deploy.local.settings import ROOT
from tests.bench.parts import PARTS
from tests.bench.settings import Effort
from tests.evidence.cluster import BenchCluster
from tests.evidence.command import Run, Tell, load_parts, run_parts
from tests.evidence.document import Document
from tests.evidence.figures import Result
from tests.evidence.rounds import FEWEST_ROUNDS

DOCUMENT = Document(
    ROOT / "docs" / "benchmarks.md",
    """\
# Benchmarks

Written by `make bench`; do not edit. `make bench ONLY=<part>` runs one part and replaces its section.

Every figure is taken on real parts: PostgreSQL with fsync on, the services as processes of their own as `make up`
starts them, requests over HTTP from a load generator in another process. The server's log has been filled and recycled
before, as on a server that has run for an hour. Arms take turns, at least six rounds, and ratios are taken within a
round, so that whatever else the machine does weighs on both sides; the table shows the median with the lowest and
highest round. A rate counts only if the effect of every unit of work was found afterwards. Each part has a control: a
round that loses some of its work, which that check must refuse, or an arm that must do worse; the floors, which promise
nothing, have none. An arm that leaves work out says which.
""",
)


def main(arguments: Sequence[str]) -> int:
    """0 when all arms ran honestly, whatever the figures."""
    asked = _parse(arguments)
    effort = Effort.quick() if asked.quick else Effort.full(asked.rounds, asked.seconds)
    measures = load_parts(PARTS, "measure", asked.only)
    parts = {name: _with(effort, measure) for name, measure in measures.items()}
    taken = f"{effort.rounds} rounds of {effort.seconds:g} s"
    code = run_parts(parts, taken, None if asked.quick else DOCUMENT, list(PARTS))
    if asked.quick:
        print("--quick: these figures mean nothing, and docs/benchmarks.md stays as it is")
    return code


def _with(effort: Effort, measure: Callable[..., Awaitable[Result]]) -> Run:
    async def run(cluster: BenchCluster, tell: Tell) -> Result:
        if not effort.is_quick:
            await cluster.recycle_log()
        return await measure(cluster, effort, tell)

    return run


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=(__doc__ or "").split(":", 1)[1].strip())
    parser.add_argument("--only", default=os.environ.get("ONLY") or None, help=f"one part alone: {', '.join(PARTS)}")
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
