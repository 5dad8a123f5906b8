"""Part `poison`: dozens of kinds of bad event among many good ones, over a real Kafka into the real consumers.

Every good event has its effect, every bad one lies among the dead letters of each of its readers once and with a
reason, nobody waits for it, and once the readers are mended `replay` heals what was their own fault. The control takes
the same messages in the same batches, and passes over a batch that fails.
"""

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import asyncpg

from deploy.kafka import jars
from libs.common.bus.base import Delivered, Message
from libs.common.bus.topics import load_topics
from libs.common.clock import SystemClock
from libs.common.consumer import Consumer
from libs.common.contracts import hazards
from libs.common.db import Database
from libs.common.envelope import BadEnvelope, Event, from_message, to_message
from services.hazards import consumers as hazards_door
from tests.crash.bad_events import KINDS, MENDED, bad_event, break_readers, mend_readers, readers
from tests.crash.consuming_services import SERVICES, command_of, consuming, consuming_databases, environment_of
from tests.crash.event_log import EventLog, event_log
from tests.crash.good_events import GoodEvents
from tests.crash.settings import Effort
from tests.evidence.cluster import BenchCluster, connected
from tests.evidence.command import Tell
from tests.evidence.figures import Figure, Result
from tests.evidence.patience import Patience
from tests.support.bus import AnyBus
from tests.support.memory_bus import MemoryBus

GOOD: Final = 90_000
RATE: Final = 300  # events a second: a rate at which nobody waits unless something holds it up
QUIET: Final = 0.1  # the share at the beginning in which there is no bad event: how long nobody's fault holds up
TICK: Final = 0.05
ONE_BAD_IN: Final = 150
_PATIENCE = 180.0  # for the next one to be taken
_BATCH = 500
READS: Final = {"hazards": hazards_door.TOPICS, "notifications": (*hazards_door.TOPICS, hazards.TOPIC)}

_HANDLED = "SELECT event_id, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 AS at FROM inbox"
_BURIED = """
SELECT topic, partition_no, offset_no, reason, replayed_at IS NOT NULL AS healed,
       extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 AS at FROM dead_letters
"""
_HOLD = (
    "A batch with an event at fault is halved until that event fails alone: nineteen transactions for five hundred. "
    "The floor is the time of these, on a machine that also runs Kafka, PostgreSQL and both services. What would move "
    "it is a smaller batch, or a core of its own for the consumer."
)

Place = tuple[str, int, int]


@dataclass(slots=True)
class Sent:
    """What was published, when each message was stored (unix time), and where each lies in the log."""

    began: float = 0.0
    spoiled: float = 0.0  # since when there may be bad ones
    good: dict[UUID, Event] = field(default_factory=dict)
    bad: dict[Message, str] = field(default_factory=dict)
    stored: dict[Message, float] = field(default_factory=dict)
    log: dict[str, list[Delivered]] = field(default_factory=dict)

    def ids_for(self, service: str) -> set[UUID]:
        """The good events that the service reads."""
        return {id for id, event in self.good.items() if event.topic in READS[service]}

    def bad_for(self, service: str) -> list[tuple[Delivered, str]]:
        """The bad messages that must lie among the dead letters of the service, with their kinds."""
        placed = [item for topic in READS[service] for item in self.log[topic] if item.message in self.bad]
        kinds = [self.bad[item.message] for item in placed]
        return [(d, kind) for d, kind in zip(placed, kinds, strict=True) if service in readers(d.message, kind)]


@dataclass(frozen=True, slots=True)
class Told:
    """What one service made of it: when it handled each event (unix time), and what lies among its dead letters."""

    handled: Mapping[UUID, float]
    buried: Mapping[Place, asyncpg.Record]

    @classmethod
    async def by(cls, url: str) -> "Told":
        """What its database says now."""
        async with connected(url) as connection:
            handled = await connection.fetch(_HANDLED)
            buried = await connection.fetch(_BURIED)
        places = {(row["topic"], row["partition_no"], row["offset_no"]): row for row in buried}
        return cls({row["event_id"]: row["at"] for row in handled}, places)

    def letter(self, item: Delivered, column: str) -> object:
        """What the dead letter of that message says; None where there is no letter."""
        found = self.buried.get(_place(item))
        return found and found[column]

    def longest_hold(self, sent: Sent, topics: Sequence[str], *, quiet: bool) -> float:
        """The longest time (seconds) in which a partition had something stored and nothing of it was done: while there
        was nothing bad, or from then on."""
        longest = 0.0
        first, end = (sent.began, sent.spoiled) if quiet else (sent.spoiled, math.inf)
        last: dict[Place, float] = {}
        for item in (item for topic in topics for item in sent.log[topic]):
            stored = sent.stored.get(item.message, 0.0)
            done = self._done(item)
            if not first <= stored < end or done is None:
                continue
            partition = item.message.topic, item.partition, 0
            longest = max(longest, done - max(stored, last.get(partition, 0.0)))
            last[partition] = max(done, last.get(partition, 0.0))
        return longest

    def _done(self, item: Delivered) -> float | None:
        if (letter := self.buried.get(_place(item))) is not None:
            return float(letter["at"])
        try:
            return self.handled.get(from_message(item.message).id)
        except BadEnvelope:
            return None


