"""Part `flaky-receivers`: messages to phones that fail in twelve ways reach them, under one id, without a detour.

The service is the real worker, two replicas of it; the phones are real ports. Messages are due one after another at a
steady rate, so that the time which healthy phones wait for theirs shows whether the sick ones hold it up.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg

from deploy.local.prepare import make_topics
from deploy.local.settings import ROOT
from libs.common.bus import create_bus
from services.notifications.domain.delivery import Backoff
from tests.crash import flaky_names, naive_sender
from tests.crash.flaky_phones import MOODY, RETRY_AFTER
from tests.crash.flaky_plan import ATTEMPTS_ALLOWED, FAULTS, KINDS, Planned, draw, write
from tests.crash.flaky_verdict import STRETCH, Verdict, judge
from tests.crash.settings import Effort
from tests.evidence.cluster import BenchCluster, connected
from tests.evidence.command import Tell
from tests.evidence.figures import Figure, Result, Row
from tests.evidence.processes import last_lines, running
from tests.evidence.rounds import percentile

LONG, SHORT = 100_000, 200
RATE, SHORT_RATE = 250.0, 60.0  # messages a second
REPLICAS = 2
HEALTHY_AIM = 2.0  # seconds, p99
TIMEOUT, FIRST_WAIT, LONGEST_WAIT = 0.7, 0.3, 3.0
_LEAD_SECONDS, _SHORT_LEAD_SECONDS = 20.0, 5.0  # for the messages to be written in, before the first is due
_SHORTEST_SICK, _LONGEST_SICK = 4.0, 30.0  # seconds that the silent phone and the missing names stay so
_PATIENCE = 120.0  # after the last one was due
_START_SECONDS = 60.0
_Workers = Mapping[str, "subprocess.Popen[bytes]"]
_Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
BACKOFF = Backoff(timedelta(seconds=FIRST_WAIT), timedelta(seconds=LONGEST_WAIT), ATTEMPTS_ALLOWED)


async def prove(cluster: BenchCluster, effort: Effort, tell: Tell) -> Result:
    """The two controls, then one run of the service."""
    result = Result("flaky-receivers", "Receivers that fail in twelve ways")
    count, rate = effort.count(LONG, short=SHORT), SHORT_RATE if effort.short else RATE
    sick = min(_LONGEST_SICK, max(_SHORTEST_SICK, count / rate / 3))
    no_names = flaky_names.missing()
    if no_names:
        result.skipped.append(f"flaky-receivers/names: {no_names}")
    url = await _prepared(cluster)
    async with _phones(cluster.folder, sick, "" if no_names else _name_server(effort)) as phones:
        for first, new_ids in ((count, True), (count + naive_sender.MESSAGES, False)):
            await naive_sender.send_all(phones.ports[MOODY], first, new_ids=new_ids)
        async with _workers(cluster, url, phones) as workers, connected(url) as connection:
            await _until_awake(connection, workers, cluster.folder)
            start = datetime.now(UTC) + timedelta(seconds=_SHORT_LEAD_SECONDS if effort.short else _LEAD_SECONDS)
            plan = draw(effort.random("flaky-receivers"), count, rate, start, names=not no_names)
            await write(connection, plan, phones.ports)
            if datetime.now(UTC) > start:
                raise RuntimeError("the first message was due before the last was written: they need a longer lead")
            ended = await _until_settled(connection, plan, workers, cluster.folder, tell)
        told = await phones.heard()
    verdict = await judge(url, plan, told, BACKOFF)
    _fill(result, plan, verdict, told, (ended - start).total_seconds())
    return result


@dataclass(slots=True)
class _Phones:
    """The process with all phones."""

    process: "subprocess.Popen[bytes]"
    folder: Path
    ports: Mapping[str, int]
    name_server: str

    async def heard(self) -> dict[str, Any]:
        """What they heard, once they are asked; after that they hear no more."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
        if await asyncio.to_thread(self.process.wait, _START_SECONDS):
            raise RuntimeError("the phones failed")
        told: dict[str, Any] = json.loads((self.folder / "heard.json").read_text())
        return told


