"""First rows: policy that holds everywhere, code tables, and the working calendar from the `holidays` library.

Safe to run at every start: what is there stays, except years of the calendar that were provisional.
"""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import holidays
import yaml

from libs.common.db import Database, Tx, to_json
from services.hazards.domain.deadlines import DayKind
from services.hazards.store.rulebooks import advance

SEEDS = Path(__file__).parents[1] / "seeds"
_NAMESPACE = UUID("4f1d6a57-0c52-4a86-9d2f-3b1c5f0e7a10")
_LOCK = 0x48535344
FIRST_YEAR, LAST_YEAR = 2015, 2035
_FROM = date(2000, 1, 1)
_BY = "system"
_AT = datetime(2000, 1, 1, tzinfo=UTC)


async def seed_database(url: str, revision: str | None) -> None:
    """Seeds the database behind the address if it stands at that revision of the tables; else leaves it alone."""
    db = Database(url, pool_size=2, application_name="hazards-seed")
    try:
        async with db.transaction() as tx:
            if await tx.fetchval("SELECT version_num FROM alembic_version") == revision:
                await seed(tx)
    finally:
        await db.close()


async def seed(tx: Tx) -> None:
    """Writes what is missing."""
    await tx.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
    await _seed_codes(tx, _read("codes.yaml"))
    policies = _read("policies.yaml")
    await _seed_deadlines(tx, policies["deadlines"])
    await _seed_reminders(tx, policies["reminders"])
    await _seed_escalations(tx, policies["escalations"])
    await seed_calendar(tx)
    await advance(tx)


async def seed_calendar(tx: Tx) -> None:
    """Days of the years that are new or provisional. A year is settled once its make-up working days are known."""
    settled = {row["year"] for row in await tx.fetch("SELECT year FROM calendar_years WHERE NOT provisional")}
    years = [year for year in range(FIRST_YEAR, LAST_YEAR + 1) if year not in settled]
    calendar = holidays.country_holidays("CN", years=years)
    days = {day: (DayKind.HOLIDAY, str(name)) for day, name in calendar.items() if day.year in years}
    days |= {day: (DayKind.MAKE_UP, "调休上班") for day in calendar.weekend_workdays if day.year in years}
    published = {day.year for day in calendar.weekend_workdays}
    await tx.execute("DELETE FROM calendar_days WHERE extract(year FROM day) = ANY($1::int[])", years)
    await tx.execute(
        "INSERT INTO calendar_days (day, kind, name) SELECT * FROM unnest($1::date[], $2::text[], $3::text[])",
        list(days),
        [kind.value for kind, _ in days.values()],
        [name for _, name in days.values()],
    )
    await tx.execute(
        "INSERT INTO calendar_years (year, provisional) SELECT * FROM unnest($1::smallint[], $2::boolean[]) "
        "ON CONFLICT (year) DO UPDATE SET provisional = excluded.provisional",
        years,
        [year not in published for year in years],
    )


async def _seed_codes(tx: Tx, tables: dict[str, dict[str, str]]) -> None:
    rows = [
        (table, code, label, position)
        for table, codes in tables.items()
        for position, (code, label) in enumerate(codes.items())
    ]
    await tx.executemany(
        "INSERT INTO code_values (code_table, code, label, position) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        rows,
    )


def _common(row: dict[str, Any]) -> tuple[Any, ...]:
    """id (the same at every start), code, level, basis, effective from, by, at."""
    return uuid5(_NAMESPACE, row["code"]), row["code"], row.get("level"), row["basis"], _FROM, _BY, _AT


async def _seed_deadlines(tx: Tx, rows: list[dict[str, Any]]) -> None:
    await tx.executemany(
        "INSERT INTO deadline_policies (id, code, area_path, level, basis, effective_from, created_by, created_at, "
        "clock, category, period, counting, roll_forward) "
        "VALUES ($1, $2, '', $3, $4, $5, $6, $7, $8, $9, $10, $11, true) ON CONFLICT (id) DO NOTHING",
        [(*_common(r), r["clock"], r.get("category"), r["period"], r["counting"]) for r in rows],
    )


async def _seed_reminders(tx: Tx, rows: list[dict[str, Any]]) -> None:
    await tx.executemany(
        "INSERT INTO reminder_policies (id, code, area_path, level, basis, effective_from, created_by, created_at, "
        "before, at_time) VALUES ($1, $2, '', $3, $4, $5, $6, $7, $8, $9::text::time) ON CONFLICT (id) DO NOTHING",
        [(*_common(r), to_json(r["before"]), r.get("at_time")) for r in rows],
    )


async def _seed_escalations(tx: Tx, rows: list[dict[str, Any]]) -> None:
    await tx.executemany(
        "INSERT INTO escalation_policies (id, code, area_path, level, basis, effective_from, created_by, created_at, "
        "steps) VALUES ($1, $2, '', $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING",
        [(*_common(r), to_json(r["steps"])) for r in rows],
    )


def _read(name: str) -> Any:
    return yaml.safe_load((SEEDS / name).read_text(encoding="utf-8"))
