"""Reports over HTTP with and without counters: what counting costs the service, batches and folding included."""

import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass

from deploy.local.ports import free_port
from tests.bench.settings import Effort
from tests.evidence.cluster import BenchCluster, connected
from tests.evidence.command import Tell
from tests.evidence.effects import WrongEffect, check_all_answered, hazards_and_counted
from tests.evidence.load import closed_loop
from tests.evidence.processes import answering, running
from tests.evidence.rounds import Arm, Rounds, take_turns, warm_up
from tests.evidence.system import System, running_system

SERVED, UNCOUNTED = "with counters, over HTTP", "without counters, over HTTP"
_CONNECTIONS = 64
_HOST = "127.0.0.1"
_MODULES = {SERVED: "services.hazards", UNCOUNTED: "tests.bench.uncounted"}


@dataclass(frozen=True, slots=True)
class _Side:
    """One HTTP side of hazards; relay, consumers and folder of the system work behind both."""

    name: str
    system: System
    port: int
    seconds: float

    async def run(self, number: int) -> float:
        """Reports a second, each found in the table, and in the counters or not."""
        url = self.system.urls["hazards"]
        hazards, known = await sizes(url)
        outcome = await closed_loop(
            self.system.target(self.port),
            connections=_CONNECTIONS,
            seconds=self.seconds,
            key_prefix=f"{self.port}-{number}",
        )
        check_all_answered(self.name, outcome)
        done = len(outcome.created)
        more, knows = await sizes(url)
        if (more - hazards, knows - known) != (done, done * (self.name == SERVED)):
            raise WrongEffect(f"{self.name}: {done} reports, {more - hazards} hazards, {knows - known} counted")
        await self.system.caught_up()
        return done / outcome.seconds


async def over_http(cluster: BenchCluster, effort: Effort, tell: Tell) -> Rounds:
    """Both sides in turns, on one system."""
    async with AsyncExitStack() as stack:
        system = await stack.enter_async_context(running_system(cluster))
        arms = []
        for name, module in _MODULES.items():
            port, log = free_port(), module.rsplit(".", 1)[-1]
            environment = {**system.environments["hazards"], "PORT": str(port), "LOG_LEVEL": "WARNING"}
            command = [sys.executable, "-m", module, "app"]
            process = await stack.enter_async_context(running(log, command, environment, cluster.folder))
            await answering(process, _HOST, port, "/readyz", cluster.folder / f"{log}.log")
            arms.append(Arm(name, _Side(name, system, port, effort.seconds).run))
        if not effort.is_quick:
            await warm_up(arms)
        return await take_turns(arms, effort.rounds, tell)


async def sizes(url: str) -> tuple[int, int]:
    """How many hazards there are, and how many the counters and deltas know."""
    async with connected(url) as connection:
        return await hazards_and_counted(connection)
