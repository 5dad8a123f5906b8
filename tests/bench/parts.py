"""The parts of the bench, in the order of docs/benchmarks.md: each a module with `measure(cluster, effort, tell)`."""

from collections.abc import Mapping

PARTS: Mapping[str, str] = {
    "report": "tests.bench.report",
    "woken": "tests.bench.woken",
    "latency": "tests.bench.latency",
    "alerta": "tests.bench.alerta",
    "floors": "tests.bench.floors",
    "deadlines": "tests.bench.deadlines",
    "relay": "tests.bench.relay",
    "handled": "tests.bench.handled",
    "consume": "tests.bench.consume",
    "snapshot": "tests.bench.snapshot",
    "views": "tests.bench.views",
    "counters": "tests.bench.counters",
    "ledger": "tests.bench.ledger",
    "replicas": "tests.bench.replicas",
    "memory": "tests.bench.memory",
}
