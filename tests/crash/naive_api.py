"""The control of `broker-away`, from outside: asks the API that publishes before it answers, and counts refusals."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from deploy.local.ports import free_port
from libs.common.bus.base import TopicSpec
from libs.common.bus.kafka import KafkaBus
from tests.evidence.cluster import BenchCluster
from tests.evidence.processes import answering, running

ASKED = 6
_TRIES = 3
_HOST = "127.0.0.1"
_TOPIC = "naive-things"


@dataclass(slots=True)
class NaiveApi:
    """The API that publishes before it answers."""

    port: int

    async def works(self) -> None:
        """Raises RuntimeError unless it answers while the broker is there: else its failures would say nothing."""
        for _ in range(_TRIES):  # its first requests meet a topic that was made a moment ago
            failed = await self.ask()
            if not failed:
                return
        raise RuntimeError(f"the control fails {failed} times with a broker at hand")

    async def ask(self) -> int:
        """How many of some requests it does not answer with 201."""
        async with httpx.AsyncClient(base_url=f"http://{_HOST}:{self.port}", timeout=10, trust_env=False) as client:
            answers = await asyncio.gather(*(client.post("/things") for _ in range(ASKED)), return_exceptions=True)
        return sum(isinstance(answer, BaseException) or answer.status_code != 201 for answer in answers)


@asynccontextmanager
async def naive_api(cluster: BenchCluster, servers: str) -> AsyncIterator[NaiveApi]:
    environment = {
        "DATABASE_URL": await cluster.create("naive_publisher"),
        "KAFKA_BOOTSTRAP_SERVERS": servers,
        "TOPIC": _TOPIC,
        "PORT": str(free_port()),
    }
    await _make_topic(servers)
    command = [sys.executable, "-m", "tests.crash.naive_publisher"]
    async with running("naive", command, environment, cluster.folder) as process:
        port = int(environment["PORT"])
        await answering(process, _HOST, port, "/readyz", cluster.folder / "naive.log")
        yield NaiveApi(port)


async def _make_topic(servers: str) -> None:
    bus = KafkaBus(servers)
    try:
        await bus.ensure_topics([TopicSpec(_TOPIC, partitions=1)])
    finally:
        await bus.stop()
