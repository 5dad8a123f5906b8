"""Part `vanishing-clients`: whoever goes in the middle leaves nothing behind, nothing open and nothing half-written.

Clients of the real hazards and registry services go after half a head, half a body, half a chunk, half an upload,
after the whole request at any moment of the work, in the middle of the answer; with a reset, with a farewell, or
(where this machine lets us) without a word. The control opens its transaction by hand and is cancelled with its client.
"""

import asyncio
import sys
from dataclasses import dataclass
from typing import Final

from deploy.local.ports import free_port
from tests.crash import leaks
from tests.crash.asking import Asker, Unsettled
from tests.crash.hazards_desk import report
from tests.crash.settings import Effort
from tests.crash.vanishing import Told, Vanisher, batch
from tests.evidence.cluster import BenchCluster, connected
from tests.evidence.command import Tell
from tests.evidence.effects import WrongEffect
from tests.evidence.figures import Figure, Result
from tests.evidence.load import REPORT
from tests.evidence.processes import answering, running
from tests.evidence.system import System, running_system

AT_ONCE = 32
_ASKS: Final = 40  # more than a pool has connections
_REST_SECONDS = 2.0
_CLOSED_SECONDS = 75.0  # what went without a word is found out by keepalive

# the table that every transaction of the service's reads meets, and the read that meets it
_READS: Final = {"hazards": ("hazards", f"{REPORT}?limit=1"), "registry": ("enterprises", "/v1/enterprises?limit=1")}

_HALF = """
SELECT count(*) FROM hazards h WHERE
    (SELECT count(*) FROM hazard_log l WHERE l.hazard_id = h.id) <> h.version
    OR (SELECT count(*) FROM outbox o WHERE o.key = h.id::text) <> h.version
    OR NOT EXISTS (SELECT FROM timers t WHERE t.subject_id = h.id)
    OR NOT EXISTS (SELECT FROM idempotency_keys k WHERE k.key = h.place)
"""
_OF_KEYS = "SELECT place, count(*) AS n FROM hazards WHERE place = ANY($1::text[]) GROUP BY place"
_KEYS = "SELECT count(*) FROM idempotency_keys WHERE key = ANY($1::text[])"


@dataclass(slots=True)
class Left:
    """What the vanished left behind."""

    sockets: int = 0
    connections: int = 0
    idle: int = 0
    half: int = 0
    ghosts: int = 0
    unsettled: int = 0
    doubled: int = 0


async def prove(cluster: BenchCluster, effort: Effort, tell: Tell) -> Result:
    """The storm on the services, then on the control."""
    result = Result("vanishing-clients", "Clients that vanish")
    count = effort.count(20_000, short=400)
    async with running_system(cluster) as system:
        ports = {name: system.ports[name] for name in _READS}
        vanisher = Vanisher(ports, system.tokens[0], effort.random("clients"), silently=not effort.short)
        left = await _storm(system, vanisher, count, tell)
        await _settle(system, vanisher.told, left)
    tell(f"left behind: {left}")
    lost, used = await _control(cluster, effort, min(count, 2_000))
    _fill(result, count, vanisher.told, left, lost)
    result.notes.insert(
        0,
        f"{AT_ONCE} clients at once. Sockets are counted at the service's end once the clients are gone. A connection "
        "to PostgreSQL counts as leaked when it can no longer be brought to a halt at a locked table by more requests "
        "than there are connections. Of every key that was sent whole the same request was sent again: it was "
        "answered, and there is one hazard an item. Of requests cut off before their end there is nothing. The "
        f"control had {used} connections, and lost {lost} of them in transactions that nobody ends.",
    )
    return result


async def _storm(system: System, vanisher: Vanisher, count: int, tell: Tell) -> Left:
    left, watch = Left(), leaks.Watch([system.urls[name] for name in _READS])
    before = await _look(system)
    watching = asyncio.create_task(watch.run())
    await _vanish(vanisher, count, tell)
    for name in _READS:
        left.sockets += await leaks.sockets_closed(system.ports[name], _CLOSED_SECONDS)
    watching.cancel()
    await asyncio.wait([watching])
    await asyncio.sleep(
        _REST_SECONDS
    )  # the same question as the control is asked: what is idle now, long after all left
    for name in _READS:
        watch.found |= await leaks.idle_inside(system.urls[name], _REST_SECONDS / 2)
    after = await _look(system)
    tell(f"before {before}, after {after}")
    left.connections = sum(max(0, before[name].usable - after[name].usable) for name in _READS)
    left.idle = len(watch.found)
    return left


