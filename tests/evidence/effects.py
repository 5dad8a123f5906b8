"""What an arm left behind: rows counted before and after, so that no rate counts work that was not done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import asyncpg

from tests.evidence.cluster import connected
from tests.evidence.loader import Outcome

REPORT_TABLES = ("hazards", "hazard_log", "timers", "outbox", "idempotency_keys")


class WrongEffect(AssertionError):
    """An arm did not do what it was paid for: its figures mean nothing."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Rows in the tables that one report writes one row to, at one moment."""

    url: str
    rows: Mapping[str, int]

    @classmethod
    async def take(cls, url: str) -> "Tally":
        """The rows now."""
        async with connected(url) as connection:
            return cls(url, {name: await _count(connection, name) for name in REPORT_TABLES})

    async def check(self, arm: str, reports: int) -> None:
        """Raises WrongEffect unless every table has grown by one row a report, and every number is there once."""
        async with connected(self.url) as connection:
            for name, before in self.rows.items():
                grown = await _count(connection, name) - before
                if grown != reports:
                    raise WrongEffect(f"{arm}: {reports} reports made {grown} rows in {name}")
            twice = await connection.fetchval("SELECT count(number) - count(DISTINCT number) FROM hazards")
            if twice:
                raise WrongEffect(f"{arm}: {twice} numbers were given twice")
            await _check_counters(connection, arm)


def check_all_answered(arm: str, outcome: Outcome, status: str = "201") -> None:
    """Raises WrongEffect unless every request was answered, and with that status: what is refused at once is fast."""
    if outcome.lost or set(outcome.statuses) != {status}:
        raise WrongEffect(f"{arm}: {outcome.statuses}, {outcome.lost} lost, {outcome.first_refusal}")


async def check_answers(url: str, arm: str, created: Sequence[tuple[str, str, float]]) -> None:
    """Raises WrongEffect unless every hazard that was answered with 201 is there under its number."""
    async with connected(url) as connection:
        found = await connection.fetchval(
            "SELECT count(*) FROM hazards JOIN unnest($1::uuid[], $2::text[]) AS a(id, number) USING (id, number)",
            [one for one, _, _ in created],
            [number for _, number, _ in created],
        )
    if found != len(created):
        raise WrongEffect(f"{arm}: {len(created) - found} of {len(created)} answered hazards are missing")


async def _count(connection: "asyncpg.Connection[asyncpg.Record]", table: str) -> int:
    rows: int = await connection.fetchval(f"SELECT count(*) FROM {table}")
    return rows


async def hazards_and_counted(connection: "asyncpg.Connection[asyncpg.Record]") -> tuple[int, int]:
    """How many hazards there are, and how many the counters and deltas know."""
    counted = await connection.fetchval(
        "SELECT (SELECT coalesce(sum(n), 0) FROM counter_deltas WHERE was = '') + "
        "(SELECT coalesce(sum(value), 0) FROM counters WHERE metric = 'found' AND depth = 6)"
    )
    return await _count(connection, "hazards"), int(counted)


async def _check_counters(connection: "asyncpg.Connection[asyncpg.Record]", arm: str) -> None:
    hazards, counted = await hazards_and_counted(connection)
    if counted != hazards:
        raise WrongEffect(f"{arm}: the counters know {counted} of {hazards} hazards")
