"""Reading imports: how far a job is, and what it told about the lines of its file."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from libs.common.actors import Scope
from libs.common.cursors import decode_cursor, encode_cursor
from libs.common.db import Record, Tx
from services.registry.domain.errors import ImportNotFound
from services.registry.domain.imports import Severity
from services.registry.views.scope import imports_in


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of rows."""

    items: Sequence[Record]
    next_cursor: str | None
    total: int | None


async def page(tx: Tx, scope: Scope, cursor: str | None, limit: int, *, with_total: bool) -> Listed:
    """The imports within the scope, newest first."""
    after = decode_cursor(cursor, UUID)
    where = imports_in(scope)
    total = None
    if with_total:
        total = await tx.fetchval(f"SELECT count(*) FROM imports i WHERE {where.sql()}", *where.args)
    if after is not None:
        where.add("i.id < ?", *after)
    sql = f"SELECT i.* FROM imports i WHERE {where.sql()} ORDER BY i.id DESC LIMIT {limit + 1}"
    rows = await tx.fetch(sql, *where.args)
    items = rows[:limit]
    return Listed(items, encode_cursor((items[-1]["id"],)) if len(rows) > limit else None, total)


async def one(tx: Tx, scope: Scope, id: UUID) -> Record:
    """The job. Raises ImportNotFound, also for what lies outside the scope."""
    where = imports_in(scope)
    where.add("i.id = ?", id)
    row = await tx.fetchrow(f"SELECT i.* FROM imports i WHERE {where.sql()}", *where.args)
    if row is None:
        raise ImportNotFound
    return row


async def notes(
    tx: Tx, scope: Scope, id: UUID, severity: Severity, cursor: str | None, limit: int, *, with_total: bool
) -> Listed:
    """What the job told about lines, in the order of the file. Raises ImportNotFound."""
    after = decode_cursor(cursor, int) or (0,)
    await one(tx, scope, id)
    total = None
    if with_total:
        sql = "SELECT count(*) FROM import_notes WHERE import_id = $1 AND severity = $2"
        total = await tx.fetchval(sql, id, severity)
    rows = await tx.fetch(
        "SELECT * FROM import_notes WHERE import_id = $1 AND severity = $2 AND nr > $3::bigint ORDER BY nr LIMIT $4",
        id,
        severity,
        after[0],
        limit + 1,
    )
    items = rows[:limit]
    return Listed(items, encode_cursor((items[-1]["nr"],)) if len(rows) > limit else None, total)
