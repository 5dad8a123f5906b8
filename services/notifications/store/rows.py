"""Set-based writing: any number of rows of one table in one statement, as one JSON parameter."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Table

from libs.common.db import Record, Tx, to_json
from services.notifications.store.tables import Base


async def insert_new(tx: Tx, table: type[Base], rows: Sequence[Mapping[str, Any]]) -> set[UUID]:
    """Inserts the rows that break no unique key; the ids of those that were written."""
    if not rows:
        return set()
    written = await tx.fetch(_insert(table) + " ON CONFLICT DO NOTHING RETURNING id", to_json(rows))
    return {row["id"] for row in written}


async def insert(tx: Tx, table: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts the rows that break no unique key; nobody asks which."""
    if rows:
        await tx.write(_table(table).name, _insert(table) + " ON CONFLICT DO NOTHING", to_json(rows))


async def upsert(tx: Tx, table: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts the rows or replaces those with the same id, in id order so that two writers cannot deadlock.

    A row whose `version` is not newer than the one that stands is left out, and locked all the same.
    """
    if rows:
        await tx.write(_table(table).name, _upsert(table), _in_id_order(rows))


async def upsert_returning(tx: Tx, table: type[Base], rows: Sequence[Mapping[str, Any]]) -> Sequence[Record]:
    """Like `upsert`; the rows that were written, as they are now."""
    if not rows:
        return []
    return await tx.fetch(_upsert(table) + " RETURNING *", _in_id_order(rows))


def _in_id_order(rows: Sequence[Mapping[str, Any]]) -> str:
    return to_json(sorted(rows, key=lambda row: row["id"]))


def _insert(table: type[Base]) -> str:
    name = _table(table).name
    return f"INSERT INTO {name} SELECT * FROM jsonb_populate_recordset(NULL::{name}, $1::jsonb)"


@cache
def _upsert(table: type[Base]) -> str:
    name = _table(table).name
    columns = [column.name for column in _table(table).columns if column.name != "id"]
    sets = ", ".join(f"{column} = excluded.{column}" for column in columns)
    return f"{_insert(table)} ON CONFLICT (id) DO UPDATE SET {sets} WHERE {name}.version < excluded.version"


def _table(model: type[Base]) -> Table:
    table: Table = model.__table__  # type: ignore[attr-defined]  # set by the metaclass of table models
    return table