class PassingOver(Consumer):
    """The control: what cannot be handled as a whole is passed over."""

    async def handle(self, delivered: Sequence[Delivered]) -> None:
        try:
            await self._effect([from_message(item.message) for item in delivered])
        except Exception:
            return


async def prove(cluster: BenchCluster, effort: Effort, tell: Tell) -> Result:
    """Publishes, waits, counts, mends, replays, counts again."""
    result = Result("poison", "Poison: bad events among good ones")
    if reason := jars.missing():
        result.skipped.append(f"poison: {reason}")
        return result
    count = effort.count(GOOD, short=1_500)
    urls = await consuming_databases(cluster)
    await break_readers(urls)
    good, sent = GoodEvents(effort.random("good")), Sent()
    async with event_log(cluster, "kafka") as log:
        await log.make_topics(*load_topics())
        async with consuming(cluster, urls, log):
            await _publish(log, urls, good, sent, effort, count)
            tell(f"{len(sent.good)} good and {len(sent.bad)} bad events published")
            await _all_taken(urls, sent)
        for topic in READS["notifications"]:
            sent.log[topic] = []
            await log.read(topic, sent.log[topic].append)
        before = {name: await Told.by(urls[name]) for name in SERVICES}
        await mend_readers(urls)
        for name in SERVICES:
            said = await command_of(cluster, name, "replay", environment_of(urls[name], log), codes=(0, 1))
            tell(f"{name} replay: {said.strip().splitlines()[-1]}")
    after = {name: await Told.by(urls[name]) for name in SERVICES}
    lost, stale = await _control(cluster, sent), await _stale(urls, good)
    result.figures = figures(count, sent, before, after, lost)
    result.figures.append(
        Figure("poison_stale", "copies that are not at their last version afterwards", stale, "copies", 0, "less")
    )
    result.notes.append(
        f"{len(KINDS)} kinds: {', '.join(KINDS)}. {len(sent.bad)} bad events among {len(sent.good)} good ones at "
        f"{RATE} a second, some of which came twice, were of kinds that nobody knows yet or had more fields than are "
        "known. A hold is the time in "
        "which a partition had something stored and none of it was committed. The last "
        f"{len(MENDED)} kinds are the readers' own fault, and after the fix `python -m services.<name> replay` heals "
        f"them; the others stay with their reason. The control passed over {lost} good events beside the bad ones."
    )
    return result


async def _publish(
    log: EventLog, urls: Mapping[str, str], good: GoodEvents, sent: Sent, effort: Effort, count: int
) -> None:
    """The areas first, and once they are known the rest at its rate."""
    bus = log.bus()
    await bus.start()
    try:
        await _store(bus, sent, [_noted(sent, event) for event in good.beginning()])
        await _all_taken(urls, sent)
        sent.began = time.time()
        sent.spoiled = sent.began + count * QUIET / RATE
        messages = _mixed(good, sent, effort, count)
        step = round(RATE * TICK)
        for nr, start in enumerate(range(0, len(messages), step)):
            await asyncio.sleep(max(0.0, sent.began + nr * TICK - time.time()))
            await _store(bus, sent, messages[start : start + step])
    finally:
        await bus.stop()


