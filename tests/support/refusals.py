"""What a refusal must look like, and that it wrote nothing."""

import asyncio
import json
from dataclasses import dataclass

import asyncpg
import httpx

from libs.common.http import PROBLEM_JSON

FIELDS = {"type", "title", "status", "detail", "code", "errors", "traceId"}
LONGEST = 100_000  # bytes: a refusal does not grow with what was sent


@dataclass(frozen=True)
class Expected:
    """Statuses that will do, and, where they are known, the code of a field and where it points."""

    statuses: frozenset[int]
    code: str | None = None
    pointer: str | None = None


def wrong_with(response: httpx.Response, expected: Expected) -> list[str]:
    """What is wrong with the answer to a bad request; empty if it is as it should be."""
    if response.status_code not in expected.statuses:
        return [f"{response.status_code} instead of {sorted(expected.statuses)}: {response.text[:300]}"]
    if response.headers.get("content-type") != PROBLEM_JSON:
        return [f"content type {response.headers.get('content-type')}"]
    if len(response.content) > LONGEST:
        return [f"{len(response.content)} bytes of refusal"]
    problem = json.loads(response.content)
    if set(problem) != FIELDS:
        return [f"fields {sorted(problem)}"]
    found = []
    if problem["status"] != response.status_code or problem["type"] != f"/problems/{problem['code']}":
        found.append(f"status {problem['status']}, type {problem['type']}, code {problem['code']}")
    if not problem["traceId"] or not problem["title"] or not problem["detail"]:
        found.append("no trace id, title or detail")
    if any(set(error) != {"pointer", "code", "message"} for error in problem["errors"]):
        return [*found, "errors of another shape"]
    said = json.dumps(problem, ensure_ascii=False)
    if "坏" in said or "banana" in said:
        found.append("echoes the input")
    codes = [error["code"] for error in problem["errors"]]
    pointers = [error["pointer"] for error in problem["errors"]]
    if expected.code is not None and expected.code not in [problem["code"], *codes]:
        found.append(f"codes {[problem['code'], *codes]} without {expected.code}")
    if expected.pointer is not None and not any(pointer.startswith(expected.pointer) for pointer in pointers):
        found.append(f"pointers {pointers[:5]} without {expected.pointer}")
    return found


def row_counts(database_url: str) -> dict[str, int]:
    """How many rows each table holds."""
    return asyncio.run(_row_counts(database_url))


async def _row_counts(database_url: str) -> dict[str, int]:
    connection = await asyncpg.connect(database_url)
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        counted = [f"SELECT '{t['tablename']}' AS name, count(*) AS n FROM \"{t['tablename']}\"" for t in tables]
        return {row["name"]: row["n"] for row in await connection.fetch(" UNION ALL ".join(counted))}
    finally:
        await connection.close()
