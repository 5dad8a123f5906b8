"""Figures of an area from the counters against count(*) over its hazards: the same answer, how much sooner."""

import time
from collections import Counter
from collections.abc import Sequence

import asyncpg

from libs.common.actors import area_code
from services.hazards.store.counters import CELL
from tests.bench.recorded import Statement
from tests.bench.view_pages import Asking, Desk, Places
from tests.evidence.effects import WrongEffect
from tests.evidence.figures import Figure, Result, Row
from tests.evidence.rounds import Spread, percentile

_COUNTED = (
    f"SELECT left(area_path, $3) AS area_path, {CELL} AS cell, count(*) AS value FROM hazards "
    "WHERE area_path >= $1 AND area_path < $2 GROUP BY 1, 2"
)
_REPEATS = 50
_Figures = Counter[tuple[str, str]]


async def measure(
    result: Result,
    desk: Desk,
    connection: "asyncpg.Connection[asyncpg.Record]",
    places: Places,
    rounds: int,
    aim: float,
) -> None:
    """Adds how many times faster the counters are for the district, a street and a community."""
    for kind, path, depth in (
        ("district", places.district, 12),
        ("street", places.streets[0], 12),
        ("community", places.communities[0], 15),
    ):
        view = "community" if kind == "community" else "street"
        page = await desk.ask(Asking(kind, f"/v1/views/{view}/{area_code(path)}", {}, path))
        statement = next(one for one in page.statements if "FROM counters" in one.sql)
        ratios, times = [], []
        for _ in range(rounds):
            kept, quick = await _kept(connection, statement)
            counted, slow = await _counted(connection, path, depth)
            if kept != counted:
                raise WrongEffect(
                    f"{kind}: counters and count(*) differ in {len(kept - counted) + len(counted - kept)}"
                )
            ratios.append(slow / quick)
            times.append((quick, slow))
        ratio = Spread.of(ratios)
        kept_ms, counted_ms = (Spread.of([pair[n] for pair in times]) for n in (0, 1))
        result.rows.append(Row(f"figures of the {kind}: counters", f"{kept_ms} ms", "HTTP, rendering"))
        result.rows.append(Row(f"figures of the {kind}: count(*)", f"{counted_ms} ms", "the trend of thirty days"))
        result.figures.append(
            Figure(
                name=f"counters_vs_count_{kind}",
                title=f"figures of a {kind} from counters, times faster than count(*)",
                value=ratio.median,
                unit="ratio",
                aim=aim if kind == "district" else None,  # of all hazards; who counts fewer rows is done sooner
                better="more",
                spread=str(ratio),
                shortfall=(
                    f"The floor of the counters is one index range of the cells of a {kind}, {kept_ms} ms, whose time "
                    f"does not grow with the hazards; count(*) grows with them and takes {counted_ms} ms over those of "
                    f"a {kind}. What would move this is fewer cells, or more hazards."
                ),
            )
        )
    result.notes.append(
        "count(*) gives the same figures, by community (the community's by grid) and cell; the two answers were equal "
        "every time, deltas that were not folded included. PostgreSQL runs without parallel workers, as `make up` "
        "starts it. count(*) over a street or a community reads so much less, the counters about as much as ever."
    )


async def _kept(connection: "asyncpg.Connection[asyncpg.Record]", statement: Statement) -> tuple[_Figures, float]:
    """The stock by the statement of the view, and the median of its time in ms."""
    times: list[float] = []
    rows: Sequence[asyncpg.Record] = ()
    for _ in range(_REPEATS):
        began = time.perf_counter()
        rows = await connection.fetch(statement.sql, *statement.args)
        times.append((time.perf_counter() - began) * 1000)
    stock: _Figures = Counter()
    for row in rows:
        if not row["period"]:
            stock[row["area_path"], row["metric"]] += row["value"]
    return +stock, percentile(times, 0.5)


async def _counted(connection: "asyncpg.Connection[asyncpg.Record]", path: str, depth: int) -> tuple[_Figures, float]:
    """The stock by counting the rows, and its time in ms."""
    began = time.perf_counter()
    rows = await connection.fetch(_COUNTED, path, path + ":", depth)
    spent = (time.perf_counter() - began) * 1000
    return Counter({(row["area_path"], row["cell"]): row["value"] for row in rows}), spent