def _mixed(good: GoodEvents, sent: Sent, effort: Effort, count: int) -> list[Message]:
    """So many good events, and every kind of bad one anywhere between them."""
    dice = effort.random("bad")
    kinds = [KINDS[nr % len(KINDS)] for nr in range(max(len(KINDS), count // ONE_BAD_IN))]
    messages: list[Message] = []
    while len(sent.good) < count:
        messages.append(_noted(sent, good.next()))
    for kind in kinds:
        message = bad_event(kind, good, dice)
        sent.bad[message] = kind
        messages.insert(dice.randrange(round(count * QUIET), len(messages)), message)
    return messages


def _noted(sent: Sent, event: Event) -> Message:
    sent.good[event.id] = event
    return to_message(event)


async def _store(bus: AnyBus, sent: Sent, messages: Sequence[Message]) -> None:
    await bus.publish(messages)
    now = time.time()
    for message in messages:
        sent.stored.setdefault(message, now)


async def _all_taken(urls: Mapping[str, str], sent: Sent) -> None:
    """Until every reader has done something with everything, or nothing more is done for a while."""
    want = {
        name: (
            len(sent.ids_for(name)),
            sum(m.topic in READS[name] and name in readers(m, kind) for m, kind in sent.bad.items()),
        )
        for name in SERVICES
    }
    patience = Patience(_PATIENCE)
    while True:
        have = {name: await _progress(urls[name]) for name in SERVICES}
        if all(have[name][0] >= want[name][0] and have[name][1] >= want[name][1] for name in SERVICES):
            return
        if patience.is_over(have):
            return
        await asyncio.sleep(0.25)


async def _progress(url: str) -> tuple[int, int]:
    async with connected(url) as connection:
        row = await connection.fetchrow("SELECT (SELECT count(*) FROM inbox), (SELECT count(*) FROM dead_letters)")
    assert row is not None
    return row[0], row[1]


async def _control(cluster: BenchCluster, sent: Sent) -> int:
    """How many good events the control loses of the same messages in the same batches."""
    urls = {"hazards": await cluster.create("passing_over")}
    await command_of(cluster, "hazards", "migrate", {"DATABASE_URL": urls["hazards"]})
    db = Database(urls["hazards"], pool_size=2)
    try:
        topics = READS["hazards"]
        naive = PassingOver("control", db, MemoryBus(), topics, hazards_door.apply, SystemClock())
        messages = [item for topic in topics for item in sent.log[topic]]
        for start in range(0, len(messages), _BATCH):
            await naive.handle(messages[start : start + _BATCH])
    finally:
        await db.close()
    told = await Told.by(urls["hazards"])
    return len(sent.ids_for("hazards") - told.handled.keys())


async def _stale(urls: Mapping[str, str], good: GoodEvents) -> int:
    """Copies of enterprises and hazards that are not what the good events said last."""
    stale = 0
    for name, table, versions in (
        ("hazards", "enterprises", good.enterprises),
        ("notifications", "enterprises", good.enterprises),
        ("notifications", "hazards", good.hazards),
    ):
        async with connected(urls[name]) as connection:
            rows = await connection.fetch(f"SELECT id, version FROM {table}")
        there = {row["id"]: row["version"] for row in rows}
        stale += sum(there.get(id) != version for id, version in versions.items())
    return stale


def _place(item: Delivered) -> Place:
    return item.message.topic, item.partition, item.offset


def figures(
    count: int, sent: Sent, before: Mapping[str, Told], after: Mapping[str, Told], control: int
) -> list[Figure]:
    """What the run found: `before` the readers were mended, and `after` the replay."""

    def total(of: Callable[[str], float]) -> float:
        return sum(of(name) for name in SERVICES)

    def missing(name: str) -> int:
        return sum(not before[name].letter(d, "reason") for d, _ in sent.bad_for(name))

    def beyond(name: str) -> int:
        return len(before[name].buried.keys() - {_place(d) for d, _ in sent.bad_for(name)})

    def unhealed(name: str) -> int:
        return sum(not after[name].letter(d, "healed") for d, kind in sent.bad_for(name) if kind in MENDED)

    lost = total(lambda name: len(sent.ids_for(name) - before[name].handled.keys()))
    hold, quiet = (
        max(before[name].longest_hold(sent, READS[name], quiet=quiet) for name in SERVICES) for quiet in (False, True)
    )
    kinds = len(set(sent.bad.values()))
    return [
        Figure("poison_good", "good events", len(sent.good), "events", count, "more"),
        Figure("poison_kinds", "kinds of bad events", kinds, "kinds", 25, "more"),
        Figure("poison_lost", "good events lost", lost, "events", 0, "less"),
        Figure("poison_unburied", "bad events without a letter and a reason", total(missing), "events", 0, "less"),
        Figure("poison_misburied", "letters beyond one a bad event and reader", total(beyond), "letters", 0, "less"),
        Figure("poison_longest_hold", "longest hold of a partition", hold, "s", 1.0, "less", shortfall=_HOLD),
        Figure("poison_hold_without", "the same before the first bad event", quiet, "s", None, "less"),
        Figure("poison_unhealed", "letters not healed by the replay", total(unhealed), "letters", 0, "less"),
        Figure(
            "poison_control_lost",
            "good events lost by the control, which passes over",
            control,
            "events",
            1,
            "more",
            shortfall="The control lost nothing, so the count of the other arm has not been seen to fail.",
        ),
    ]
