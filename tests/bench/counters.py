"""Part `counters`: what keeping the counters costs whoever writes, against the same reports without them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

from deploy.local.issuer import Bearer, Issuer
from libs.common.actors import USUAL_ROLES, Tier
from libs.common.db import Database, Tx
from libs.common.migrations import upgrade
from services.hazards.settings import HazardsSettings
from services.hazards.store import counters
from services.hazards.store.counters import DEPTHS, CellChange
from services.hazards.worker import Folder
from tests.bench.counted import SERVED, UNCOUNTED, over_http, sizes
from tests.bench.pgbench import find_pgbench, pgbench
from tests.bench.recording import record_report
from tests.bench.settings import Effort
from tests.bench.uncounted import count_nothing
from tests.evidence.cluster import BenchCluster, connected
from tests.evidence.effects import WrongEffect
from tests.evidence.figures import Figure, Result, Row
from tests.evidence.load import Target
from tests.evidence.many_hazards import DISTRICT, Stage, load
from tests.evidence.rounds import Arm, Rounds, Spread, take_turns, warm_up

WITH, WITHOUT, INLINE = "with counters", "without counters", "counted in place"
AIM = 5.0
HAZARDS = 20_000
CLIENTS = 16
_DELTAS = "counter_deltas"
_IN_PLACE = f"""
INSERT INTO counters AS c (depth, area_path, period, metric, value)
SELECT d, left(u.area_path, d), f.period, f.metric, count(*)
FROM unnest($1::text[], $2::date[], $3::text[]) AS u(area_path, day, became),
     unnest(ARRAY[{", ".join(map(str, DEPTHS))}]) AS d,
     LATERAL (VALUES ('', u.became), (u.day::text, 'found')) AS f(period, metric)
