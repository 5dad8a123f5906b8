"""Three replicas of the hazards service, each with its own idea of the time, killed again and again as they serve."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from random import Random

from deploy.local.issuer import Issuer
from deploy.local.ports import free_port
from tests.crash.race_replica import SKEW
from tests.evidence.cluster import BenchCluster
from tests.evidence.processes import answering, running

SKEWS = (0.0, 3600.0, -3600.0)  # seconds by which the machines' clocks are off
_PLACES = ("sweeper.claimed", "sweeper.taken", "sweeper.fired", "db.committing", "operation.performed")
_HOST = "127.0.0.1"


@dataclass(slots=True)
class Replica:
    """One of them: where it listens, its process and what ends that."""

    name: str
    port: int
    environment: Mapping[str, str]
    process: "subprocess.Popen[bytes] | None" = None
    started: bool = False
    ends: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def lives(self) -> bool:
        """Whether its process is there."""
        return self.process is not None and self.process.poll() is None


class Replicas:
    """Started together; `harass` kills one after the other and starts it again."""

    def __init__(self, cluster: BenchCluster, environment: Mapping[str, str], random: Random) -> None:
        self._folder = cluster.folder
        self._random = random
        self._turn = 0
        self.kills = 0
        self.at_a_step = 0  # of these
        self._all = [
            Replica(f"race-{nr}", port := free_port(), {**environment, "PORT": str(port), SKEW: str(skew)})
            for nr, skew in enumerate(SKEWS)
        ]

    def port(self) -> int:
        """The port of one that serves, each in turn; of any while none does."""
        serving = [replica for replica in self._all if replica.started and replica.lives] or self._all
        self._turn += 1
        return serving[self._turn % len(serving)].port

    async def start(self) -> None:
        """All of them, answering."""
        await asyncio.gather(*(self._start(replica) for replica in self._all))

    async def harass(self, pauses: tuple[float, float]) -> None:
        """Until cancelled: after a pause (seconds, drawn from the range) one that serves dies, and comes back.

        One always goes on serving. Every other one that comes back was told at which step to kill itself.
        """
        async with asyncio.TaskGroup() as returning:
            while True:
                await asyncio.sleep(self._random.uniform(*pauses))
                for replica in self._victims():
                    replica.started = False
                    self.kills += 1
                    returning.create_task(self._again(replica, self._deed() if self.kills % 2 else ""))

    def _victims(self) -> list[Replica]:
        """Those that have killed themselves, or else one that is killed now, if another is left."""
        started = [replica for replica in self._all if replica.started]
        fallen = [replica for replica in started if not replica.lives]
        self.at_a_step += len(fallen)
        if fallen or len(started) < 2:
            return fallen
        victim = self._random.choice(started)
        assert victim.process is not None
        victim.process.kill()
        return [victim]

    async def end(self) -> None:
        """None of them runs any more."""
        for replica in self._all:
            replica.started = False
            await replica.ends.aclose()

    async def _again(self, replica: Replica, failpoints: str) -> None:
        await replica.ends.aclose()
        await self._start(replica, failpoints)

    async def _start(self, replica: Replica, failpoints: str = "") -> None:
        command = [sys.executable, "-m", "tests.crash.race_replica", "serve"]
        environment = {**replica.environment, "FAILPOINTS": failpoints}
        replica.process = await replica.ends.enter_async_context(
            running(replica.name, command, environment, self._folder)
        )
        log = self._folder / f"{replica.name}.log"
        try:
            await answering(replica.process, _HOST, replica.port, "/livez", log)
        except RuntimeError:
            if not failpoints or replica.lives:
                raise
        replica.started = True  # and perhaps dead again by now, at the step that it was told

    def _deed(self) -> str:
        return f"{self._random.choice(_PLACES)}=kill:{self._random.randint(1, 20)}"


@asynccontextmanager
async def race_replicas(cluster: BenchCluster, url: str, random: Random) -> AsyncIterator[Replicas]:
    """The replicas on that database, with the bus in a database of its own."""
    issuer = Issuer(cluster.folder / "issuer")
    issuer.ensure_keys()
    environment = {
        "DATABASE_URL": url,
        "BUS": "postgres",
        "BUS_DATABASE_URL": await cluster.create("race_bus"),
        "AUTH_JWKS": str(issuer.key_set),
        "LOG_LEVEL": "ERROR",
    }
    replicas = Replicas(cluster, environment, random)
    try:
        await replicas.start()
        yield replicas
    finally:
        await replicas.end()
