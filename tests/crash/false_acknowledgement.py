"""Part `false-acknowledgement`: COMMIT fails one time in fifty, and nobody hears success about a row that is not there.

Reports go over HTTP to the real hazards service, whose way to PostgreSQL leads through `unlucky_commits`. Each bears
an Idempotency-Key and is sent again until it is answered, so that beside the lies also what was done twice would be
found. The control commits in a `yield` dependency and is asked in the same way over the same bad road.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from tests.crash.asking import Asker, Unsettled
from tests.crash.hazards_desk import Desk, hazards_database, hazards_desk, report
from tests.crash.settings import Effort
from tests.crash.unlucky_commits import MISFORTUNES, ONE_IN, UnluckyCommits
from tests.evidence.cluster import BenchCluster, connected
from tests.evidence.command import Tell
from tests.evidence.effects import WrongEffect
from tests.evidence.figures import Figure, Result
from tests.evidence.load import REPORT

CALLERS = 3  # few, so that a batch is small and the commits are many
_CREATED = 201
_CONTROL_TABLE = "CREATE TABLE reports (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, place text NOT NULL)"

# every report at its place, with what must have been written with it
_THERE = """
SELECT h.place, (
    SELECT count(*) FROM hazard_log l WHERE l.hazard_id = h.id) AS log, (
    SELECT count(*) FROM timers t WHERE t.subject_id = h.id) AS timers, (
    SELECT count(*) FROM outbox o WHERE o.key = h.id::text) AS outbox, (
    SELECT count(*) FROM idempotency_keys k WHERE k.key = h.place) AS keys
FROM hazards h
"""


@dataclass(slots=True)
class Heard:
    """What the callers of one arm were told about each report."""

    statuses: dict[str, int] = field(default_factory=dict)
    unsettled: Unsettled = field(default_factory=Unsettled)

    @property
    def acknowledged(self) -> set[str]:
        """Reports that were answered with 2xx."""
        return {place for place, status in self.statuses.items() if 200 <= status < 300}


async def prove(cluster: BenchCluster, effort: Effort, tell: Tell) -> Result:
    """Both arms in turn."""
    result = Result("false-acknowledgement", f"False acknowledgement: COMMIT fails one time in {ONE_IN}")
    count = effort.count(10_000, short=600)
    url = await hazards_database(cluster, "acknowledged")
    heard, luck = await _play(cluster, url, effort, count, "services.hazards")
    tell(f"{len(heard.acknowledged)} acknowledged, {luck.met.total()} of {luck.seen} commits failed")
    async with connected(url) as connection:
        rows = await connection.fetch(_THERE)
    there = Counter(row["place"] for row in rows)
    half = sum(not (row["log"] == row["outbox"] == row["keys"] == 1 and row["timers"] >= 1) for row in rows)
    naive, naive_luck = await _control(cluster, effort, max(300, count // 10))
    _must_be_honest(heard, luck, naive_luck)
    result.figures = [
        Figure("false_acknowledgement_answered", "acknowledged", len(heard.acknowledged), "reports", count, "more"),
        Figure("false_acknowledgement_commits_failed", "commits that failed", luck.met.total(), "commits", 1, "more"),
        Figure(
            "false_acknowledgement_lies",
            "acknowledged without its row",
            len(heard.acknowledged - there.keys()),
            "reports",
            0,
            "less",
        ),
        Figure(
            "false_acknowledgement_doubled",
            "hazards beyond one a key",
            sum(times - 1 for times in there.values()),
            "hazards",
            0,
            "less",
        ),
        Figure(
            "false_acknowledgement_half_written",
            "hazards without log, timer, event or kept answer",
            half,
            "hazards",
            0,
            "less",
        ),
        Figure(
            "false_acknowledgement_control_lies",
            "acknowledged without its row by the control, the commit in a `yield` dependency",
            naive,
            "reports",
            1,
            "more",
            shortfall="The control did not lie, so the count of the other arm has not been seen to fail.",
        ),
    ]
    ways = ", ".join(f"{name} {luck.met[name]}" for name in MISFORTUNES)
    result.notes.append(
        f"{CALLERS} callers. {luck.met.total()} of {luck.seen} commits failed ({ways}); answers that settled nothing: "
        f"{heard.unsettled.lost} connections lost, statuses {dict(sorted(heard.unsettled.refused.items()))}. Each of "
        "these reports was sent again under its key until it was answered. In the control "
        f"{naive_luck.met.total()} of {naive_luck.seen} commits failed."
    )
    return result


async def _control(cluster: BenchCluster, effort: Effort, count: int) -> tuple[int, UnluckyCommits]:
    """How often the control lies."""
    url = await cluster.create("yield_idiom")
    async with connected(url) as connection:
        await connection.execute(_CONTROL_TABLE)
    heard, luck = await _play(cluster, url, effort, count, "tests.crash.yield_idiom")
    async with connected(url) as connection:
        there = {row["place"] for row in await connection.fetch("SELECT DISTINCT place FROM reports")}
    return len(heard.acknowledged - there), luck


async def _play(
    cluster: BenchCluster, url: str, effort: Effort, count: int, module: str
) -> tuple[Heard, UnluckyCommits]:
    heard = Heard()
    async with (
        UnluckyCommits.before(url, effort.random(module)) as (luck, road),
        hazards_desk(cluster, road, module=module) as desk,
    ):
        luck.lucky = False
        waiting = [f"report-{nr}" for nr in range(count)]
        await asyncio.gather(*(_caller(desk, waiting, heard) for _ in range(CALLERS)))
        luck.lucky = True
    return heard, luck


async def _caller(desk: Desk, waiting: list[str], heard: Heard) -> None:
    asker = Asker(lambda: desk.port, desk.token, heard.unsettled)
    try:
        while waiting:
            place = waiting.pop()
            heads = {"Idempotency-Key": place}
            heard.statuses[place] = (await asker.settle("POST", REPORT, report(place), heads)).status
    finally:
        asker.close()


def _must_be_honest(heard: Heard, luck: UnluckyCommits, naive: UnluckyCommits) -> None:
    """Nothing was proven if sound reports were refused, or if commits did not fail as they should."""
    if refused := set(heard.statuses.values()) - {_CREATED}:
        raise WrongEffect(f"false-acknowledgement: sound reports were answered with {refused}")
    if len(luck.met) < len(MISFORTUNES) or len(naive.met) < len(MISFORTUNES):
        raise WrongEffect(f"false-acknowledgement: of {luck.seen} and {naive.seen} commits failed {luck.met}")
