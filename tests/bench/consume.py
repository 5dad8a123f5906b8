"""Part `consume`: events from Kafka become effects, each once, in batches against one by one.

The log holds events of the registry; the consumer is that of the hazards service with its own effect, a row in its copy
of the enterprises for every event, in the transaction that remembers the event in the inbox. One by one means what it
says: one event a poll, a transaction and an acknowledgement.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from deploy.kafka import jars
from libs.common.bus.base import Message, TopicSpec
from libs.common.bus.kafka import KafkaBus
from libs.common.contracts.registry import ENTERPRISES, EnterpriseRegistered
from libs.common.envelope import new_event, to_message
from libs.common.ids import new_id
from tests.bench import shortfalls
from tests.bench.announced import BEGAN, service_database
from tests.bench.carrying import Carried, told
from tests.bench.relay import kafka
from tests.bench.settings import Effort
from tests.evidence.cluster import BenchCluster, connected
from tests.evidence.effects import WrongEffect
from tests.evidence.figures import Figure, Result, Row
from tests.evidence.forgetting import forget, refused
from tests.evidence.rounds import Arm, Rounds, Spread, take_turns

AIM_RATIO, AIM_RATE = 25.0, 12_000.0
BATCH, SINGLE = "batch", "single"
_EVENTS_A_SECOND = {BATCH: 12_000, SINGLE: 250}  # of the length of a round
_AT_ONCE = {BATCH: 0, SINGLE: 1}  # 0: as many as the consumer takes by itself

_FILL = 2000
_COUNTS = """
SELECT (SELECT count(*) FROM inbox) AS remembered, (SELECT count(*) FROM enterprises) AS copied,
       (SELECT count(*) FROM dead_letters) AS dead
"""

Tell = Callable[[str], None]


@dataclass(slots=True)
class _Arm:
    """One size of batches; every round fills a new database, which is a new group that begins at the first event."""

    how: str
    cluster: BenchCluster
    servers: str
    events: int
    forgets: str = ""  # a table of which rows are lost
    spent: list[float] = field(default_factory=list)

    async def run(self, number: int) -> float:
        """One round; events a second, each of which has had its effect once."""
        url = await service_database(self.cluster, f"{self.how}_{number}" if number >= 0 else f"{self.how}_first")
        if self.forgets:
            await forget(url, self.forgets)
        await self.cluster.checkpoint()
        arguments = [url, self.servers, ENTERPRISES, str(self.events), str(_AT_ONCE[self.how])]
        done = await told([sys.executable, "-m", "tests.bench.taker", *arguments], {})
        await self._check(url, done)
        self.spent.append(done.cpu / done.events * 1e6)
        return done.rate

    async def _check(self, url: str, done: Carried) -> None:
        async with connected(url) as connection:
            found = await connection.fetchrow(_COUNTS)
        assert found is not None
        if done.events < self.events or tuple(found) != (done.events, done.events, 0):
            raise WrongEffect(f"{self.how}: {done.events} events of {self.events} had an effect: {dict(found)}")


async def measure(cluster: BenchCluster, effort: Effort, tell: Tell) -> Result:
    """Runs the arms in turns; skipped where Kafka cannot run."""
    result = Result("consume", "Consuming with the effect exactly once, from Kafka")
    if reason := jars.missing():
        result.skipped.append(f"consume: {reason}")
        return result
    async with kafka() as servers:
        arms = {
            how: _Arm(how, cluster, servers, max(20, int(rate * effort.seconds)))
            for how, rate in _EVENTS_A_SECOND.items()
        }
        await fill(servers, arms[BATCH].events)
        for arm in arms.values():
            await arm.run(-1)
            arm.spent.clear()
        rounds = await take_turns([Arm(how, arm.run) for how, arm in arms.items()], effort.rounds, tell)
        _fill(result, rounds, arms, await cluster.flush_milliseconds())
        control = _Arm(BATCH, cluster, servers, arms[BATCH].events, forgets="inbox")
        loss = "takes one event in ten for one that it has seen"
        result.figures.append(await refused("consume", loss, "had an effect", control.run))
    return result


async def fill(servers: str, count: int) -> None:
    """Puts so many events into the topic of the enterprises, each of one of its own."""
    bus = KafkaBus(servers)
    await bus.ensure_topics([TopicSpec(ENTERPRISES)])
    for start in range(0, count, _FILL):
        await bus.publish([registered(nr) for nr in range(start, min(start + _FILL, count))])
    await bus.stop()


def registered(nr: int, id: UUID | None = None, version: int = 1) -> Message:
    """The event of an enterprise at a version: a new one, or one that was registered before."""
    id = id or new_id()
    payload = EnterpriseRegistered(
        id=id,
        version=version,
        name=f"安阳第{nr:06d}机械加工厂",
        area_code="410503001002",
        area_path="410503001002",
        risk_level="yellow",
        enterprise_class="machinery",
        status="active",
    )
    return to_message(new_event(payload, key=id, sequence=version, now=BEGAN, source="registry"))


def _fill(result: Result, rounds: Rounds, arms: dict[str, _Arm], flush: float) -> None:
    ratio, rate = rounds.ratio(BATCH, SINGLE), rounds.rate(BATCH)
    cost = {how: Spread.of(arm.spent).median for how, arm in arms.items()}
    why = shortfalls.consumed(cost[BATCH], cost[SINGLE], flush)
    title = "consume with exactly-once effect"
    result.figures += [
        Figure(
            "consume_batch_vs_single",
            f"{title}, batch ÷ one by one",
            ratio.median,
            "ratio",
            AIM_RATIO,
            "more",
            str(ratio),
            why,
        ),
        Figure("consume_rate", f"{title}, batch", rate.median, "events/s", AIM_RATE, "more", str(rate), why),
    ]
    result.rows += [
        Row("batches as the consumer takes them", str(rate)),
        Row("one poll, transaction and acknowledgement an event", str(rounds.rate(SINGLE))),
    ]
    result.notes.append(
        f"{arms[BATCH].events:,} events a round in batches, {arms[SINGLE].events:,} one by one; processor time an "
        f"event in the consuming process {cost[BATCH]:.0f} µs and {cost[SINGLE]:.0f} µs. After every round each event "
        "had been handed to the effect once, the inbox and the copy of the enterprises held one row an event, and "
        "there was no dead letter. The time begins when the first event arrives, which leaves out joining the group."
    )
