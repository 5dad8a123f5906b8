"""Part `relay`: the relay over Kafka, against an aiokafka producer that has the same messages in memory already.

Both wait for all replicas and are idempotent, each in a process of its own. The relay reads committed rows of a hazards
database, publishes and marks them. A third arm is the bus alone with messages in memory: what Kafka costs the relay.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.kafka import jars
from libs.common.bus.base import TopicSpec
from tests.bench import shortfalls
from tests.bench.announced import analyze, announce, finds, service_database, unpublished
from tests.bench.carrying import Carried, carried
from tests.bench.settings import Effort
from tests.evidence.cluster import BenchCluster
from tests.evidence.disks import disk_folder
from tests.evidence.effects import WrongEffect
from tests.evidence.figures import Figure, Result, Row
from tests.evidence.forgetting import refused
from tests.evidence.rounds import Arm, Rounds, Spread, take_turns
from tests.support.kafka import Broker

AIM = 0.8
RELAY, PRODUCER, BATCHES = "relay", "producer", "batches"
_EVENTS_A_SECOND = 15_000  # of the length of a round; an arm that is faster is done sooner

Tell = Callable[[str], None]


@dataclass(slots=True)
class _Arm:
    """One way to bring the events into a topic of its own."""

    how: str
    cluster: BenchCluster
    servers: str
    events: int
    carrier: str = ""  # where it is not called as the arm is
    spent: list[float] = field(default_factory=list)

    async def run(self, number: int) -> float:
        """One round, on a database of its own; events a second, all of them found in the log."""
        name = f"{self.how}_{number}" if number >= 0 else f"{self.how}_first"
        topic = f"bench.{name.replace('_', '.')}"
        url = await service_database(self.cluster, name)
        await announce(url, finds(self.events, topic))
        await analyze(url)
        await self.cluster.checkpoint()
        done = await carried(self.carrier or self.how, url, self.events, self.servers, topic)
        await self._check(url, topic, done)
        self.spent.append(done.cpu / done.events * 1e6)
        return done.rate

    async def _check(self, url: str, topic: str, done: Carried) -> None:
        if (stored := await in_topic(self.servers, topic)) != self.events or done.events != self.events:
            raise WrongEffect(f"{self.how}: {self.events} events became {stored} messages, it says {done.events}")
        if self.how == RELAY and (left := await unpublished(url)):
            raise WrongEffect(f"{self.how}: {left} rows are not marked")


async def measure(cluster: BenchCluster, effort: Effort, tell: Tell) -> Result:
    """Runs the arms in turns; skipped where Kafka cannot run."""
    result = Result("relay", "Relay over Kafka")
    if reason := jars.missing():
        result.skipped.append(f"relay: {reason}")
        return result
    events = int(_EVENTS_A_SECOND * effort.seconds)
    async with kafka() as servers:
        arms = {how: _Arm(how, cluster, servers, events) for how in (RELAY, PRODUCER, BATCHES)}
        for arm in arms.values():  # not counted: the broker is compiled while it runs
            await arm.run(-1)
            arm.spent.clear()
        rounds = await take_turns([Arm(how, arm.run) for how, arm in arms.items()], effort.rounds, tell)
        control = _Arm(RELAY, cluster, servers, events, carrier="boast")
        refusal = await refused("relay", "stops after one pass and says it was all", "became", control.run)
    _fill(result, rounds, arms)
    result.figures.append(refusal)
    return result


@asynccontextmanager
async def kafka() -> AsyncIterator[str]:
    """A broker of this part's own; its address."""
    with tempfile.TemporaryDirectory(prefix="hazardloop-bench-kafka-", dir=disk_folder()) as folder:
        broker = Broker(Path(folder))
        await asyncio.to_thread(broker.start)
        try:
            yield broker.servers
        finally:
            await asyncio.to_thread(broker.stop)


async def in_topic(servers: str, topic: str) -> int:
    """How many messages the topic holds."""
    async with AIOKafkaConsumer(bootstrap_servers=servers) as consumer:
        places = [TopicPartition(topic, partition) for partition in range(TopicSpec(topic).partitions)]
        first, last = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
    return sum(last[place] - first[place] for place in places)


def _fill(result: Result, rounds: Rounds, arms: dict[str, _Arm]) -> None:
    ratio = rounds.ratio(RELAY, PRODUCER)
    cost = {how: Spread.of(arm.spent).median for how, arm in arms.items()}
    title = "relay over Kafka ÷ bare aiokafka producer sending the same messages"
    why = shortfalls.relayed(cost[RELAY], cost[PRODUCER], cost[BATCHES])
    result.figures.append(Figure("relay_vs_producer", title, ratio.median, "ratio", AIM, "more", str(ratio), why))
    result.rows += [
        Row("relay: rows read, published, marked", str(rounds.rate(RELAY))),
        Row("aiokafka producer, `send` pipelined", str(rounds.rate(PRODUCER)), "PostgreSQL: messages are in memory"),
        Row("the bus of the relay alone", str(rounds.rate(BATCHES)), "PostgreSQL: messages are in memory"),
    ]
    result.notes.append(
        f"{arms[RELAY].events:,} events of {_size()} bytes a round. Processor time an event in the sending process: "
        + ", ".join(f"{how} {microseconds:.1f} µs" for how, microseconds in cost.items())
        + ". After every round the topic held each event once, and no row of the outbox was left unmarked. The bare "
        "producer sends message by message, as its documents show; the bus of the relay builds whole batches by "
        "partition, which is why the relay can be the faster one although it also reads and marks."
    )


def _size() -> int:
    (event,) = finds(1)
    return len(event.body.encode())
