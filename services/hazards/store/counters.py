"""Figures for the tier views: written as cell changes with the move, folded later, exact at every read.

A delta says that `n` hazards of an area went from one cell to another (`was` "" = they are new). Expanded it gives
stock (what is in a cell now, period "") and flow (what happened on a day). A read adds the folded counters to the
deltas not folded yet, in one statement, hence in one snapshot.

Counters are kept in slices: at each of `DEPTHS` every hazard counts once, under its area path cut at that many digits,
so that the figures of a district and those of a grid are as many rows to read.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from libs.common.db import Tx

FOUND, CLOSED, MISSED = "found", "closed", "missed"
DEPTHS = (6, 9, 12, 15)  # digits of a district, a street, a community, a grid


@dataclass(frozen=True, slots=True)
class CellChange:
    """One hazard changed cell on a day (Asia/Shanghai); `was` is "" for a new one."""

    area_path: str
    day: date
    was: str
    became: str


@dataclass(frozen=True, slots=True)
class Figure:
    """One number: `period` "" for stock, an ISO day for flow."""

    area_path: str
    period: str
    metric: str
    value: int


def _expanded(source: str) -> str:
    """Deltas of `source` as (area_path, period, metric, value)."""
    closes = "split_part(became, '/', 1) = 'closed' AND split_part(was, '/', 1) <> 'closed'"
    misses = "split_part(became, '/', 3) = 'overdue' AND split_part(was, '/', 3) = ''"
    return f"""
    SELECT area_path, '' AS period, became AS metric, n::bigint AS value FROM {source}
    UNION ALL SELECT area_path, '', was, -n FROM {source} WHERE was <> ''
    UNION ALL SELECT area_path, day::text, '{FOUND}', n FROM {source} WHERE was = ''
    UNION ALL SELECT area_path, day::text, '{CLOSED}', n FROM {source} WHERE {closes}
    UNION ALL SELECT area_path, day::text, '{MISSED}', n FROM {source} WHERE {misses}
    """


def _sliced(source: str) -> str:
    """Figures by place (area_path, period, metric, value) of `source`, summed at every depth."""
    depths = ", ".join(str(depth) for depth in DEPTHS)
    return f"""
    SELECT d.depth, left(s.area_path, d.depth) AS area_path, s.period, s.metric, sum(s.value)::bigint AS value
    FROM ({source}) AS s, unnest(ARRAY[{depths}]::int[]) AS d(depth)
    GROUP BY 1, 2, 3, 4
    """


_FOLD = f"""
WITH taken AS (
    DELETE FROM counter_deltas WHERE id IN (
        SELECT id FROM counter_deltas ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
    ) RETURNING area_path, day, was, became, n
), summed AS (
    SELECT * FROM ({_sliced(_expanded("taken"))}) AS f
    ORDER BY depth, period COLLATE "C", area_path COLLATE "C", metric COLLATE "C"
), folded AS (
    INSERT INTO counters AS c (depth, area_path, period, metric, value)
    SELECT depth, area_path, period, metric, value FROM summed
    ON CONFLICT (depth, period, area_path, metric) DO UPDATE SET value = c.value + excluded.value
)
SELECT count(*) FROM taken
"""

# $1 and $2 the bounds, $3 depth of the stock, $4 depth of the flow, $5 the days of the flow. Folded rows are read as
# they are: whoever asks adds up anyway.
_READ = f"""
WITH pending AS (SELECT * FROM counter_deltas WHERE area_path >= $1 AND area_path < $2)
SELECT area_path, period, metric, value FROM counters
WHERE depth = $3::int AND period = '' AND area_path >= $1 AND area_path < $2 AND value <> 0
UNION ALL
SELECT area_path, period, metric, value FROM counters
WHERE depth = $4::int AND period = ANY($5::text[]) AND area_path >= $1 AND area_path < $2
UNION ALL
SELECT left(area_path, CASE period WHEN '' THEN $3::int ELSE $4::int END), period, metric, sum(value)::bigint
FROM ({_expanded("pending")}) AS e WHERE period = '' OR period = ANY($5::text[]) GROUP BY 1, 2, 3
"""

# The text of `domain/cells.py` from the columns of a row; the recount holds the two together.
CELL = (
    "state || '/' || coalesce(level, '') || '/' || CASE WHEN overdue_since IS NULL THEN '' ELSE 'overdue' END"
    " || '/' || handling"
)
_DAY = "(l.at AT TIME ZONE 'Asia/Shanghai')::date::text"
_COUNTED = f"""
SELECT area_path, '' AS period, {CELL} AS metric, count(*) AS value FROM hazards GROUP BY 1, 2, 3
UNION ALL
SELECT h.area_path, {_DAY}, '{FOUND}', count(*) FROM hazard_log l JOIN hazards h ON h.id = l.hazard_id
WHERE l.move = 'report' GROUP BY 1, 2
UNION ALL
SELECT h.area_path, {_DAY}, '{CLOSED}', count(*) FROM hazard_log l JOIN hazards h ON h.id = l.hazard_id
WHERE l.to_state = 'closed' AND l.from_state <> 'closed' GROUP BY 1, 2
UNION ALL
SELECT h.area_path, {_DAY}, '{MISSED}', count(*) FROM hazard_log l JOIN hazards h ON h.id = l.hazard_id
WHERE l.move = 'miss_deadline' GROUP BY 1, 2
"""
_RECOUNT = f"""
WITH pending AS (SELECT * FROM counter_deltas), kept AS (
    SELECT depth, area_path, period, metric, sum(value)::bigint AS value FROM (
        SELECT depth, area_path, period, metric, value FROM counters
        UNION ALL {_sliced(_expanded("pending"))}
    ) AS both_ GROUP BY 1, 2, 3, 4
), counted AS ({_sliced(_COUNTED)})
SELECT count(*) FROM kept FULL JOIN counted USING (depth, area_path, period, metric)
WHERE coalesce(kept.value, 0) <> coalesce(counted.value, 0)
"""


async def count(tx: Tx, changes: Iterable[CellChange]) -> None:
    """Writes the cell changes of a batch, summed: one row an area, day and change."""
    summed = Counter(change for change in changes if change.was != change.became)
    if summed:
        await tx.write(
            "counter_deltas",
            "INSERT INTO counter_deltas (area_path, day, was, became, n) "
            "SELECT * FROM unnest($1::text[], $2::date[], $3::text[], $4::text[], $5::int[])",
            [change.area_path for change in summed],
            [change.day for change in summed],
            [change.was for change in summed],
            [change.became for change in summed],
            list(summed.values()),
        )


async def fold(tx: Tx, limit: int = 10_000) -> int:
    """Moves the oldest deltas into the counters. How many; several workers may fold at once."""
    taken: int = await tx.fetchval(_FOLD, limit)
    return taken


async def figures(
    tx: Tx, bounds: tuple[str, str], depth: int | None = None, days: Sequence[date] = ()
) -> Sequence[Figure]:
    """Stock of the areas within the bounds by paths cut at `depth`, flow on those days by that of the area itself.

    Without a depth the stock, too, is that of the area itself. A figure may come in two parts: they add up.
    """
    own = next((known for known in DEPTHS if known >= len(bounds[0])), DEPTHS[-1])
    rows = await tx.fetch(_READ, *bounds, depth or own, own, [day.isoformat() for day in days])
    return [Figure(row["area_path"], row["period"], row["metric"], row["value"]) for row in rows]


async def reconcile(tx: Tx) -> int:
    """Recounts everything from hazards and log: how many figures differ. It must be 0."""
    differing: int = await tx.fetchval(_RECOUNT)
    return differing
