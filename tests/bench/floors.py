"""Part `floors`: what a report costs with everything removed but the way in: HTTP, token, validation, no database."""

import sys
from collections.abc import Callable

from deploy.local.issuer import Bearer, Issuer
from deploy.local.ports import free_port
from libs.common.actors import USUAL_ROLES, Tier
from libs.common.ids import new_id
from tests.bench.settings import Effort
from tests.evidence.cluster import BenchCluster
from tests.evidence.effects import check_all_answered
from tests.evidence.figures import Figure, Result, Row
from tests.evidence.load import Target, closed_loop
from tests.evidence.processes import answering, cpu_seconds, running
from tests.evidence.rounds import Arm, Spread, take_turns

CONNECTIONS = 32
PATHS = {
    "/v1/framework": "route of FastAPI: token, idempotency key, body validated, an answer of fixed bytes",
    "/v1/fast": "the same route in the fast lane",
    "/v1/bare": "ASGI alone: the body is read, an answer of fixed bytes",
}
_SKIPS = {"/v1/bare": "everything but HTTP"}


async def measure(cluster: BenchCluster, effort: Effort, tell: Callable[[str], None]) -> Result:
    """Asks three empty routes of one process in turns."""
    result = Result("floors", "Floors: the way in alone, without a database")
    issuer = Issuer(cluster.folder / "floors-issuer")
    issuer.ensure_keys()
    token = issuer.sign(Bearer("floor", Tier.DISTRICT, "410503000000", None, tuple(USUAL_ROLES[Tier.DISTRICT])))
    port = free_port()
    environment = {"AUTH_JWKS": str(issuer.key_set), "PORT": str(port)}
    command = [sys.executable, "-m", "tests.bench.floor_app"]
    async with running("floors", command, environment, cluster.folder) as process:
        await answering(process, "127.0.0.1", port, "/livez", cluster.folder / "floors.log")
        spent: dict[str, list[float]] = {path: [] for path in PATHS}
        enterprises = [str(new_id()) for _ in range(64)]

        async def ask(path: str, number: int) -> float:
            target = Target(port, [token], enterprises, path)
            before = cpu_seconds(process.pid)
            outcome = await closed_loop(
                target, connections=CONNECTIONS, seconds=effort.seconds / 2, key_prefix=f"f{number}"
            )
            check_all_answered(path, outcome)
            done = outcome.statuses["201"]
            spent[path].append((cpu_seconds(process.pid) - before) / done * 1e6)
            return done / outcome.seconds

        arms = [Arm(path, lambda number, path=path: ask(path, number)) for path in PATHS]  # type: ignore[misc]
        rounds = await take_turns(arms, effort.rounds, tell)
    for path, what in PATHS.items():
        name, rate = f"floor_{path.rpartition('/')[2]}", rounds.rate(path)
        result.figures.append(Figure(name, what, rate.median, "requests/s", None, "more", str(rate)))
        result.rows.append(Row(what, str(rate), _SKIPS.get(path, "the operation and its database")))
        result.notes.append(f"{what}: {Spread.of(spent[path])} µs of processor time a request in the serving process.")
    return result
