"""The parts of the crash runs, in the order of docs/reliability.md: modules with `prove(cluster, effort, tell)`."""

from collections.abc import Mapping

PARTS: Mapping[str, str] = {
    "crash-matrix": "tests.crash.crash_matrix",
    "commit-order": "tests.crash.commit_order",
    "deadline-race": "tests.crash.deadline_race",
    "durable": "tests.crash.durable",
    "false-acknowledgement": "tests.crash.false_acknowledgement",
    "vanishing-clients": "tests.crash.vanishing_clients",
    "poison": "tests.crash.poison",
    "rebalances": "tests.crash.rebalances",
    "broker-away": "tests.crash.broker_away",
    "flaky-receivers": "tests.crash.flaky_receivers",
    "fuzz": "tests.crash.fuzz",
    "soak": "tests.crash.soak",
}
