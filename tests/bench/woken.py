"""Part `woken`: how long after the 201 the alert is committed in notifications, at 200 reports a second.

The 201 is timed by the load generator when its last byte has arrived. The commit is timed by PostgreSQL: with
`track_commit_timestamp` every transaction carries its commit time, and the inbox row of the event, which is written
with the alert and never again, leads to it. Both clocks are this machine's. PostgreSQL takes the time just before the
commit record is flushed, so one flush is added to every value.
"""

from collections.abc import Callable, Mapping
from uuid import UUID

from deploy.kafka import jars
from tests.bench import shortfalls
from tests.bench.cluster import BenchCluster, connected
from tests.bench.effects import Tally, WrongEffect, check_answers
from tests.bench.figures import Figure, Result, Row
from tests.bench.load import open_loop
from tests.bench.loader import Outcome
from tests.bench.rounds import percentile
from tests.bench.settings import Effort
from tests.bench.system import System, running_system

RATE = 200.0
AIM_P99 = 80.0  # milliseconds; the aim set for 500 a second
BUSES = ("kafka", "postgres")

Tell = Callable[[str], None]


async def measure(cluster: BenchCluster, effort: Effort, tell: Tell) -> Result:
    """One open-loop run over each bus that this machine can run."""
    result = Result("woken", f"Report answered → alert committed, {RATE:.0f} a second, open loop")
    for bus in BUSES:
        reason = jars.missing() if bus == "kafka" else None
        if reason:
            result.skipped.append(f"woken/{bus}: {reason}")
            continue
        async with running_system(cluster, bus) as system:
            await open_loop(system.target(), rate=RATE, seconds=min(3.0, effort.latency_seconds), key_prefix="warm")
            await system.caught_up()
            await cluster.checkpoint()
            await _measure_bus(result, cluster, system, effort, tell)
    return result


async def _measure_bus(result: Result, cluster: BenchCluster, system: System, effort: Effort, tell: Tell) -> None:
    arm = f"woken/{system.bus}"
    before = await Tally.take(system.urls["hazards"])
    outcome = await open_loop(system.target(), rate=RATE, seconds=effort.latency_seconds, key_prefix="woken")
    await system.caught_up()
    await _check(arm, system, before, outcome)
    flush = await cluster.flush_milliseconds()
    delays = [value + flush for value in await _delays(arm, system, outcome)]
    p50, p99 = percentile(delays, 0.5), percentile(delays, 0.99)
    title = f"201 → alert row committed, bus {system.bus}, {RATE:.0f}/s"
    spread = f"{len(delays)} reports, {min(delays):.1f} – {max(delays):.1f} ms"
    why = shortfalls.woken(flush, "What lies above it is waiting for one of two cores.")
    result.figures += [
        Figure(f"woken_{system.bus}_p50", f"{title}, p50", p50, "ms", None, "less", spread),
        Figure(f"woken_{system.bus}_p99", f"{title}, p99", p99, "ms", AIM_P99, "less", spread, why),
    ]
    own = percentile(outcome.latencies, 0.5), percentile(outcome.latencies, 0.99)
    result.rows.append(Row(f"reports over HTTP, bus {system.bus}", f"{len(delays) / outcome.seconds:.0f}"))
    result.notes.append(
        f"Bus {system.bus}: the report itself was answered in {own[0]:.1f} ms at p50 and {own[1]:.1f} ms at p99, "
        f"counted from when it should have left. One flush of the log took {flush:.2f} ms."
    )
    tell(f"{arm}: p50 {p50:.1f} ms, p99 {p99:.1f} ms after the 201")


async def _check(arm: str, system: System, before: Tally, outcome: Outcome) -> None:
    if outcome.lost or set(outcome.statuses) != {"201"}:
        raise WrongEffect(f"{arm}: {outcome.statuses}, {outcome.lost} lost, {outcome.first_refusal}")
    await before.check(arm, len(outcome.created))
    await check_answers(system.urls["hazards"], arm, outcome.created)


async def _delays(arm: str, system: System, outcome: Outcome) -> list[float]:
    """Milliseconds from each 201 to the commit of its alert. Raises WrongEffect where there is no alert."""
    answered = {UUID(one): at for one, _, at in outcome.created}
    async with connected(system.urls["hazards"]) as hazards:
        rows = await hazards.fetch("SELECT key::uuid AS hazard, event_id FROM outbox WHERE type = 'hazard-found'")
    events = {row["event_id"]: row["hazard"] for row in rows if row["hazard"] in answered}
    committed = await _committed(system, events)
    if missing := len(answered) - len(committed):
        raise WrongEffect(f"{arm}: {missing} reports opened no alert")
    return [(committed[hazard] - at) * 1000 for hazard, at in answered.items()]


async def _committed(system: System, events: Mapping[UUID, UUID]) -> dict[UUID, float]:
    """Unix time at which the transaction that opened the alert of a hazard was committed."""
    async with connected(system.urls["notifications"]) as notifications:
        rows = await notifications.fetch(
            "SELECT event_id, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 AS at FROM inbox "
            "WHERE event_id = ANY($1::uuid[])",
            list(events),
        )
        alerts = await notifications.fetch(
            "SELECT DISTINCT hazard_id FROM alerts WHERE hazard_id = ANY($1::uuid[])", list(events.values())
        )
    opened = {row["hazard_id"] for row in alerts}
    return {events[row["event_id"]]: row["at"] for row in rows if events[row["event_id"]] in opened}