@asynccontextmanager
async def _phones(cluster: Path, sick: float, name_server: str) -> AsyncIterator[_Phones]:
    folder = cluster / "phones"
    process = await asyncio.to_thread(_start_phones, folder, sick, name_server)
    try:
        for _ in range(int(_START_SECONDS / 0.05)):
            if (folder / "ports.json").exists() or process.poll() is not None:
                break
            await asyncio.sleep(0.05)
        yield _Phones(process, folder, json.loads((folder / "ports.json").read_text()), name_server)
    finally:
        process.kill()
        await asyncio.to_thread(process.wait)


def _start_phones(folder: Path, sick: float, name_server: str) -> "subprocess.Popen[bytes]":
    folder.mkdir()
    command = [sys.executable, "-m", "tests.crash.flaky_phones", str(folder), str(sick), name_server]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, start_new_session=True)


def _name_server(effort: Effort) -> str:
    """An address of this machine that hardly anyone listens on."""
    chance = effort.random(f"name server {datetime.now(UTC)}")
    return f"127.77.{chance.randint(1, 250)}.{chance.randint(1, 250)}"


async def _prepared(cluster: BenchCluster) -> str:
    url, bus = await cluster.create("flaky"), await cluster.create("flaky_bus")
    async with running(
        "migrate", [sys.executable, "-m", "services.notifications", "migrate"], {"DATABASE_URL": url}, cluster.folder
    ) as process:
        if code := await asyncio.to_thread(process.wait):
            raise RuntimeError(f"the migrations ended with {code}")
    await make_topics(create_bus("postgres", bus_database_url=bus))
    return url


@asynccontextmanager
async def _workers(cluster: BenchCluster, url: str, phones: _Phones) -> AsyncIterator[_Workers]:
    environment = {
        "DATABASE_URL": url,
        "BUS": "postgres",
        "BUS_DATABASE_URL": url.replace("/flaky", "/flaky_bus"),
        "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
        "WEBHOOK_TIMEOUT_SECONDS": str(TIMEOUT),
        "DELIVERY_FIRST_WAIT_SECONDS": str(FIRST_WAIT),
        "DELIVERY_LONGEST_WAIT_SECONDS": str(LONGEST_WAIT),
        "LOG_LEVEL": "WARNING",
    }
    command = [sys.executable, "-m", "services.notifications", "worker"]
    if phones.name_server:
        command = flaky_names.asking(phones.name_server, phones.folder, command)
    async with AsyncExitStack() as stack:
        names = [f"worker-{nr}" for nr in range(REPLICAS)]
        yield {
            name: await stack.enter_async_context(running(name, command, environment, cluster.folder)) for name in names
        }


def must_live(workers: _Workers, log: Path) -> None:
    """Raises RuntimeError when one has ended, which nobody asked of it."""
    for name, process in workers.items():
        if (code := process.poll()) is not None:
            raise RuntimeError(f"{name} has ended with {code}: {last_lines(log / f'{name}.log')}")


async def _until_awake(connection: _Connection, workers: _Workers, log: Path) -> None:
    """Every worker is up: its relay, one of the loops that it starts together, has signed in."""
    for _ in range(int(_START_SECONDS / 0.05)):
        must_live(workers, log)
        if await connection.fetchval("SELECT count(*) FROM relay_members") >= len(workers):
            return
        await asyncio.sleep(0.05)
    raise RuntimeError("the workers do not come up")


async def _until_settled(
    connection: _Connection, plan: Sequence[Planned], workers: _Workers, log: Path, tell: Tell
) -> datetime:
    """When the last message was delivered or given up, or nothing more is to be hoped for."""
    give_up = plan[-1].due + timedelta(seconds=_PATIENCE)
    while True:
        waiting = await connection.fetchval("SELECT count(*) FROM deliveries WHERE state = 'pending'")
        now = datetime.now(UTC)
        if not waiting or now > give_up:
            return now
        must_live(workers, log)
        tell(f"{waiting} of {len(plan)} wait")
        await asyncio.sleep(min(10.0, max(0.2, len(plan) / 2000)))


