"""The parts of the bench, in the order of docs/benchmarks.md: each a module with `measure(cluster, effort, tell)`."""

from collections.abc import Mapping

PARTS: Mapping[str, str] = {
    "report": "tests.bench.report",
    "woken": "tests.bench.woken",
    "floors": "tests.bench.floors",
}
