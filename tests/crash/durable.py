"""Part `durable`: PostgreSQL crashes under HTTP load again and again; what was answered with 201 is there afterwards.

Every report bears an Idempotency-Key and its key as its place. A caller who hears nothing, or that the outcome is not
known, sends the same request again until it is answered: there must be one hazard a key then, and it must be the one
that the answer names. The control turns synchronous commits off: the same crashes, the same count.
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

from deploy.local.issuer import Bearer, Issuer
from deploy.local.ports import free_port
from deploy.local.prepare import create_databases, database_url
from libs.common.actors import USUAL_ROLES, Tier
from tests.crash.asking import Asker, Unsettled
from tests.crash.crashing_postgres import FORGETFUL, HOWS, CrashingPostgres, How, crashing_postgres
from tests.crash.settings import Effort
from tests.evidence.cluster import BenchCluster, connected
from tests.evidence.command import Tell
from tests.evidence.figures import Figure, Result, Row
from tests.evidence.load import REPORT
from tests.evidence.processes import answering, running

CALLERS = 32
BETWEEN = (40, 400)  # reports answered between two crashes: at least and at most
CONTROL_CRASHES = 2
STALL_SECONDS = 120.0
_AREAS = (("410503", "district"), ("410503001", "street"), ("410503001001", "community"))


@dataclass(slots=True)
class Story:
    """What the callers of one arm were told: the hazard of every key, and what they had to ask for again."""

    answered: dict[str, str] = field(default_factory=dict)
    repeated: int = 0
    refused: list[str] = field(default_factory=list)
    unsettled: Unsettled = field(default_factory=Unsettled)


@dataclass(frozen=True, slots=True)
class Found:
    """What the database says about a story. `lost`: answered hazards that are not there; `doubled`: hazards more than
    keys; `astray`: keys whose hazard is another than the one answered; `unasked`: hazards of no key that was answered.
    """

    answered: int
    lost: int
    doubled: int
    astray: int
    unasked: int


@dataclass(frozen=True, slots=True)
class Desk:
    """The service that is asked, in front of the server that crashes."""

    server: CrashingPostgres
    url: str
    port: int
    token: str


async def prove(cluster: BenchCluster, effort: Effort, tell: Tell) -> Result:
    """All of the module's docstring. Raises RuntimeError when an arm did not run as it should."""
    crashes = effort.count(50, short=2)
    chance = effort.random("durable")
    tell(f"seed {effort.seed}: {crashes} crashes, then {CONTROL_CRASHES} of the control")
    async with _desk(cluster) as desk:
        hows = Counter[str]()
        story = await _suffer(desk, "kept", crashes, chance, HOWS, hows, tell)
        found = await _look(desk, "kept", story)
        await desk.server.crash("immediate stop")
        await desk.server.start(FORGETFUL)
        control = await _suffer(desk, "control", CONTROL_CRASHES, chance, ("kill -9",), Counter(), tell)
        naive = await _look(desk, "control", control)
    _must_be_honest(story, control)
    return _result(found, naive, story, hows, crashes)


@asynccontextmanager
async def _desk(cluster: BenchCluster) -> AsyncIterator[Desk]:
    """The HTTP side of the hazards service on a server of its own, with a district to report in."""
    issuer = Issuer(cluster.folder / "issuer")
    issuer.ensure_keys()
    async with crashing_postgres(cluster.folder) as server:
        url = database_url(server.cluster.url(), "durable")
        await create_databases(server.cluster.url(), ["durable"])
        environment = {"DATABASE_URL": url, "AUTH_JWKS": str(issuer.key_set), "LOG_LEVEL": "ERROR"}
        command = [sys.executable, "-m", "services.hazards"]
        async with running("migrate", [*command, "migrate"], environment, cluster.folder) as process:
            if code := await asyncio.to_thread(process.wait):
                raise RuntimeError(f"the migrations ended with {code}")
        async with connected(url) as connection:
            await connection.executemany(
                "INSERT INTO areas (id, version, path, name, level) VALUES (gen_random_uuid(), 1, $1, $2, $2)", _AREAS
            )
        port, log = free_port(), cluster.folder / "hazards.log"
        async with running("hazards", [*command, "app"], {**environment, "PORT": str(port)}, log.parent) as process:
            await answering(process, "127.0.0.1", port, "/readyz", log)
            token = issuer.sign(
                Bearer("durable-1", Tier.DISTRICT, "410503000000", None, tuple(sorted(USUAL_ROLES[Tier.DISTRICT])))
            )
            yield Desk(server, url, port, token)


async def _suffer(
    desk: Desk, arm: str, crashes: int, chance: Random, hows: Sequence[How], used: Counter[str], tell: Tell
) -> Story:
    """Reports without pause while the server crashes so often; ends when every caller has been answered."""
    story, over = Story(), asyncio.Event()
    callers = [asyncio.create_task(_report(desk, f"{arm}/{nr}", story, over)) for nr in range(CALLERS)]
    try:
        for nr in range(crashes):
            await _until_answered(story, len(story.answered) + chance.randint(*BETWEEN), callers)
            how = hows[nr % len(hows)]
            used[how] += 1
            await desk.server.crash(how)
            await asyncio.sleep(chance.random() * 0.2)
            await desk.server.start()
            if (nr + 1) % 10 == 0:
                tell(f"{arm}: {nr + 1} crashes, {len(story.answered)} reports answered")
        await _until_answered(story, len(story.answered) + CALLERS, callers)
        over.set()
        await asyncio.gather(*callers)
    finally:
        for caller in callers:
            caller.cancel()
    return story


