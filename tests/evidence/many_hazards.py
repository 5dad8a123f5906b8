"""A district with millions of hazards, each with the clock of its state, loaded in minutes: the stage of several parts.

What is loaded is what the operations would have left: rows, timers, folded counters, copies of areas and enterprises
(the log is left out: no view of many hazards reads it). Everything follows from the number of the row, so that two
runs load the same.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, time, timedelta

import asyncpg

from libs.common.clock import SHANGHAI
from libs.common.db import to_json
from services.hazards.domain.escalation import Ladder, Rung, Step, to_data
from services.hazards.domain.numbers import Series
from services.hazards.domain.periods import Period
from services.hazards.store.counters import CELL, DEPTHS
from tests.evidence.cluster import connected

DISTRICT = "410503"
STREETS, COMMUNITIES, GRIDS = 9, 12, 10  # streets, communities a street, grids a community
ENTERPRISES = 20_000
LOADERS = 2  # connections that load at once

Tell = Callable[[str], None]
_TABLES = ("hazards", "timers")
_QUIET = timedelta(days=20)  # no clock of what is loaded rings before
_LADDER = Ladder(
    steps=(
        Step(Rung.COMMUNITY, Period.parse("P1D")),
        Step(Rung.STREET, Period.parse("P3D")),
        Step(Rung.LEADER, Period.parse("P90D")),
    )
)
_TERMS = {
    "kind": "rectification_order",
    "measures": "清空通道，更换配电箱",
    "responsible": "安全负责人",
    "funds": 3000,
    "contingencyPlan": "停止作业，专人值守",
    "orderedBy": "officer-1",
    "orderedAt": "2026-01-05T10:00:00+08:00",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """`count` hazards as of `now` (aware); of a thousand, `closed` are struck off, the others are open.

    Of a thousand open ones 100 are reported, 60 verified, 640 ordered, 60 ordered and overdue on the second rung, 140
    rectified. Nine of ten are at one of the enterprises. Neighbours in the table were found at about the same time and
    are due at about the same time; no clock rings in the next twenty days.
    """

    count: int
    now: datetime
    closed: int = 0


_AREAS = f"""
WITH streets AS (SELECT s, '{DISTRICT}' || lpad(s::text, 3, '0') AS path FROM generate_series(1, {STREETS}) AS s),
communities AS (
    SELECT s, c, path || lpad(c::text, 3, '0') AS path FROM streets, generate_series(1, {COMMUNITIES}) AS c
), grids AS (
    SELECT s, c, g, path || lpad(g::text, 3, '0') AS path FROM communities, generate_series(1, {GRIDS}) AS g
)
INSERT INTO areas (id, version, path, name, level)
SELECT gen_random_uuid(), 1, path, name, level FROM (
    SELECT '{DISTRICT}' AS path, '北关区' AS name, 'district' AS level
    UNION ALL SELECT path, '第' || s || '街道', 'street' FROM streets
    UNION ALL SELECT path, '第' || c || '社区', 'community' FROM communities
    UNION ALL SELECT path, '第' || g || '网格', 'grid' FROM grids
) AS a
"""

# The grid of a place from any number, and the id of an enterprise from its own: both are needed twice.
_GRID = (
    f"'{DISTRICT}' || lpad((1 + %s / {COMMUNITIES * GRIDS} %% {STREETS})::text, 3, '0')"
    f" || lpad((1 + %s / {GRIDS} %% {COMMUNITIES})::text, 3, '0') || lpad((1 + %s %% {GRIDS})::text, 3, '0')"
)
_ENTERPRISE = "('00000000-0000-7000-8000-' || lpad(to_hex(%s), 12, '0'))::uuid"


def _grid_of(number: str) -> str:
    return _GRID % (number, number, number)


_ENTERPRISES = f"""
INSERT INTO enterprises (id, version, name, area_path, risk_level, status)
SELECT {_ENTERPRISE % "e"}, 1, '北关区第' || e || '彩印包装有限公司', {_grid_of("e")},
       (ARRAY['red', 'orange', 'yellow', 'blue'])[1 + e % 4], 'active'