GROUP BY 1, 2, 3, 4 ORDER BY 1, 3, 2, 4
ON CONFLICT (depth, period, area_path, metric) DO UPDATE SET value = c.value + excluded.value
"""
Count = Callable[[Tx, Iterable[CellChange]], Awaitable[None]]
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Bench:
    """Reports by pgbench, one a transaction, on one database that all arms share."""

    cluster: BenchCluster
    program: Path
    url: str
    seconds: float

    async def with_counters(self, script: Path) -> float:
        """Every report writes its delta, and the folder of the service folds meanwhile."""
        async with _folding(self.url):
            return await self._play(script, WITH, counted=True)

    async def without(self, script: Path) -> float:
        """The same reports, the one statement left out."""
        return await self._play(script, WITHOUT, counted=False)

    async def in_place(self, script: Path) -> float:
        """The same reports, each counting itself in the counters of its places."""
        return await self._play(script, INLINE, counted=True)

    async def _play(self, script: Path, arm: str, *, counted: bool) -> float:
        hazards, known = await sizes(self.url)
        outcome = await pgbench(
            self.program,
            self.url,
            script,
            clients=CLIENTS,
            seconds=self.seconds,
            programs=self.cluster.programs,
        )
        more, knows = await sizes(self.url)
        if more - hazards != outcome.committed:
            raise WrongEffect(f"{arm}: {outcome.committed} reports made {more - hazards} hazards")
        if knows - known != outcome.committed * counted:
            raise WrongEffect(f"{arm}: the counters know {knows - known} of {outcome.committed} reports")
        return outcome.rate


async def measure(cluster: BenchCluster, effort: Effort, tell: Tell) -> Result:
    """Plays the recorded report with its counter statement, without it, and counting in place, in turns."""
    result = Result("counters", "What the counters cost those who write")
    program = find_pgbench(cluster.programs)
    if program is None:
        result.skipped.append("counters: no pgbench beside the server's programs or on the path")
        return result
    url = await cluster.create("counters")
    await asyncio.to_thread(upgrade, "hazards", url)
    await load(url, Stage(HAZARDS, datetime.now(UTC)), tell)
    counting = await _recorded(cluster, url, "counting", counters.count)
    plain = await _recorded(cluster, url, "plain", count_nothing)
    inline = await _recorded(cluster, url, "inline", _count_in_place)
    if [_DELTAS in script.read_text() for script in (counting, plain, inline)] != [True, False, False]:
        raise WrongEffect("the scripts do not differ in the counters")
    bench = _Bench(cluster, program, url, effort.seconds)
    arms = [
        Arm(WITH, lambda _: bench.with_counters(counting)),
        Arm(WITHOUT, lambda _: bench.without(plain)),
        Arm(INLINE, lambda _: bench.in_place(inline)),
    ]
    if not effort.is_quick:
        await warm_up(arms)
    alone = await take_turns(arms, effort.rounds, tell)
    _figures(result, await over_http(cluster, effort, tell), alone)
    return result


def _figures(result: Result, served: Rounds, alone: Rounds) -> None:
    cost = _cost(served, SERVED, UNCOUNTED)
    single, control = (_cost(alone, arm, WITHOUT) for arm in (WITH, INLINE))
    title = "reports over HTTP that the counters cost, of those without them"
    why = (
        "The floor is one row more a transaction, in a table with one index, beside the seven tables and twenty "
        f"indexes that a report writes: {single.median:.1f} % where every report is a transaction of its own and does "
        "nothing else. The service writes one row a batch, area and kind of change. The rest is the folder, which "
        "takes the deltas up twice a second on the same cores. What would move this is folding less often, at the "
        "price of views that read more deltas."
    )
    result.figures += [
        Figure("counters_cost", title, cost.median, "percent", AIM, "less", str(cost), why),
        Figure(
            "counters_cost_alone",
            "the same by pgbench, every report a transaction of its own",
            single.median,
            "percent",
            None,
            "less",
            str(single),
        ),
        Figure(
            "counters_inline_control_cost",
            "control: the same when each report counts itself in the counters of its places",
            control.median,
            "percent",
            AIM,
            "more",
            str(control),
            "Counting in place cost no more: the figures above prove nothing.",
        ),
    ]
    result.rows += [Row(arm, str(served.rate(arm))) for arm in (SERVED, UNCOUNTED)]
    skips = "HTTP, rules, batches: one report a transaction"
    result.rows.append(Row(f"{WITH}, folded meanwhile", str(alone.rate(WITH)), skips))
    result.rows.append(Row(WITHOUT, str(alone.rate(WITHOUT)), f"{skips}; the counter statement, folding"))
    result.rows.append(Row(INLINE, str(alone.rate(INLINE)), f"{skips}; folding"))
    result.notes.append(
        "Over HTTP: two processes with the HTTP side of hazards take turns, one of them without the counter statement; "
        "relay, consumers and folder of the same system work behind both. By pgbench: the statements of one report, "
        f"recorded from the real application, with {CLIENTS} clients on 32 sites. After every turn there were as many "
        "more hazards as answers or transactions, and the counters knew each of them, or none in the arms without."
    )


def _cost(rounds: Rounds, arm: str, without: str) -> Spread:
    pairs = zip(rounds.rates[arm], rounds.rates[without], strict=True)
    return Spread.of([100 * (1 - rate / bare) for rate, bare in pairs])


async def _count_in_place(tx: Tx, changes: Iterable[CellChange]) -> None:
    """New hazards counted in the counters themselves, a row a depth and figure."""
    found = list(changes)
    columns = [[getattr(change, name) for change in found] for name in ("area_path", "day", "became")]
    await tx.write("counters", _IN_PLACE, *columns)


async def _recorded(cluster: BenchCluster, url: str, name: str, count: Count) -> Path:
    """The script of one report that is counted in that way."""
    issuer = Issuer(cluster.folder / "counters-issuer")
    issuer.ensure_keys()
    roles = tuple(sorted(USUAL_ROLES[Tier.DISTRICT]))
    token = issuer.sign(Bearer("counters", Tier.DISTRICT, DISTRICT.ljust(12, "0"), None, roles))
    async with connected(url) as connection:
        rows = await connection.fetch("SELECT id::text FROM enterprises ORDER BY id LIMIT 64")
    target = Target(0, [token], [row["id"] for row in rows])
    folder = cluster.folder / name
    folder.mkdir()
    with patch.object(counters, "count", count):
        return await record_report(url, target, {"AUTH_JWKS": str(issuer.key_set)}, folder)


@asynccontextmanager
async def _folding(url: str) -> AsyncIterator[None]:
    """The service's folder at its usual pace."""
    db, stop = Database(url, pool_size=2), asyncio.Event()
    folding = asyncio.create_task(Folder(db, HazardsSettings().fold_seconds).run(stop))
    try:
        yield
    finally:
        stop.set()
        await folding
        await db.close()
