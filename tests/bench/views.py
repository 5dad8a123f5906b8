"""Part `views`: pages of every tier at the database, with ten million hazards in it."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from statistics import median

import asyncpg

from libs.common.migrations import upgrade
from tests.bench import view_counts, view_depth
from tests.bench.settings import Effort
from tests.bench.view_pages import LIMIT, Asking, Desk, Page, Places, kinds
from tests.bench.view_player import Player, Spent
from tests.bench.view_truth import differences
from tests.evidence.cluster import BenchCluster, connected
from tests.evidence.effects import WrongEffect
from tests.evidence.figures import Figure, Result, Row
from tests.evidence.many_hazards import Stage, load
from tests.evidence.rounds import percentile

AIM_PAGE, AIM_DEEP, AIM_COUNTERS = 5.0, 1.2, 1000.0
CLOSED = 700  # of a thousand hazards
UNFOLDED = 200  # reports that no counter knows yet, only their deltas
Tell = Callable[[str], None]
_Times = dict[str, list[float]]
_Spent = dict[str, list[Spent]]
_OfPage = list[tuple[float, Asking]]


@dataclass(frozen=True, slots=True)
class Size:
    """How many hazards there are, how many pages of each kind are asked, how often, and which page is deep."""

    hazards: int
    pages: int
    deep: int
    rounds: int

    @classmethod
    def of(cls, effort: Effort) -> "Size":
        """Ten million; some thousands when it is quick."""
        if effort.is_quick:
            return cls(20_000, 2, 5, 2)
        return cls(10_000_000, 60, 1000, effort.rounds)


async def measure(cluster: BenchCluster, effort: Effort, tell: Tell) -> Result:
    """Loads the hazards, asks for pages, holds them against plain SQL, plays their statements again and again."""
    size, rng = Size.of(effort), random.Random(4)
    result = Result("views", f"Tier views at {size.hazards:,} hazards, measured at the database")
    result.taken = f"{size.rounds} rounds of {size.pages} pages of each kind"
    url = await cluster.create("views")
    await asyncio.to_thread(upgrade, "hazards", url)
    await load(url, Stage(size.hazards, datetime.now(UTC), CLOSED), tell)
    places = await Places.read(url)
    desk = Desk(url, cluster.folder)
    try:
        for _ in range(min(UNFOLDED, size.hazards // 100)):
            await desk.report(rng.choice(places.enterprises))
        pages = [await desk.ask(asking) for _ in range(size.pages) for asking in kinds(places, rng)]
        async with connected(url) as connection:
            await _check(connection, desk, pages, tell)
            player = Player(connection)
            await player.time_reads()
            _tell_pages(result, *await _play(player, pages, size.rounds))
            await view_depth.measure(result, desk, connection, player, places, size.deep, size.rounds, AIM_DEEP)
            await view_counts.measure(result, desk, connection, places, size.rounds, AIM_COUNTERS)
    finally:
        await desk.close()
    result.notes.append(_method(size))
    return result


async def _check(
    connection: "asyncpg.Connection[asyncpg.Record]", desk: Desk, pages: Sequence[Page], tell: Tell
) -> None:
    """The first page of each kind shows what the rows say; and a counter that is off by one is noticed."""
    first = {(page.asking.kind, tuple(page.asking.query)): page for page in reversed(pages)}
    for page in first.values():
        if wrong := await differences(connection, page):
            raise WrongEffect(f"{page.asking}: {'; '.join(wrong[:5])}")
    street = next(page for page in pages if page.asking.kind == "street")
    if not await _notices(connection, desk, street.asking):
        raise WrongEffect("a counter was off by one, and the check did not see it")
    await connection.execute("RESET ALL")
    tell(f"{len(first)} pages of as many kinds hold what plain SQL finds; a counter that was off by one was noticed")


async def _notices(connection: "asyncpg.Connection[asyncpg.Record]", desk: Desk, asking: Asking) -> bool:
    """Whether a falsified counter makes a difference."""
    off = "UPDATE counters SET value = value + $1 WHERE depth = 12 AND period = '' AND metric = $2 AND area_path = $3"
    spot = await connection.fetchrow(
        "SELECT metric, area_path FROM counters WHERE depth = 12 AND period = '' AND area_path LIKE $1 || '%' LIMIT 1",
        asking.area,
    )
    assert spot is not None
    await connection.execute(off, 1, *spot)
    try:
        return bool(await differences(connection, await desk.ask(asking)))
    finally:
        await connection.execute(off, -1, *spot)


async def _play(player: Player, pages: Sequence[Page], rounds: int) -> tuple[_Spent, _Times, _OfPage]:
    """Milliseconds at the server and at a client of every page by kind, in an order that differs from round to round.

    The first round warms up. Last, the median of every page with what was asked: one that is always slow is no chance.
    """
    server: _Spent = defaultdict(list)
    client: _Times = defaultdict(list)
    of_page: dict[int, list[float]] = defaultdict(list)
    for number in range(rounds + 1):
        order = list(enumerate(pages))
        random.Random(number).shuffle(order)
        for place, page in order:
            spent, waited = await player.server(page), await player.client(page)
            if number:
                server[page.asking.kind].append(spent)
                client[page.asking.kind].append(waited)
                of_page[place].append(spent.all)
    return server, client, [(median(times), pages[place].asking) for place, times in of_page.items()]


def _tell_pages(result: Result, server: _Spent, client: _Times, of_page: _OfPage) -> None:
    p99 = {kind: percentile([one.all for one in spent], 0.99) for kind, spent in server.items()}
    busy = {kind: percentile([one.all - one.reading for one in spent], 0.99) for kind, spent in server.items()}
    worst, busiest = max(p99, key=p99.__getitem__), max(busy, key=busy.__getitem__)
    slow = [one for one in server[worst] if one.all >= p99[worst]]
    always, asking = max(of_page, key=itemgetter(0))
    title = "page of a tier view at the database, p99 of the slowest kind of page"
    result.figures += [
        Figure(
            name="views_page_p99",
            title=title,
            value=p99[worst],
            unit="ms",
            aim=AIM_PAGE,
            better="less",
            spread=f"{worst}; the other kinds {min(p99.values()):.1f} – {sorted(p99.values())[-2]:.1f} ms",
            shortfall=(
                f"The slowest kind is {worst}: the rows above say what each costs. The floor is one block of the table "
                "a hazard shown, wherever the hazard was found in time: of what the slowest hundredth of them took, "
                f"{sum(one.reading for one in slow) / sum(one.all for one in slow):.0%} was waiting for blocks that "
                f"PostgreSQL did not hold. Without such waits the slowest kind is {busiest}, {busy[busiest]:.2f} ms. "
                f"The page that was slow most often, {asking.path} {dict(asking.query)}, took {always:.2f} ms in its "
                "median round. What would move this is memory for the blocks that pages are read from, or rows of one "
                "place side by side in the table."
            ),
        ),
        Figure(
            "views_page_p99_unread",
            f"{title}, waits for blocks left out",
            busy[busiest],
            "ms",
            None,
            "less",
            f"{busiest}; the other kinds {min(busy.values()):.1f} – {sorted(busy.values())[-2]:.1f} ms",
        ),
    ]
    for kind, spent in server.items():
        waited = f"client p50 {percentile(client[kind], 0.5):.2f}, p99 {percentile(client[kind], 0.99):.2f} ms"
        ms = f"p50 {percentile([one.all for one in spent], 0.5):.2f}, p99 {p99[kind]:.2f} ms; {waited}"
        result.rows.append(Row(f"page: {kind}", ms, "HTTP, rendering"))


def _method(size: Size) -> str:
    return (
        f"{CLOSED / 10:.0f} % of the hazards are struck off; they lie in 1,080 grids of 9 streets and at 20,000 "
        f"enterprises. The statements of {size.pages} pages of each kind, {LIMIT} hazards a list, at random places and "
        "with random filters, were recorded from the real application, prepared on one connection and played again, "
        f"{size.rounds} times each in random order after one round that warmed up. A page costs what PostgreSQL says "
        "that its statements took: planning, executing, putting the rows into the form in which they go out; the times "
        "of a client beside it add a round trip a statement, BEGIN and COMMIT, and the rows as Python values. "
        f"{UNFOLDED} reports were not folded into the counters yet. One page of every kind was held against plain SQL "
        "that used no index, and a falsified counter made that comparison fail."
    )
