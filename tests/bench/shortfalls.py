"""What is to be said when an aim is missed: the floor, where the time goes, what would move it."""

from collections.abc import Mapping


def against_pgbench(cost: Mapping[str, float]) -> str:
    """Why a report over HTTP is not half as fast as pgbench; `cost` is processor time a report, in µs, by process."""
    return (
        f"{_where(cost)} pgbench sends prepared statements without HTTP, JSON, tokens or rules, and nothing reads what "
        "it wrote; the floors below say what HTTP alone costs here. Batches already share one transaction among the "
        "reports that wait, so what would move this is processor time a report outside the database: fewer "
        "array parameters to encode, fewer events to read again in relay and consumer, or a second process of the "
        "service on a machine with more cores."
    )


def against_session(cost: Mapping[str, float]) -> str:
    """Why a report is not five times as fast as the session idiom; `cost` as above."""
    return (
        f"{_where(cost)} The peer spends its time in the unit of work and in one round trip a statement, ours in HTTP, "
        "validation and rules, which the peer has as well, and in relay and consumers, which it has not: its floor is "
        "the empty route below. What would move this is what would move the ratio to pgbench."
    )


def woken(flush: float, stages: str, cost: Mapping[str, float]) -> str:
    """Why an alert follows later than it should; `flush` is one flush of the log in ms, `cost` as above."""
    return (
        f"The floor is three flushes of the log after that of the report ({flush:.2f} ms each here) and a dozen round "
        f"trips to the database. p50 (p99): {stages}. {_where(cost)} At this rate a transaction holds one or two "
        "reports, so every round trip is paid by one report alone, several times what it costs at full load: what "
        "would move this is fewer round trips a transaction, and acknowledging beside the next poll."
    )


def _where(cost: Mapping[str, float]) -> str:
    return "Processor time a report: " + ", ".join(f"{name} {spent:.0f} µs" for name, spent in cost.items()) + "."
