"""Puts the policy rows of `seeds/` into an installation that lacks them; rows that are there stay as they are."""

from pathlib import Path
from typing import Any

import yaml

from libs.common.db import Database, Tx
from libs.common.ids import new_id
from services.notifications.domain.cases import Kind
from services.notifications.domain.durations import format_duration, parse_duration
from services.notifications.domain.policies import check_ladder
from services.notifications.domain.texts import check_template
from services.notifications.store import rows, tables
from services.notifications.store.alerts import rungs_from_data, rungs_to_data

_SEEDS = Path(__file__).parents[1] / "seeds"
_SOURCE = "seed"


async def seed_database(url: str, revision: str | None) -> None:
    """Seeds the database behind the address if its tables stand at that revision; else leaves it alone."""
    db = Database(url, pool_size=2, application_name="notifications-seed")
    try:
        async with db.transaction() as tx:
            if await _stands_at(tx, revision):
                await seed(tx)
    finally:
        await db.close()


async def _stands_at(tx: Tx, revision: str | None) -> bool:
    if await tx.fetchval("SELECT to_regclass('alembic_version')") is None:
        return False
    return bool(await tx.fetchval("SELECT version_num FROM alembic_version") == revision)


async def seed(tx: Tx) -> None:
    """Adds what is missing, by code and first day of effect."""
    await rows.insert_new(tx, tables.LadderPolicy, ladder_rows())
    await rows.insert_new(tx, tables.Template, template_rows())


def ladder_rows() -> list[dict[str, Any]]:
    """The ladders of `ladder_policies.yaml` as rows. Raises BadLadder for one that could not work."""
    made = []
    for entry in _entries("ladder_policies.yaml"):
        rungs, recheck = rungs_from_data(entry["rungs"]), parse_duration(entry.get("recheck", "PT15M"))
        check_ladder(rungs, recheck)
        row = _common(entry) | {
            "level": entry.get("level"),
            "rungs": rungs_to_data(rungs),
            "recheck": format_duration(recheck),
        }
        made.append(row)
    return made


def template_rows() -> list[dict[str, Any]]:
    """The texts of `templates.yaml` as rows. Raises BadTemplate for one with other placeholders."""
    made = []
    for entry in _entries("templates.yaml"):
        check_template(entry["text"])
        made.append(_common(entry) | {"text": entry["text"]})
    return made


def _entries(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((_SEEDS / name).read_text(encoding="utf-8"))
    return found


def _common(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": new_id(),
        "code": entry["code"],
        "kind": Kind(entry["kind"]),
        "area_path": "",
        "effective_from": entry["effectiveFrom"],
        "effective_to": None,
        "basis": entry["basis"],
        "version": 1,
        "created_by": _SOURCE,
    }
