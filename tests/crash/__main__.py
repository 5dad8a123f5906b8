"""`python -m tests.crash [--only PART] [--seed N] [--short]`: breaks, counts, writes docs/reliability.md."""

import argparse
import os
import sys
from collections.abc import Awaitable, Callable, Sequence

from deploy.local.settings import ROOT
from tests.crash.parts import PARTS
from tests.crash.settings import Effort
from tests.evidence.command import Run, load_parts, run_parts
from tests.evidence.document import Document
from tests.evidence.figures import Result

DOCUMENT = Document(
    ROOT / "docs" / "reliability.md",
    """\
# Reliability

Written by `make crash`; do not edit. `make crash ONLY=<part> SEED=<n>` runs one part and replaces its section;
`SCALE=0.1` does a tenth of it and writes nothing, and `make test` runs a short form of each.

Every part runs real processes on a real PostgreSQL with fsync on, and on a real Apache Kafka where the bus matters,
does them harm drawn from a seed, and then counts in the databases and in the log what became of every single thing.
Each has a control arm: the same harm done to the naive way of doing it, which must be caught by the same count. A
count that cannot fail proves nothing, so a control that gets away is a shortfall like any other.
""",
)


def main(arguments: Sequence[str]) -> int:
    """0 when all arms ran honestly, whatever the figures."""
    asked = _parse(arguments)
    effort = Effort(asked.seed, asked.short, asked.scale)
    proofs = load_parts(PARTS, "prove", asked.only)
    parts = {name: _with(effort, prove) for name, prove in proofs.items()}
    share = "" if asked.scale == 1 else f", {asked.scale:g} of the long form"
    is_whole = not asked.short and asked.scale >= 1
    code = run_parts(parts, f"seed {asked.seed}{share}", DOCUMENT if is_whole else None, list(PARTS))
    if not is_whole:
        print("a share of the long form, and of what it aims at: docs/reliability.md stays as it is")
    return code


def _with(effort: Effort, prove: Callable[..., Awaitable[Result]]) -> Run:
    return lambda cluster, tell: prove(cluster, effort, tell)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=(__doc__ or "").split(":", 1)[1].strip())
    parser.add_argument("--only", default=os.environ.get("ONLY") or None, help=f"one part alone: {', '.join(PARTS)}")
    parser.add_argument("--seed", type=int, default=os.environ.get("SEED") or 1, help="where chance begins")
    parser.add_argument("--scale", type=float, default=os.environ.get("SCALE") or 1.0, help="share of the long form")
    parser.add_argument("--short", action="store_true", help="the form of `make test`: seconds a part")
    asked = parser.parse_args(arguments)
    if asked.only not in (None, *PARTS):
        parser.error(f"ONLY={asked.only}: there is {', '.join(PARTS)}")
    if asked.scale <= 0:
        parser.error(f"SCALE={asked.scale}: more than 0")
    return asked


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
