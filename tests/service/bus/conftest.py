"""The two logs that every test of the bus runs against, and buses that are stopped however the test ends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from uuid import uuid4

import pytest

from libs.common.bus.kafka_subscription import KafkaSubscription
from libs.common.bus.postgres_subscription import PostgresSubscription
from tests.support import kafka
from tests.support.bus import AnyBus, Kind, make_bus

KINDS = [pytest.param("postgres", id="postgres"), pytest.param("kafka", id="kafka", marks=pytest.mark.kafka)]


@dataclass
class Log:
    """A log shared with other tests: use topics and groups of your own."""

    kind: Kind
    address: str
    _buses: list[AnyBus] = field(default_factory=list)

    async def bus(self, *, session: float = 10.0, max_poll_interval: float = 300.0) -> AnyBus:
        """A bus that is started, and stopped after the test."""
        bus = make_bus(self.kind, self.address, session=session, max_poll_interval=max_poll_interval)
        self._buses.append(bus)
        await bus.start()
        return bus

    async def member(self, bus: AnyBus, group: str, topic: str) -> PostgresSubscription | KafkaSubscription:
        """A member that has begun to join."""
        subscription = bus.subscribe(group, [topic])
        await subscription.start()
        return subscription

    async def close(self) -> None:
        """Stop every bus made here."""
        await asyncio.gather(*(bus.stop() for bus in self._buses))


@pytest.fixture(params=KINDS)
async def log(
    request: pytest.FixtureRequest, create_database: Callable[[str | None], Awaitable[str]]
) -> AsyncIterator[Log]:
    """The log under test."""
    kind: Kind = request.param
    address = kafka.shared_servers() if kind == "kafka" else await create_database(None)
    made = Log(kind, address)
    yield made
    await made.close()


@pytest.fixture
def group() -> str:
    """A group that no other test knows."""
    return f"tests-{uuid4().hex[:12]}"
