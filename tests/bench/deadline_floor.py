"""What PostgreSQL alone needs for a burst of deadlines: the same rows, written by statements that decide nothing."""

import asyncio
from datetime import datetime

from libs.common.outbox import SHARDS
from libs.common.timers import PLACE
from tests.evidence.cluster import connected

_BATCH = 1000
_CLAIM = f"""
SELECT s.id FROM timers t JOIN hazards s ON s.id = t.subject_id WHERE t.due_at <= $3 AND {PLACE} >= $2
ORDER BY t.due_at, {PLACE} LIMIT $1 FOR UPDATE OF s SKIP LOCKED
"""
_WRITE = f"""
WITH fired AS (
    DELETE FROM timers WHERE subject_id = ANY($1::uuid[]) AND due_at <= $2 RETURNING subject_id
), missed AS (
    UPDATE hazards h SET version = version + 1, overdue_since = due_at, missed_deadlines = missed_deadlines + 1,
                         changed_at = now()
    FROM fired WHERE h.id = fired.subject_id RETURNING h.id, h.version, h.area_path, h.overdue_since, h.round
), logged AS (
    INSERT INTO hazard_log (hazard_id, version, at, move, from_state, to_state, actor_id, tier, role, round, details)
    SELECT id, version, now(), 'miss_deadline', 'ordered', 'ordered', 'system', 'system', 'system', round,
           jsonb_build_object('dueAt', overdue_since) FROM missed
), clocked AS (
    INSERT INTO timers (subject_id, kind, due_at, data)
    SELECT id, 'escalation', overdue_since + interval '1 day', '{{}}' FROM missed
), counted AS (
    INSERT INTO counter_deltas (area_path, day, was, became, n)
    SELECT area_path, now()::date, 'ordered/general//ordered', 'ordered/general/overdue/ordered', count(*)
    FROM missed GROUP BY area_path
)
INSERT INTO outbox (shard, event_id, topic, key, type, schema_id, sequence, time, data)
SELECT version % {SHARDS}, gen_random_uuid(), 'hazards.hazards', id::text, 'deadline-missed', 'deadline-missed.v1',
       version, now(), repeat('x', 850) FROM missed
"""


async def write_without_rules(url: str, connections: int, now: datetime) -> None:
    """So many connections write what is due by now, each beginning elsewhere, until nothing is."""
    span = 2**32 // connections
    await asyncio.gather(*(_write(url, -(2**31) + nr * span, now) for nr in range(connections)))


async def _write(url: str, place: int, now: datetime) -> None:
    async with connected(url) as connection:
        while True:
            async with connection.transaction():
                rows = await connection.fetch(_CLAIM, _BATCH, place, now)
                await connection.execute(_WRITE, [row["id"] for row in rows], now)
            if len(rows) < _BATCH:
                if place == -(2**31):
                    return
                place = -(2**31)
