"""Writes docs/benchmarks.md: one section a part, so that a part that ran alone replaces its own section only."""

import re
from collections.abc import Sequence
from pathlib import Path

from deploy.local.settings import ROOT
from tests.bench.figures import Result

DOCUMENT = ROOT / "docs" / "benchmarks.md"
_HEAD = """\
# Benchmarks

Written by `make bench`; do not edit. `make bench ONLY=<part>` runs one part and replaces its section.

Every figure is taken on real parts: PostgreSQL with fsync on, the services as processes of their own as `make up`
starts them, requests over HTTP from a load generator in another process. Arms take turns, at least six rounds, and
ratios are taken within a round, so that whatever else the machine does weighs on both sides; the table shows the
median with the lowest and highest round. A rate counts only if the effect of every unit of work was found afterwards.
An arm that leaves work out says which.
"""
_SECTION = re.compile(r"<!-- part (\w+) -->\n(.*?)<!-- end \1 -->\n", re.DOTALL)


def write(results: Sequence[Result], taken: Sequence[str], order: Sequence[str], path: Path = DOCUMENT) -> None:
    """Puts the results into the document; `taken` says when and on what, `order` how the parts follow one another."""
    sections = dict(_SECTION.findall(path.read_text())) if path.exists() else {}
    for result in results:
        under = "\n".join(f"- {line}" for line in taken)
        title, _, rest = result.markdown().partition("\n")
        sections[result.part] = f"{title}\n\n{under}\n{rest}"
    parts = [name for name in order if name in sections]
    text = [f"<!-- part {name} -->\n{sections[name].rstrip()}\n<!-- end {name} -->\n" for name in parts]
    path.write_text("\n".join([_HEAD, *text]))
