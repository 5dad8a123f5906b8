"""Part `commit-order`: what commits late, under ids that others have long passed, reaches the log, and in order.

Sixteen writers hold their transactions open after taking their outbox ids, some roll back, and another database of the
same cluster holds an idle writer. Two replicas of the relay carry the outbox to the log; beside them, on the same rows
at the same time, runs the control, which reads `id > last`.
"""

import asyncio
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from libs.common.bus.base import Delivered, TopicSpec
from libs.common.outbox import UNPUBLISHED
from tests.crash.event_log import EventLog, event_log, long_form
from tests.crash.settings import Effort
from tests.crash.unruly_writers import WRITERS, UnrulyWriters
from tests.evidence.cluster import BenchCluster, connected
from tests.evidence.effects import WrongEffect
from tests.evidence.figures import Figure, Result
from tests.evidence.processes import running
from tests.support import toyservice as toys
from tests.support.bus import Kind

EVENTS = 200_000
CONTROL = "toys.control"
_LOOK_SECONDS = 0.25
_DRAIN_SECONDS = 120.0

# the commit time comes from PostgreSQL: what is held open is not behind, only what is committed and not sent
_BEHIND = f"""
SELECT coalesce(extract(epoch FROM clock_timestamp() - min(pg_xact_commit_timestamp(xmin))), 0)::float8
FROM {UNPUBLISHED}
"""
_WAITING = f"SELECT count(*) FROM {UNPUBLISHED}"
# what a relay that trusts the horizon of the oldest open transaction may send: nothing begun after the idle writer
_BELOW_HORIZON = """
SELECT count(*) FROM outbox WHERE xmin::text::bigint < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
"""

Tell = Callable[[str], None]


@dataclass(slots=True)
class Arrived:
    """What the log holds: every version of every thing, in the order in which each came first."""

    versions: defaultdict[str, dict[int, None]] = field(default_factory=lambda: defaultdict(dict))
    messages: int = 0

    def take(self, delivered: Delivered) -> None:
        """Counts one message of the log."""
        headers = dict(delivered.message.headers)
        self.versions[headers["ce_subject"].decode()].setdefault(int(headers["sequence"]))
        self.messages += 1

    def lost(self, committed: Mapping[str, Sequence[int]]) -> int:
        """Events that were committed and are not here."""
        return sum(len(set(wanted) - self.versions[key].keys()) for key, wanted in committed.items())

    def invented(self, committed: Mapping[str, Sequence[int]]) -> int:
        """Events that are here and were never committed."""
        return sum(len(found.keys() - set(committed.get(key, ()))) for key, found in self.versions.items())

    def out_of_order(self) -> int:
        """Events that came after a later one of the same thing."""
        count = 0
        for found in self.versions.values():
            highest = 0
            for version in found:
                count += version < highest
                highest = max(highest, version)
        return count


async def prove(cluster: BenchCluster, effort: Effort, tell: Tell) -> Result:
    """Writes, relays, reads the log back and counts."""
    result = Result("commit-order", "Commit order: what commits late is not passed over")
    count = effort.count(EVENTS, short=3_000)
    kind: Kind = "postgres" if effort.short else long_form()
    if kind == "postgres" and not effort.short:
        result.skipped.append("commit-order/kafka: there is no Java or no Maven here, the log is PostgreSQL's")
    url = await cluster.create("commit_order")
    await toys.create_tables(url)
    writers = UnrulyWriters(url, effort.random("writers"))
    arrived, control = Arrived(), Arrived()
    async with event_log(cluster, kind) as log:
        await log.make_topics(TopicSpec(toys.TOPIC), TopicSpec(CONTROL))
        try:
            left = await _play(cluster, log, url, writers, count, tell)
        finally:
            await writers.close()
        await _check_outbox(url, writers)
        await log.read(toys.TOPIC, arrived.take)
        await log.read(CONTROL, control.take)
    result.figures = _figures(count, writers, arrived, control, left)
    result.notes.append(
        f"{WRITERS} writers, {writers.rolled_back} transactions rolled back, two replicas of the relay, log "
        f"{kind}, {arrived.messages} messages in it. The idle writer in another database kept its transaction open "
        "from before the first event until after the last was sent. The control read the same outbox at the same time "
        f"and lost {control.lost(writers.committed) / writers.events:.1%}. 'Behind' counts from the commit of the "
        "oldest event not yet sent, looked at four times a second."
    )
    return result


