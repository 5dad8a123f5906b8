"""Drives a report through the real application in this process and keeps its statements as a script for pgbench."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import UUID, uuid4

import httpx

from libs.common.clock import SystemClock
from services.hazards.app import create_app
from services.hazards.settings import HazardsSettings
from tests.bench.recorded import RecordingDatabase, Statement, script
from tests.evidence.cluster import connected
from tests.evidence.load import Target, report_body

SITES = 32  # enterprises that the clients report on, so that no index page is everybody's


async def record_report(url: str, target: Target, environment: Mapping[str, str], folder: Path) -> Path:
    """The file of a script that repeats one report, recorded on the database at `url`."""
    db = RecordingDatabase(url)
    settings = HazardsSettings(database_url=url, auth_jwks=environment["AUTH_JWKS"])
    transport = httpx.ASGITransport(app=create_app(settings, SystemClock(), db))
    async with httpx.AsyncClient(transport=transport, base_url="http://recording") as client:
        for key in (f"bench-{uuid4()}", f"bench-{uuid4()}"):  # the first one makes the series of numbers
            headers = {
                "Authorization": f"Bearer {target.tokens[0]}",
                "Content-Type": "application/json",
                "Idempotency-Key": key,
            }
            body = report_body(target.enterprises[0]).encode()
            answer = await client.post(target.path, content=body, headers=headers)
            if answer.status_code != 201:
                raise RuntimeError(f"a report could not be recorded: {answer.text[:300]}")
    await db.close()
    hazard = answer.json()
    choices = await _choices(url, target.enterprises[:SITES])
    file = folder / "report.sql"
    file.write_text(script(_last_report(db), UUID(hazard["id"]), hazard["number"], key, choices))
    return file


async def _choices(url: str, enterprises: Sequence[str]) -> dict[str, list[str]]:
    """What differs between the reports of the clients: enterprise, its name, its place."""
    async with connected(url) as connection:
        rows = await connection.fetch(
            "SELECT id::text, name, area_path FROM enterprises WHERE id = ANY($1::uuid[]) ORDER BY id <> $2, id",
            enterprises,
            enterprises[0],
        )
    return {rows[0][column]: [row[column] for row in rows] for column in ("id", "name", "area_path")}


def _last_report(db: RecordingDatabase) -> list[Statement]:
    """The statements of the last transaction that wrote a hazard."""
    return next(
        statements
        for statements in reversed(db.transactions)
        if any("INSERT INTO hazards" in statement.sql for statement in statements)
    )
