"""What became of every deadline raced for: read from log, state, timers and outbox, which must tell one story."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from libs.common.db import Database
from services.hazards.domain.lifecycle import TABLE
from services.hazards.publishing import contract_of
from services.hazards.store import counters
from tests.crash.race_cases import Case
from tests.evidence.cluster import connected
from tests.evidence.rounds import percentile

# `raced` holds the cases; a verdict is the first line of the log after the version at which the race began.
_RACED = """
CREATE TEMP TABLE raced AS
SELECT * FROM unnest($1::uuid[], $2::int[], $3::timestamptz[], $4::text[]) AS c(id, version, due, miss)
"""
_VERDICTS = """
SELECT c.due, c.miss,
       count(*) FILTER (WHERE l.move = c.miss) AS missed,
       bool_or(l.move = c.miss AND l.version <> c.version + 1) AS missed_after,
       bool_or(l.move = c.miss AND l.version = c.version + 1) AS missed_first,
       bool_or(l.move <> c.miss AND l.version = c.version + 1) AS moved_first,
       min(l.at) FILTER (WHERE l.move = c.miss) AS miss_at,
       extract(epoch FROM min(pg_xact_commit_timestamp(l.xmin)) FILTER (WHERE l.move = c.miss) - c.due)::float8 AS late
FROM raced c LEFT JOIN hazard_log l ON l.hazard_id = c.id AND l.version > c.version
GROUP BY c.id, c.due, c.miss
"""
# One event a line of the log, of the type that the table of moves promises, and none beside.
_ANNOUNCED = """
WITH promised AS (
    SELECT l.hazard_id::text AS key, l.version::bigint AS sequence, p.type
    FROM hazard_log l LEFT JOIN unnest($1::text[], $2::text[], $3::text[]) AS p(source, move, type)
      ON p.move = l.move AND p.source IS NOT DISTINCT FROM l.from_state
), told AS (SELECT key, sequence, type, count(*) AS times FROM outbox GROUP BY 1, 2, 3)
SELECT count(*) FROM promised FULL JOIN told USING (key, sequence, type) WHERE told.times IS DISTINCT FROM 1
   OR promised.key IS NULL
"""
_STATE = """
SELECT count(*) FROM hazards h LEFT JOIN (
    SELECT hazard_id, max(version) AS version, count(*) AS lines,
           (array_agg(to_state ORDER BY version DESC))[1] AS state,
           count(*) FILTER (WHERE move = 'miss_deadline') AS missed
    FROM hazard_log GROUP BY 1
) AS l ON l.hazard_id = h.id
WHERE (h.version, h.state, h.missed_deadlines) IS DISTINCT FROM (l.version, l.state, l.missed) OR l.lines <> l.version
"""
# The one clock that each state runs on; the long ladders of policy put no second one within the hours of a race.
_CLOCKS = """
WITH wanted AS (
    SELECT id AS subject_id, CASE state
        WHEN 'ordered' THEN CASE WHEN overdue_since IS NULL THEN 'deadline' ELSE 'escalation' END
        WHEN 'rectified' THEN 'reinspection' WHEN 'verified' THEN 'dispatch' ELSE 'verification' END AS kind
    FROM hazards
    WHERE state = 'ordered' OR (state IN ('rectified', 'verified', 'reported') AND act_overdue_since IS NULL)
)
SELECT count(*) FROM wanted FULL JOIN timers USING (subject_id, kind)
WHERE wanted.subject_id IS NULL OR timers.subject_id IS NULL
"""
_HEARD = """
SELECT count(*) FROM unnest($1::uuid[], $2::int[]) AS heard(id, version)
WHERE NOT EXISTS (SELECT FROM hazard_log l WHERE l.hazard_id = heard.id AND l.version = heard.version)
"""
_OPEN = """
SELECT count(*) FROM raced c WHERE NOT EXISTS (
    SELECT FROM hazard_log l WHERE l.hazard_id = c.id AND l.version > c.version)
"""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Counts over all cases. `lateness`: seconds from due to the commit of the miss, of those that nobody moved first.

    `contradicted`: missed twice, or missed although a move was committed first; `untold`: events that differ from the
    log; `unlike`: hazards whose row differs from their log; `clocks`: timers missing or too many; `miscounted`: figures
    of the tier views that differ from a recount; `lost`: moves that were answered with success and are not in the log.
    """

    missed: int
    moved: int
    forgotten: int
    contradicted: int
    early: int
    untold: int
    unlike: int
    clocks: int
    miscounted: int
    lost: int
    lateness: Sequence[float]

    @property
    def disagreements(self) -> int:
        """Places in which log, state, timers and outbox do not tell one story."""
        return self.untold + self.unlike + self.clocks + self.miscounted

    def late(self, share: float) -> float:
        """Milliseconds within which that share of the missed deadlines was committed as missed."""
        return percentile(self.lateness, share) * 1000


async def undecided(url: str, cases: Sequence[Case]) -> int:
    """Cases that neither a clock nor a move has touched yet."""
    async with connected(url) as connection:
        await connection.execute(_RACED, *_columns(cases))
        count: int = await connection.fetchval(_OPEN)
    return count


async def verdicts(url: str, cases: Sequence[Case], heard: Mapping[tuple[UUID, int], None]) -> Verdicts:
    """Reads everything; `heard` are the versions that a caller was told of."""
    async with connected(url) as connection:
        await connection.execute(_RACED, *_columns(cases))
        rows = await connection.fetch(_VERDICTS, timeout=300)
        promises = [(rule.source, rule.move, contract_of(rule.announces).event_type) for rule in TABLE]
        untold = await connection.fetchval(
            _ANNOUNCED,
            [source.value if source else None for source, _, _ in promises],
            [move.value for _, move, _ in promises],
            [event for _, _, event in promises],
            timeout=300,
        )
        lost = await connection.fetchval(_HEARD, [id for id, _ in heard], [version for _, version in heard])
        return Verdicts(
            missed=sum(bool(row["missed_first"]) for row in rows),
            moved=sum(bool(row["moved_first"]) for row in rows),
            forgotten=sum(not (row["missed_first"] or row["moved_first"]) for row in rows),
            contradicted=sum(row["missed"] > 1 or bool(row["missed_after"]) for row in rows),
            early=sum(row["missed"] > 0 and (row["miss_at"] < row["due"] or row["late"] < 0) for row in rows),
            untold=untold,
            unlike=await connection.fetchval(_STATE, timeout=300),
            clocks=await connection.fetchval(_CLOCKS, timeout=300),
            miscounted=await _miscounted(url),
            lost=lost,
            lateness=[row["late"] for row in rows if row["missed"]],
        )


async def _miscounted(url: str) -> int:
    db = Database(url, pool_size=1, application_name="race-recount")
    try:
        async with db.transaction() as tx:
            return await counters.reconcile(tx)
    finally:
        await db.close()


def _columns(cases: Sequence[Case]) -> tuple[list[object], ...]:
    return (
        [case.id for case in cases],
        [case.version for case in cases],
        [case.due for case in cases],
        [case.miss.value for case in cases],
    )