@asynccontextmanager
async def idle_writer(cluster: BenchCluster) -> AsyncIterator[None]:
    """A transaction in another database of the cluster that has an xid and does nothing."""
    async with connected(await cluster.create("elsewhere")) as connection:
        await connection.execute("BEGIN; CREATE TABLE idle (n int); SELECT pg_current_xact_id()")
        yield
        await connection.execute("ROLLBACK")


class Behind:
    """Looks again and again at how far the relay is behind."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.worst = 0.0

    async def watch(self) -> None:
        """Until cancelled."""
        async with connected(self._url) as connection:
            while True:
                self.worst = max(self.worst, await connection.fetchval(_BEHIND))
                await asyncio.sleep(_LOOK_SECONDS)

    async def waiting_after(self, seconds: float) -> int:
        """How many committed events wait after so long; 0 as soon as there is none."""
        deadline = time.monotonic() + seconds
        async with connected(self._url) as connection:
            while True:
                waiting: int = await connection.fetchval(_WAITING)
                if not waiting or time.monotonic() > deadline:
                    return waiting
                await asyncio.sleep(0.1)


@dataclass(frozen=True, slots=True)
class Left:
    """How the relay stood while the idle writer was still there."""

    worst_behind: float
    waiting: int
    horizon_waiting: int


async def _play(cluster: BenchCluster, log: EventLog, url: str, writers: UnrulyWriters, count: int, tell: Tell) -> Left:
    behind = Behind(url)
    async with idle_writer(cluster), AsyncExitStack() as stack:
        await writers.begin()
        for holder, more in (("relay-one", []), ("relay-two", []), ("naive", ["--naive", CONTROL])):
            command = [sys.executable, "-m", "tests.crash.relay_process", url, log.kind, log.address, holder, *more]
            await stack.enter_async_context(running(holder, command, {}, cluster.folder))
        if await behind.waiting_after(_DRAIN_SECONDS):
            raise WrongEffect("commit-order: the relays did not begin")
        watching = asyncio.create_task(behind.watch())
        await writers.write(count)
        tell(f"{writers.events} events committed, {writers.rolled_back} transactions rolled back")
        waiting = await behind.waiting_after(_DRAIN_SECONDS)
        watching.cancel()
        await asyncio.wait([watching])
        async with connected(url) as connection:
            below: int = await connection.fetchval(_BELOW_HORIZON)
    return Left(behind.worst, waiting, writers.events - below)


async def _check_outbox(url: str, writers: UnrulyWriters) -> None:
    async with connected(url) as connection:
        rows = await connection.fetchval("SELECT count(*) FROM outbox")
    if rows != writers.events:
        raise WrongEffect(f"commit-order: {writers.events} events were committed and {rows} are in the outbox")


def _figures(asked: int, writers: UnrulyWriters, arrived: Arrived, control: Arrived, left: Left) -> list[Figure]:
    committed = writers.committed
    why = "An event that COMMIT confirmed is not in the log, or not in its place: see the seed above."
    return [
        Figure("commit_order_events", "events committed", writers.events, "events", asked, "more"),
        Figure("commit_order_lost", "lost", arrived.lost(committed), "events", 0, "less", shortfall=why),
        Figure("commit_order_out_of_order", "out of order", arrived.out_of_order(), "events", 0, "less", shortfall=why),
        Figure(
            "commit_order_invented",
            "sent although rolled back",
            arrived.invented(committed),
            "events",
            0,
            "less",
            shortfall=why,
        ),
        Figure(
            "commit_order_waiting",
            "waiting at the end, the idle writer still there",
            left.waiting,
            "events",
            0,
            "less",
            shortfall="The relay had two minutes after the last commit.",
        ),
        Figure("commit_order_behind", "most seconds behind", left.worst_behind, "s", None, "less"),
        Figure(
            "commit_order_control_lost",
            "lost by the control, `id > last`",
            control.lost(committed),
            "events",
            1,
            "more",
            shortfall="The load did not make ids visible out of order: the figures above prove nothing.",
        ),
        Figure(
            "commit_order_control_horizon",
            "held back by the idle writer where a relay trusts the horizon",
            left.horizon_waiting,
            "events",
            1,
            "more",
            shortfall="The idle writer held nobody up: the figure of the waiting proves nothing.",
        ),
    ]