async def _report(desk: Desk, name: str, story: Story, over: asyncio.Event) -> None:
    """One caller: report, hear the answer, report again."""
    asker = Asker(lambda: desk.port, desk.token, story.unsettled)
    nr = 0
    try:
        while not over.is_set():
            key = f"{name}/{nr}"
            answer = await asker.settle("POST", REPORT, _body(key), {"Idempotency-Key": key})
            if answer.status == 201:
                story.answered[key] = answer.json()["id"]
                story.repeated += answer.unknown > 0
            else:
                story.refused.append(f"{answer.status}: {answer.body[:200].decode(errors='replace')}")
            nr += 1
    finally:
        asker.close()


def _body(key: str) -> bytes:
    document = {
        "areaCode": "410503001001",
        "place": key,
        "source": "patrol",
        "description": "配电箱无门，线头裸露",
        "category": "electrical",
        "suggestedLevel": "general",
    }
    return json.dumps(document, ensure_ascii=False).encode()


async def _until_answered(story: Story, count: int, callers: Sequence["asyncio.Task[None]"]) -> None:
    """Until so many reports were answered in all. Raises what ended a caller, or RuntimeError when nothing moves."""
    deadline = asyncio.get_running_loop().time() + STALL_SECONDS
    while len(story.answered) < count:
        for caller in callers:
            if caller.done():
                caller.result()
        if asyncio.get_running_loop().time() > deadline:
            raise RuntimeError(f"only {len(story.answered)} of {count} reports were answered")
        await asyncio.sleep(0.002)


async def _look(desk: Desk, arm: str, story: Story) -> Found:
    """Compares what was answered with what is there. `arm` is how its keys begin."""
    async with connected(desk.url) as connection:
        rows = await connection.fetch("SELECT id, place FROM hazards WHERE starts_with(place, $1)", f"{arm}/")
    there = {str(row["id"]) for row in rows}
    places = Counter(row["place"] for row in rows)
    of_key = {row["place"]: str(row["id"]) for row in rows}
    return Found(
        answered=len(story.answered),
        lost=sum(hazard not in there for hazard in story.answered.values()),
        doubled=sum(count - 1 for count in places.values()),
        astray=sum(of_key.get(key, hazard) != hazard for key, hazard in story.answered.items()),
        unasked=len(of_key.keys() - story.answered.keys()),
    )


def _must_be_honest(*stories: Story) -> None:
    """Nothing was proven if sound reports were refused, or if no crash was ever felt by a caller."""
    for story in stories:
        if story.refused:
            raise RuntimeError(f"{len(story.refused)} reports were refused, such as {story.refused[0]}")
        if not story.unsettled.total:
            raise RuntimeError("no caller was ever left without an answer: the crashes met nobody")


def _result(found: Found, naive: Found, story: Story, hows: Counter[str], asked: int) -> Result:
    crashes, faults = hows.total(), story.unsettled.refused.get(500, 0)
    result = Result("durable", "Answered is durable: PostgreSQL crashes under load")
    result.figures = [
        Figure("durable_crashes", "crashes of PostgreSQL under HTTP load", crashes, "crashes", asked, "more"),
        Figure("durable_answered", "reports answered with 201", found.answered, "reports", None, "more"),
        Figure("durable_lost", "answered and not there afterwards", found.lost, "reports", 0, "less"),
        Figure("durable_settled", "outcomes settled by the same key", story.repeated, "reports", 1, "more"),
        Figure("durable_doubled", "hazards beyond one a key", found.doubled, "hazards", 0, "less"),
        Figure("durable_astray", "keys with another hazard than answered", found.astray, "keys", 0, "less"),
        Figure("durable_faults", "answers with 500, which promises nothing", faults, "answers", 0, "less"),
        Figure("durable_unasked", "hazards of keys that nobody was answered", found.unasked, "hazards", 0, "less"),
        Figure(
            "durable_control_lost",
            "control without synchronous commits: answered and not there",
            naive.lost,
            "reports",
            1,
            "more",
            shortfall="The control lost nothing, so the count of the other arm has not been seen to fail.",
        ),
    ]
    refusals = ", ".join(f"{count} × {status}" for status, count in sorted(story.unsettled.refused.items())) or "none"
    result.rows = [Row(how, f"{count} crashes") for how, count in sorted(hows.items())]
    result.notes = [
        f"{CALLERS} callers report without pause. {story.unsettled.total} requests were left without a word that could "
        f"be relied upon: {story.unsettled.lost} connections broke or stayed silent, answered with a fault of the "
        f"server: {refusals}. Each was sent again under its key. The control commits with synchronous_commit=off and "
        f"is killed with all its processes {CONTROL_CRASHES} times: of {naive.answered} answered reports {naive.lost} "
        f"are not there.",
    ]
    return result