def _fill(result: Result, plan: Sequence[Planned], verdict: Verdict, told: Mapping[str, Any], seconds: float) -> None:
    short = f"By fault, what was recorded: { {fault: dict(errors) for fault, errors in verdict.classes.items()} }."
    zeros = {
        "lost": ("messages not delivered", verdict.undelivered),
        "strange_ids": ("calls under an id that is not the message's own", verdict.strange_ids),
        "unheard": ("delivered, says the service, but no phone took it", verdict.unheard),
        "unrecorded": ("calls without an attempt, or attempts without an outcome", verdict.unrecorded),
        "early": ("attempts before the back-off was over", verdict.early),
        "impatient": ("calls before Retry-After was over", verdict.impatient),
        "strays": ("redirects followed", verdict.strays),
    }
    heard = [told["heard"].get(str(number), [[], 0, 0]) for number in naive_sender.numbers(len(plan))]
    given_up = [
        told["heard"].get(str(number), [[], 0, 0])[1]
        for number in naive_sender.numbers(len(plan) + naive_sender.MESSAGES)
    ]
    p99, late = percentile(verdict.healthy, 0.99), percentile(verdict.late, 0.99)
    result.figures += [
        Figure("flaky_deliveries", "messages", len(plan), "messages", LONG, "more"),
        Figure(
            "flaky_kinds",
            "kinds of fault among them",
            _kinds(plan),
            "kinds",
            KINDS,
            "more",
            shortfall="See what was skipped, and why.",
        ),
        *(
            Figure(f"flaky_{name}", title, value, "messages", 0, "less", shortfall=short)
            for name, (title, value) in zeros.items()
        ),
        Figure("flaky_attempts", "attempts in all", verdict.attempts, "attempts", None, "more"),
        Figure(
            "flaky_most_attempts", "most attempts for one message", verdict.most, "attempts", ATTEMPTS_ALLOWED, "less"
        ),
        Figure(
            "flaky_retry_late_p99", "an attempt after a failure: how long after its time, p99", late, "s", None, "less"
        ),
        Figure(
            "flaky_healthy_p99",
            "due → delivered for phones without a fault, p99",
            p99,
            "s",
            HEALTHY_AIM,
            "less",
            shortfall=_where_they_waited(verdict),
        ),
        Figure(
            "flaky_control_doubled",
            "control: messages taken twice from a sender with a new id an attempt",
            naive_sender.doubled([ids for ids, _, _ in heard]),
            "messages",
            1,
            "more",
            shortfall="The count does not see a message that has two ids.",
        ),
        Figure(
            "flaky_control_lost",
            "control: messages lost by a sender that gives up at once",
            sum(not taken for taken in given_up),
            "messages",
            1,
            "more",
            shortfall="The faults do no harm to a sender that never tries again.",
        ),
    ]
    for fault in FAULTS:
        times = verdict.healed[fault]
        if times:
            said = ", ".join(f"{name} {n}" for name, n in sorted(verdict.classes[fault].items()))
            spread = f"p50 {percentile(times, 0.5):.2f} s, p99 {percentile(times, 0.99):.2f} s"
            result.rows.append(Row(f"{fault}: {len(times)} messages", spread, f"failures: {said}" if said else ""))
    result.notes.append(
        f"{len(plan) / seconds:.0f} messages a second over {seconds:.0f} s, {verdict.attempts / seconds:.0f} attempts. "
        f"{verdict.repeated} messages were taken more than once under their one id: their answers were lost. A phone "
        f"that said `Retry-After: {RETRY_AFTER}` was left alone for so long."
    )


def _where_they_waited(verdict: Verdict) -> str:
    """Whether healthy phones waited all the time, which the sick ones do, or now and then."""
    waits = {nr * STRETCH: percentile(times, 0.99) for nr, times in sorted(verdict.stretches.items())}
    late = {begin: p99 for begin, p99 in waits.items() if p99 > HEALTHY_AIM}
    said = ", ".join(f"{p99:.1f} s from second {begin} on" for begin, p99 in late.items())
    return (
        "The floor is one round of claiming and one call, some tens of milliseconds on an idle system. "
        f"In {len(waits) - len(late)} of {len(waits)} stretches of {STRETCH} s they waited less; in the others p99 was "
        f"{said or 'no more'}. The workers are up before the first message is due and the controls are through. In the "
        f"first {_LONGEST_SICK:.0f} s or less the silent phone and some names are sick: who is late then waits "
        "behind the share of the callers that the bulkhead leaves a sick receiver. Who is late afterwards shares "
        "the cores with phones, workers and PostgreSQL. What would move it is a core for the phones."
    )


def _kinds(plan: Sequence[Planned]) -> int:
    """The two resets count as one, so do slow and silent, and the two ways to lack a name."""
    same = {"reset-unread": "reset", "silent": "slow", "mute-name": "unknown-name"}
    return len({same.get(one.fault, one.fault) for one in plan} - {"none", "found-by-name"})
