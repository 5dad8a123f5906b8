"""Part `broker-away`: the broker goes away in six ways, and nobody who reports a hazard notices.

Two replicas of every service run throughout. The first lives through every outage; the second is asked to end in the
middle of each (SIGTERM), and is started again before it is over, so that starting without a broker is tried too.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from deploy.kafka import jars
from libs.common.outbox import UNPUBLISHED
from tests.crash.backlog import Reckoning, reckon
from tests.crash.naive_api import ASKED, NaiveApi, naive_api
from tests.crash.road import Road, road_to_kafka
from tests.crash.second_replicas import SecondReplicas, second_replicas
from tests.crash.settings import Effort
from tests.crash.tellers import Tellers, Told
from tests.evidence.cluster import BenchCluster, connected
from tests.evidence.command import Tell
from tests.evidence.figures import Figure, Result, Row
from tests.evidence.system import System, running_system

LONG_SECONDS, SHORT_SECONDS = 60, 4
STOP_SECONDS = 10.0  # within which every process ends
HEAL_SECONDS = 180.0
PEOPLE, RATE = 8, 60.0
_QUICK = ("dead", "half-open")  # of the short form, with the cable


@dataclass(frozen=True, slots=True)
class Outage:
    """One way to be away: how it begins, how it ends."""

    name: str
    begin: Callable[[Road], Awaitable[None]]
    end: Callable[[Road], Awaitable[None]]
    needs_cable: bool = False


async def _kill(road: Road) -> None:
    road.kill_broker()
    await road.tell("cut")


async def _start(road: Road) -> None:
    await road.tell("open")
    await road.start_broker()


async def _freeze(road: Road) -> None:
    await asyncio.to_thread(road.freeze_broker)


async def _thaw(road: Road) -> None:
    road.thaw_broker()


async def _pull(road: Road) -> None:
    assert road.cable is not None
    await asyncio.to_thread(road.cable.pull)


async def _join(road: Road) -> None:
    assert road.cable is not None
    await asyncio.to_thread(road.cable.join)


def _tell(*words: str) -> Callable[[Road], Awaitable[None]]:
    return lambda road: road.tell(*words)


def outages(effort: Effort) -> list[Outage]:
    """All of them, in the order drawn from the seed. How slow is slow is drawn as well."""
    chance = effort.random("broker-away")
    slow, late = f"{chance.uniform(0.2, 0.5):.2f}", f"{chance.uniform(3.0, 4.0):.2f}"
    found = [
        Outage("dead", _kill, _start),
        Outage("frozen", _freeze, _thaw),
        Outage("half-open", _tell("freeze"), _tell("thaw")),
        Outage(f"slow by {slow} s", _tell("slow", slow), _tell("slow", "0")),
        Outage(f"answers {late} s too late", _tell("slow", late), _tell("slow", "0")),
        Outage("cut off", _pull, _join, needs_cable=True),
    ]
    chance.shuffle(found)
    return [outage for outage in found if outage.name in _QUICK or outage.needs_cable] if effort.short else found


@dataclass(slots=True)
class _Found:
    """What one outage did."""

    outage: str
    asked: int = 0
    failed: int = 0
    backlog: int = 0
    stops: dict[str, float] = field(default_factory=dict)
    heal: float = 0.0
    is_healed: bool = False
    control: int = 0


async def prove(cluster: BenchCluster, effort: Effort, tell: Tell) -> Result:
    """All outages, one after another, over one system; then the reckoning."""
    result = Result("broker-away", "The broker is away: dead, frozen, half-open, slow, too late, cut off")
    if reason := jars.missing():
        result.skipped.append(f"broker-away: {reason}")
        return result
    seconds = effort.count(LONG_SECONDS, short=SHORT_SECONDS)
    async with AsyncExitStack() as stack:
        road, no_cable = await stack.enter_async_context(road_to_kafka(cluster.folder / "road"))
        system = await stack.enter_async_context(
            running_system(cluster, "kafka", {"KAFKA_BOOTSTRAP_SERVERS": road.servers})
        )
        control = await stack.enter_async_context(naive_api(cluster, road.servers))
        replicas = await stack.enter_async_context(second_replicas(system, cluster))
        tellers = Tellers(system.target(), "away", people=PEOPLE, rate=RATE)
        found: list[_Found] = []
        async with tellers.at_work() as told:
            await system.caught_up()
            await control.works()
            for outage in outages(effort):
                if outage.needs_cable and no_cable:
                    result.skipped.append(f"broker-away/{outage.name}: {no_cable}")
                    continue
                found.append(await _through(outage, road, system, replicas, control, told, seconds))
                tell(_line(found[-1]))
        await _taken_up(system)
        reckoning = await reckon(system, road.servers, told.versions)
    _fill(result, found, told, reckoning, seconds, len(outages(effort)))
    return result


async def _through(
    outage: Outage,
    road: Road,
    system: System,
    replicas: SecondReplicas,
    control: NaiveApi,
    told: Told,
    seconds: float,
) -> _Found:
    """One outage: half of it, then the second replicas are ended and started again, then the rest, then it heals."""
    found = _Found(outage.name)
    asked, failed = told.asked, told.failed
    loop = asyncio.get_running_loop()
    began = loop.time()
    await outage.begin(road)
    asking = asyncio.create_task(control.ask())
    await asyncio.sleep(seconds / 2)
    found.stops = await replicas.end()
    await replicas.start()
    await asyncio.sleep(max(0.0, began + seconds - loop.time()))
    found.control = await asking
    found.backlog = await _unsent(system)
    await outage.end(road)
    healed = loop.time()
    found.is_healed = await _taken_up(system)
    found.heal = loop.time() - healed
    found.asked, found.failed = told.asked - asked, told.failed - failed
    return found


async def _unsent(system: System) -> int:
    async with connected(system.urls["hazards"]) as connection:
        count: int = await connection.fetchval(f"SELECT count(*) FROM {UNPUBLISHED}")
    return count


async def _taken_up(system: System) -> bool:
    """Waits until everything announced up to now has had its effect, while more is being reported; whether it had."""
    async with connected(system.urls["hazards"]) as ours, connected(system.urls["notifications"]) as theirs:
        waiting = [row["event_id"] for row in await ours.fetch("SELECT event_id FROM outbox")]
        loop = asyncio.get_running_loop()
        until = loop.time() + HEAL_SECONDS
        while True:
            missing = await theirs.fetchval(_MISSING, waiting)
            if not missing or loop.time() > until:  # what has no effect by then is counted as lost in the end
                return not missing
            await asyncio.sleep(0.2)


_MISSING = (
    "SELECT count(*) FROM unnest($1::uuid[]) AS e(id) WHERE NOT EXISTS (SELECT 1 FROM inbox WHERE event_id = e.id)"
)


def _line(found: _Found) -> str:
    stops = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in found.stops.items())
    done = "all had their effect" if found.is_healed else "not all had had their effect"
    return (
        f"{found.outage}: {found.asked} requests, {found.failed} failed; control failed {found.control} of {ASKED}; "
        f"ended within {stops}; {found.backlog} events waited, {done} {found.heal:.1f} s after it healed"
    )


def _fill(
    result: Result, found: Sequence[_Found], told: Told, reckoning: Reckoning, seconds: int, planned: int
) -> None:
    stop = max(seconds for one in found for seconds in one.stops.values())
    control, short = sum(one.control for one in found), "; ".join(reckoning.said)
    result.figures += [
        Figure(
            "broker_away_outages",
            "ways to be away tried",
            len(found),
            "ways",
            planned,
            "more",
            shortfall="See what was skipped, and why.",
        ),
        Figure("broker_away_seconds", "length of each", seconds, "s", LONG_SECONDS, "more"),
        Figure("broker_away_requests", "requests over HTTP", told.asked, "requests", None, "more"),
        Figure(
            "broker_away_http_failed",
            "of them not answered with success",
            told.failed,
            "requests",
            0,
            "less",
            shortfall=f"Answers by status: {dict(told.statuses)}; the first: {told.first_refusal}",
        ),
        Figure(
            "broker_away_slowest_stop",
            "SIGTERM → process gone, slowest of all services in all outages",
            stop,
            "s",
            STOP_SECONDS,
            "less",
            shortfall="The floor is the step under way; the rows above say which process in which outage. What "
            "would move it is a shorter patience with a broker that does not answer (`libs.common.bus`).",
        ),
        Figure("broker_away_events", "events that had to arrive", reckoning.events, "events", None, "more"),
        Figure("broker_away_lost", "of them without effect", reckoning.lost, "events", 0, "less", shortfall=short),
        Figure("broker_away_doubled", "with an effect twice", reckoning.doubled, "events", 0, "less", shortfall=short),
        Figure(
            "broker_away_disordered",
            "in the log before an earlier one of their hazard",
            reckoning.disordered,
            "events",
            0,
            "less",
            shortfall=short,
        ),
        Figure(
            "broker_away_control_failed",
            "control: requests failed by an API that publishes before it answers",
            control,
            "requests",
            1,
            "more",
            shortfall="The naive API got through every outage: the outages do no harm, the part proves nothing.",
        ),
    ]
    result.rows += [Row(one.outage, f"{one.asked / seconds:.0f}", _line(one).partition(": ")[2]) for one in found]
    result.notes.append(
        f"The slowest answer in all outages took {told.slowest * 1000:.0f} ms. {reckoning.repeated} events stand in "
        "the log twice, which is allowed: a relay that was not told of a success sends again, and the inbox lets one "
        "through."
    )
