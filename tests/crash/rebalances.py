"""Part `rebalances`: members join, leave, are killed and wake up as zombies, and every event has its effect once.

Real consumer processes share a topic of a real Kafka, and a session of two seconds. A paused member is stopped in the
middle of whatever it does until its partitions have long gone to others, and then goes on. The control is disturbed in
the same way at the same time and remembers nothing of what it has done.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Final
from uuid import UUID

from deploy.kafka import jars
from libs.common.bus.base import TopicSpec
from libs.common.clock import SystemClock
from libs.common.envelope import to_message
from libs.common.ids import new_id
from tests.crash.event_log import EventLog, event_log
from tests.crash.fleet import Fleet, fleet
from tests.crash.settings import Effort
from tests.evidence.cluster import BenchCluster, connected
from tests.evidence.command import Tell
from tests.evidence.effects import WrongEffect
from tests.evidence.figures import Figure, Result
from tests.support import toyservice as toys

RATE: Final = 300  # events a second while the group is disturbed
_TICK: Final = 0.1
_PATIENCE: Final = 120.0
_KINDS: Final = ("pause", "kill", "join", "pause", "leave", "join")
_KILL: Final = "kill"  # harm beyond what was asked for, so it does not count towards it
_HEARD = "SELECT thing_id, count(*) AS n FROM happenings GROUP BY thing_id"
_DONE = "SELECT count(DISTINCT thing_id) FROM happenings"


@dataclass(slots=True)
class Stream:
    """Events that are published until told to stop; `sent` holds their keys once they are stored."""

    log: EventLog
    sent: set[UUID] = field(default_factory=set)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def flow(self) -> None:
        """Publishes at its rate."""
        bus, clock = self.log.bus(), SystemClock()
        await bus.start()
        try:
            while not self.over.is_set():
                keys = [new_id() for _ in range(round(RATE * _TICK))]
                await bus.publish([to_message(toys.change_of(key, 1, "fine", clock.now())) for key in keys])
                self.sent.update(keys)
                await asyncio.sleep(_TICK)
        finally:
            await bus.stop()


async def prove(cluster: BenchCluster, effort: Effort, tell: Tell) -> Result:
    """Disturbs two groups, the real one and the control, and counts the effects."""
    result = Result("rebalances", "Rebalances: a group that never comes to rest")
    if reason := jars.missing():
        result.skipped.append(f"rebalances: {reason}")
        return result
    count, dice = effort.count(200, short=6), effort.random("disturbances")
    urls = [await cluster.create(name) for name in ("members", "forgetful")]
    for url in urls:
        await toys.create_tables(url)
    async with event_log(cluster, "kafka") as log:
        await log.make_topics(TopicSpec(toys.TOPIC))
        module = "tests.crash.member_process"
        async with (
            fleet([module, urls[0], log.address], cluster.folder / "members.log", Random(dice.random())) as real,
            fleet(
                [module, urls[1], log.address, "--forgetful"], cluster.folder / "naive.log", Random(dice.random())
            ) as naive,
        ):
            stream = Stream(log)
            flowing = asyncio.create_task(stream.flow())
            disturbed = await _disturb(urls, real, naive, count, dice, tell)
            stream.over.set()
            await flowing
            for group in (real, naive):
                await group.settle()
                group.all_alive()
            for url in urls:
                await _caught_up(url, len(stream.sent))
    heard, naively = await _heard(urls[0]), await _heard(urls[1])
    result.figures = _figures(count, disturbed, stream.sent, heard, naively)
    said = ", ".join(f"{name} {times}" for name, times in sorted(disturbed.items()))
    result.notes.append(
        f"{len(stream.sent)} events at {RATE} a second over eight partitions; disturbances of each group: {said}. The "
        "next one came as soon as the group had gone on with its work. The control handled "
        f"{sum(n - 1 for n in naively.values())} events once too often."
    )
    return result


async def _disturb(urls: list[str], real: Fleet, naive: Fleet, count: int, dice: Random, tell: Tell) -> Counter[str]:
    """So many joins, leaves and pauses of each group, and kills between; each waits until both have gone on."""
    done: Counter[str] = Counter()
    for url in urls:
        await _goes_on(url)
    nr = 0
    while done.total() - done[_KILL] < count:
        what = _KINDS[nr % len(_KINDS)] if nr < len(_KINDS) else dice.choice(_KINDS)
        happened, _ = await asyncio.gather(real.disturb(what), naive.disturb(what))
        done[happened] += 1
        for url in urls:
            await _goes_on(url)
        await asyncio.sleep(dice.random())
        nr += 1
        if nr % 20 == 0:
            tell(f"{nr} disturbances, {done[_KILL]} of them kills")
    return done


async def _goes_on(url: str) -> None:
    """Until something more is done there. Raises WrongEffect if the group is at a standstill."""
    async with connected(url) as connection:
        before = await connection.fetchval(_DONE)
        deadline = asyncio.get_running_loop().time() + _PATIENCE
        while await connection.fetchval(_DONE) == before:
            if asyncio.get_running_loop().time() > deadline:
                raise WrongEffect(f"rebalances: nothing was done for {_PATIENCE:.0f} s")
            await asyncio.sleep(0.1)


async def _caught_up(url: str, count: int) -> None:
    """Until so many are done, or nothing more is done for a while: what is missing then is lost."""
    async with connected(url) as connection:
        former, deadline = -1, 0.0
        while True:
            done: int = await connection.fetchval(_DONE)
            now = asyncio.get_running_loop().time()
            if done != former:
                former, deadline = done, now + _PATIENCE / 4
            if done >= count or now > deadline:
                return
            await asyncio.sleep(0.2)


async def _heard(url: str) -> dict[UUID, int]:
    async with connected(url) as connection:
        return {row["thing_id"]: row["n"] for row in await connection.fetch(_HEARD)}


def _figures(
    count: int, disturbed: Counter[str], sent: set[UUID], heard: dict[UUID, int], naively: dict[UUID, int]
) -> list[Figure]:
    moves = disturbed.total() - disturbed[_KILL]
    wrong = len(sent - naively.keys()) + sum(n - 1 for n in naively.values())
    return [
        Figure("rebalances_done", "joins, leaves and pauses", moves, "disturbances", count, "more"),
        Figure("rebalances_kills", "members killed beside", disturbed[_KILL], "disturbances", None, "more"),
        Figure("rebalances_events", "events", len(sent), "events", None, "more"),
        Figure("rebalances_lost", "lost", len(sent - heard.keys()), "events", 0, "less"),
        Figure("rebalances_doubled", "doubled", sum(n - 1 for n in heard.values()), "events", 0, "less"),
        Figure(
            "rebalances_control_wrong",
            "doubled or lost by the control, which has no inbox",
            wrong,
            "events",
            1,
            "more",
            shortfall="The control came through unharmed: the disturbances met nobody in the middle of anything.",
        ),
    ]