async def _vanish(vanisher: Vanisher, count: int, tell: Tell) -> None:
    async def one_after_another(share: int) -> None:
        for _ in range(share):
            await vanisher.vanish()

    shares = [count // AT_ONCE + (nr < count % AT_ONCE) for nr in range(AT_ONCE)]
    await asyncio.gather(*(one_after_another(share) for share in shares))
    tell(f"{vanisher.told.ways.total()} clients have gone")


async def _look(system: System) -> dict[str, leaks.Opened]:
    opened = await asyncio.gather(*(_look_at(system, name) for name in _READS))
    return dict(zip(_READS, opened, strict=True))


async def _look_at(system: System, name: str) -> leaks.Opened:
    table, path = _READS[name]

    async def ask() -> None:
        asker = Asker(lambda: system.ports[name], system.tokens[0], Unsettled())
        try:
            await asker.settle("GET", path)
        finally:
            asker.close()

    return await leaks.look(system.urls[name], system.ports[name], table, ask, _ASKS)


async def _settle(system: System, told: Told, left: Left) -> None:
    """Sends every whole request again under its key, and counts what is there then."""
    waiting = [key for key in told.whole if told.whole[key]]

    async def caller() -> None:
        asker = Asker(lambda: system.ports["hazards"], system.tokens[0], Unsettled())
        try:
            while waiting:
                key = waiting.pop()
                alone = told.whole[key] == 1
                path, body = (REPORT, report(key)) if alone else (f"{REPORT}/batch", batch(key))
                answer = await asker.settle("POST", path, body, {"Idempotency-Key": key})
                left.unsettled += answer.status != (201 if alone else 200)
        finally:
            asker.close()

    await asyncio.gather(*(caller() for _ in range(AT_ONCE)))
    items = {key: count for key, count in told.whole.items() if count}
    async with connected(system.urls["hazards"]) as connection:
        there = {row["place"]: row["n"] for row in await connection.fetch(_OF_KEYS, list(items))}
        ghosts = await connection.fetch(_OF_KEYS, told.cut)
        left.half = await connection.fetchval(_HALF)
        left.ghosts = len(ghosts) + await connection.fetchval(_KEYS, told.cut)
    async with connected(system.urls["registry"]) as connection:
        left.ghosts += await connection.fetchval(_KEYS, told.cut)
    left.doubled = sum(there.get(key, 0) != count for key, count in items.items())


async def _control(cluster: BenchCluster, effort: Effort, count: int) -> tuple[int, int]:
    """Transactions that the control lost in the same storm, and connections that it had."""
    url, port = await cluster.create("careless"), free_port()
    environment = {"DATABASE_URL": url, "PORT": str(port)}
    command = [sys.executable, "-m", "tests.crash.careless_idiom"]
    async with running("careless", command, environment, cluster.folder) as process:
        await answering(process, "127.0.0.1", port, "/", cluster.folder / "careless.log")
        vanisher = Vanisher({"hazards": port, "registry": port}, "", effort.random("clients"), silently=False)
        await _vanish(vanisher, count, lambda _: None)
        await asyncio.sleep(_REST_SECONDS)
        lost = await leaks.idle_inside(url, _REST_SECONDS / 2)
        async with connected(url) as connection:
            used = await connection.fetchval("SELECT count(*) - 1 FROM pg_stat_activity WHERE datname = 'careless'")
    if not used:
        raise WrongEffect("vanishing-clients: the control had no connections")
    return len(lost), int(used)


def _fill(result: Result, count: int, told: Told, left: Left, lost: int) -> None:
    def zero(name: str, title: str, value: int, unit: str) -> Figure:
        return Figure(f"vanishing_clients_{name}", title, value, unit, 0, "less")

    gone = told.ways.total()
    result.figures = [
        Figure("vanishing_clients_gone", "clients that went in the middle", gone, "clients", count, "more"),
        zero("leaked_connections", "connections to PostgreSQL leaked", left.connections, "connections"),
        zero("open_sockets", "sockets still open", left.sockets, "sockets"),
        zero("idle_in_transaction", "transactions in which nothing happened", left.idle, "transactions"),
        zero("half_written", "hazards without log, timer, event or key", left.half, "hazards"),
        zero("ghosts", "effects of requests that were cut off", left.ghosts, "effects"),
        zero("unsettled", "whole requests that their key did not settle", left.unsettled, "requests"),
        zero("doubled", "keys with another number of hazards than items", left.doubled, "keys"),
        Figure(
            "vanishing_clients_control_leaked",
            "transactions left open by the control",
            lost,
            "transactions",
            1,
            "more",
            shortfall="The control leaked nothing, so the count of the other arm has not been seen to fail.",
        ),
    ]
    ways = ", ".join(f"{name} {times}" for name, times in sorted(told.ways.items()))
    result.notes.append(f"How far they came: {ways}.")