FROM generate_series(0, {ENTERPRISES - 1}) AS e
"""

# $1 first and $2 last number, $3 now, $4 the first midnight on which a clock may ring, $5 closed of a thousand,
# $6 head of the public number, $7 ladder, $8 terms of the order, $9 how many there will be
_LOAD = f"""
WITH drawn AS (
    SELECT n, hashint8extended(n, 1) & 1073741823 AS a, hashint8extended(n, 2) & 1073741823 AS b,
           (hashint8extended(n, 3) & 1073741823) % 1000 AS lot, (hashint8extended(n, 4) & 1073741823) % 1000 AS rank
    FROM generate_series($1::bigint, $2::bigint) AS n
), placed AS (
    SELECT n, a, rank, CASE WHEN b % 10 = 0 THEN NULL ELSE a % {ENTERPRISES} END AS e,
           CASE WHEN rank < $5 THEN 'closed' WHEN lot < 100 THEN 'reported' WHEN lot < 160 THEN 'verified'
                WHEN lot < 860 THEN 'ordered' ELSE 'rectified' END AS state,
           rank >= $5 AND lot >= 800 AND lot < 860 AS late,
           $3::timestamptz - (30 + 300 * (1 - n::float8 / $9::bigint)) * interval '1 day' AS found,
           $4::timestamptz + (180 * n / $9::bigint) * interval '1 day' AS rings,
           CASE WHEN a % 19 = 0 THEN 'major' ELSE 'general' END AS level
    FROM drawn
), made AS (INSERT INTO hazards (
    id, number, version, state, level, suggested_level, category, source, description, place, area_path, enterprise_id,
    enterprise_name, handling, round, due_at, due_provisional, overdue_since, missed_deadlines, act_by, escalation_rung,
    escalation_tier, ladder, basis, order_terms, submitted_by, submitted_at, reported_by, reported_at, closed_at,
    changed_at)
SELECT
    (lpad(to_hex(1750000000000 + n), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8'
        || substr(md5(n::text), 4, 15))::uuid,
    $6 || lpad((n + 1)::text, greatest(6, length((n + 1)::text)), '0'),
    CASE state WHEN 'reported' THEN 1 WHEN 'verified' THEN 2 WHEN 'rectified' THEN 4 WHEN 'closed' THEN 5
         ELSE CASE WHEN late THEN 6 ELSE 3 END END,
    state, CASE WHEN state <> 'reported' THEN level END, level,
    (ARRAY['fire', 'electrical', 'gas', 'evacuation', 'machinery'])[1 + a % 5],
    (ARRAY['inspection', 'patrol', 'self_inspection', 'public'])[1 + a % 4],
    '车间配电箱前堆放包装纸箱，箱门无法打开，线路有过热痕迹', '二号车间', {_grid_of("coalesce(e, a)")},
    {_ENTERPRISE % "e"}, '北关区第' || e || '彩印包装有限公司',
    CASE WHEN state IN ('reported', 'verified') THEN 'pre_handled' ELSE 'ordered' END,
    CASE WHEN state IN ('reported', 'verified') THEN 0 ELSE 1 END,
    CASE WHEN late THEN $4::timestamptz - interval '40 days 1 second'
         WHEN state NOT IN ('reported', 'verified') THEN rings - interval '1 second' END,
    false, CASE WHEN late THEN $4::timestamptz - interval '40 days' END, late::int,
    CASE WHEN state IN ('reported', 'verified', 'rectified') THEN rings - interval '1 second' END,
    CASE WHEN late THEN 2 ELSE 0 END, CASE WHEN late THEN 'street' END,
    CASE WHEN state NOT IN ('reported', 'verified') THEN $7::jsonb END,
    NULL, CASE WHEN state NOT IN ('reported', 'verified') THEN $8::jsonb END,
    CASE WHEN state IN ('rectified', 'closed') THEN 'head-' || e END,
    CASE WHEN state IN ('rectified', 'closed') THEN found + interval '9 days' END,
    'grid-worker-' || a % 1000, found, CASE WHEN state = 'closed' THEN found + interval '12 days' END,
    found + interval '12 days'
FROM placed RETURNING id, state, overdue_since, act_by, due_at)
INSERT INTO timers (subject_id, kind, due_at, data)
SELECT id, CASE WHEN overdue_since IS NOT NULL THEN 'escalation' WHEN state = 'reported' THEN 'verification'
                WHEN state = 'verified' THEN 'dispatch' WHEN state = 'ordered' THEN 'deadline' ELSE 'reinspection' END,
       CASE WHEN overdue_since IS NOT NULL THEN overdue_since + interval '90 days'
            ELSE coalesce(act_by, due_at) + interval '1 second' END, '{{}}'
FROM made WHERE state <> 'closed'
"""

_DAY = "(%s AT TIME ZONE 'Asia/Shanghai')::date::text"
_COUNTERS = f"""
INSERT INTO counters (depth, area_path, period, metric, value)
SELECT depth, left(area_path, depth), period, metric, sum(value) FROM (
    SELECT area_path, '' AS period, {CELL} AS metric, count(*) AS value FROM hazards GROUP BY 1, 2, 3
    UNION ALL SELECT area_path, {_DAY % "reported_at"}, 'found', count(*) FROM hazards GROUP BY 1, 2
    UNION ALL SELECT area_path, {_DAY % "closed_at"}, 'closed', count(*) FROM hazards
              WHERE state = 'closed' GROUP BY 1, 2
    UNION ALL SELECT area_path, {_DAY % "overdue_since"}, 'missed', count(*) FROM hazards
              WHERE overdue_since IS NOT NULL GROUP BY 1, 2
) AS own, unnest($1::int[]) AS d(depth) GROUP BY 1, 2, 3, 4
"""
_CHUNK = 100_000


async def load(url: str, stage: Stage, tell: Tell) -> None:
    """Loads the stage into an empty, migrated database of the hazards service; vacuumed and analysed when done."""
    async with connected(url) as connection:
        await connection.execute(_AREAS)
        await connection.execute(_ENTERPRISES)
        async with _without_indexes(connection, url):
            await _load_rows(url, stage, tell)
            tell(f"{stage.count} hazards are loaded, now their indexes")
        series = Series(DISTRICT, stage.now.astimezone(SHANGHAI).year)
        await connection.execute(f"CREATE SEQUENCE {series.sequence} START {stage.count + 1}")
        await connection.execute(_COUNTERS, list(DEPTHS), timeout=1800)
        for table in (*_TABLES, "counters_stock", "counters_flow", "areas", "enterprises"):
            await connection.execute(f"VACUUM (ANALYZE) {table}")
        await connection.execute("CHECKPOINT")


async def _load_rows(url: str, stage: Stage, tell: Tell) -> None:
    midnight = datetime.combine((stage.now + _QUIET).astimezone(SHANGHAI).date(), time(), SHANGHAI)
    head = Series(DISTRICT, stage.now.astimezone(SHANGHAI).year).number(0)[:-6]
    chunks = [(first, min(first + _CHUNK, stage.count) - 1) for first in range(0, stage.count, _CHUNK)]
    chunks.reverse()
    ladder, terms = to_json(to_data(_LADDER)), to_json(_TERMS)
    values = (stage.now, midnight, stage.closed, head, ladder, terms, stage.count)

    async def work() -> None:
        async with connected(url) as connection:
            await connection.execute("SET synchronous_commit = off")
            while chunks:
                first, last = chunks.pop()
                await connection.execute(_LOAD, first, last, *values, timeout=600)
                if (last + 1) % 1_000_000 == 0:
                    tell(f"{last + 1} of {stage.count} hazards")

    await asyncio.gather(*(work() for _ in range(LOADERS)))


@asynccontextmanager
async def _without_indexes(connection: "asyncpg.Connection[asyncpg.Record]", url: str) -> AsyncIterator[None]:
    """Drops every index of the tables and builds them again afterwards, as the migrations made them, two at a time."""
    keys = await connection.fetch(
        "SELECT conrelid::regclass::text AS t, conname AS name, pg_get_constraintdef(oid) AS definition "
        "FROM pg_constraint WHERE conrelid = ANY($1::text[]::regclass[]) AND contype = 'p'",
        list(_TABLES),
    )
    indexes = await connection.fetch(
        "SELECT indexname AS name, indexdef FROM pg_indexes WHERE tablename = ANY($1::text[]) "
        "AND indexname <> ALL($2::text[])",
        list(_TABLES),
        [key["name"] for key in keys],
    )
    for key in keys:
        await connection.execute(f"ALTER TABLE {key['t']} DROP CONSTRAINT {key['name']}")
    for index in indexes:
        await connection.execute(f"DROP INDEX {index['name']}")
    yield
    # a key locks its table for itself alone, so keys come first, one a table at a time
    await _build(url, [f"ALTER TABLE {k['t']} ADD CONSTRAINT {k['name']} {k['definition']}" for k in keys])
    await _build(url, [index["indexdef"] for index in indexes])


async def _build(url: str, statements: Sequence[str]) -> None:
    left = list(statements)

    async def work() -> None:
        async with connected(url) as connection:
            await connection.execute("SET maintenance_work_mem = '1GB'")
            await connection.execute("SET max_parallel_maintenance_workers = 0")
            while left:
                await connection.execute(left.pop(), timeout=1800)

    await asyncio.gather(*(work() for _ in range(LOADERS)))
