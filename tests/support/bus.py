"""Logs that a bus can live on in tests: shared ones, and ones of one's own that can be killed, frozen and made anew."""

import asyncio
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Literal, Protocol
from uuid import uuid4

import asyncpg

from deploy.local.ports import free_port
from deploy.local.postgres import Cluster, stop_server
from libs.common.bus.base import BusUnavailable, Delivered, Message, Subscription, TopicSpec
from libs.common.bus.kafka import KafkaBus
from libs.common.bus.postgres import PostgresBus
from tests.support.family import family, kill_family
from tests.support.frozen import freeze, thaw
from tests.support.kafka import Broker

Kind = Literal["postgres", "kafka"]
AnyBus = PostgresBus | KafkaBus
PATIENCE = 40.0


class KillableLog(Protocol):
    """A log server of one test's own; all methods block."""

    kind: Kind

    def address(self) -> str:
        """Where a bus finds it."""

    def start(self) -> None:
        """Start it (again) on the same port with the same data."""

    def running(self) -> bool:
        """Whether it was started and not killed since."""

    def kill(self) -> None:
        """kill -9, children included."""

    def freeze(self) -> None:
        """SIGSTOP: connections stay open and nobody answers."""

    def thaw(self) -> None:
        """SIGCONT."""

    def renew(self) -> None:
        """Start it on the same port with an empty log."""

    def end(self) -> None:
        """Stop it and remove its data."""


class KillablePostgres:
    """See `KillableLog`."""

    kind: Kind = "postgres"

    def __init__(self, folder: Path) -> None:
        self._cluster = Cluster.prepare(folder / "postgres", free_port(), {"fsync": "off"})
        self._log = folder / "postgres.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._is_new = True

    def address(self) -> str:
        return self._cluster.url("bus")

    def start(self) -> None:
        self._process = self._cluster.start(self._log)
        if self._is_new:
            asyncio.run(_on(self._cluster.url(), "CREATE DATABASE bus"))
            self._is_new = False

    def running(self) -> bool:
        return self._process is not None

    def kill(self) -> None:
        if self._process is not None:
            kill_family(self._process.pid)
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        if self._process is not None:
            freeze(self._process.pid)  # first, so that it starts nobody who would not be frozen
            freeze(*family(self._process.pid))

    def thaw(self) -> None:
        if self._process is not None:
            thaw(*family(self._process.pid))

    def renew(self) -> None:
        asyncio.run(_on(self._cluster.url(), "DROP DATABASE bus WITH (FORCE)", "CREATE DATABASE bus"))

    def end(self) -> None:
        """Stop it and remove its data."""
        if self._process is not None:
            self.thaw()
            stop_server(self._process)
        shutil.rmtree(self._cluster.folder, ignore_errors=True)


class KillableKafka:
    """See `KillableLog`."""

    kind: Kind = "kafka"

    def __init__(self, folder: Path) -> None:
        self._broker = Broker(folder)
        self.start, self.kill, self.running = self._broker.start, self._broker.kill, self._broker.running
        self.freeze, self.thaw = self._broker.freeze, self._broker.thaw

    def address(self) -> str:
        return self._broker.servers

    def renew(self) -> None:
        self.kill()
        shutil.rmtree(self._broker.folder / "data")
        self.start()

    def end(self) -> None:
        """Stop it and remove its data."""
        self.kill()
        shutil.rmtree(self._broker.folder, ignore_errors=True)


def make_bus(kind: Kind, address: str, *, session: float = 10.0, max_poll_interval: float = 300.0) -> AnyBus:
    """A bus on the log at `address`, not started."""
    if kind == "postgres":
        return PostgresBus(address, client_id="tests", session=session, max_poll_interval=max_poll_interval)
    return KafkaBus(address, client_id="tests", session=session, max_poll_interval=max_poll_interval)


async def new_topic(bus: AnyBus, partitions: int = 8) -> str:
    """A topic that no other test knows. A log that an earlier test has only just let go again is waited for."""
    name = f"tests.{uuid4().hex[:12]}"

    async def made() -> bool:
        try:
            await bus.ensure_topics([TopicSpec(name, partitions)])
        except BusUnavailable:
            return False
        return True

    await eventually(made)
    return name


def numbered(topic: str, count: int, keys: int = 16, first: int = 0) -> list[Message]:
    """`count` messages over `keys` keys; the value of each is its number, rising within its key."""
    return [Message(topic, f"key-{n % keys}".encode(), str(n).encode()) for n in range(first, first + count)]


async def take(
    subscription: Subscription, count: int, *, ack: bool = True, seconds: float = PATIENCE
) -> list[Delivered]:
    """Poll until `count` messages came (or more), acknowledging each batch if told to; fails after `seconds`."""
    taken: list[Delivered] = []
    deadline = asyncio.get_running_loop().time() + seconds
    while len(taken) < count:
        assert asyncio.get_running_loop().time() < deadline, f"{len(taken)} of {count} messages after {seconds} s"
        batch = await subscription.poll(500, 0.5)
        if ack and batch:
            await subscription.ack(batch)
        taken += batch
    return taken


async def nothing_comes(subscription: Subscription, seconds: float) -> bool:
    """Whether the subscription stays silent that long."""
    return not await subscription.poll(10, seconds)


async def eventually(condition: Callable[[], bool | Awaitable[bool]], seconds: float = PATIENCE) -> None:
    """Wait until the condition holds; fails after `seconds`."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        held = condition()
        if held if isinstance(held, bool) else await held:
            return
        assert asyncio.get_running_loop().time() < deadline, f"not within {seconds} s"
        await asyncio.sleep(0.02)


def values(delivered: Sequence[Delivered]) -> list[int]:
    """The numbers that `numbered` gave the messages."""
    return [int(item.message.value) for item in delivered]


def order_is_broken(delivered: Sequence[Delivered]) -> bool:
    """Whether the numbers of any key (the part before a slash) fall anywhere."""
    last: dict[bytes, int] = {}
    for item in delivered:
        key, number = item.message.key.split(b"/")[0], int(item.message.value)
        if number <= last.get(key, -1):
            return True
        last[key] = number
    return False


async def _on(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
