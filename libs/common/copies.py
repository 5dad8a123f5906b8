"""Copies of what other services own: one that was emptied is noticed at the next start, and filled again from the log.

A copy is a table that a consumer keeps from topics whose events each carry the whole state at its version, so that
applying one twice changes nothing. The readings of the log are counted: each is a consumer group of its own.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID, uuid5

from libs.common.db import Database, Tx
from libs.common.envelope import Event
from libs.common.facts import swap_fact

log = logging.getLogger(__name__)

Copies = Mapping[str, str]
"""Topic → the table that is filled from it."""

_READING = "reading"


async def current_reading(db: Database, tables: Iterable[str]) -> int:
    """Which reading of the log this database is in; a new one begins when a table that was filled is found empty."""
    names = {f"filled.{table}": table for table in tables}
    async with db.transaction() as tx:
        noted = await tx.fetch(
            "SELECT name FROM facts WHERE name = ANY($1::text[]) ORDER BY name FOR UPDATE", list(names)
        )
        filled = [table for table in names.values() if await _has_rows(tx, table)]
        emptied = [row["name"] for row in noted if names[row["name"]] not in filled]
        reading = int(await tx.fetchval("SELECT value FROM facts WHERE name = $1", _READING) or 0)
        if emptied:
            log.warning("emptied and read again from the log: %s", ", ".join(names[name] for name in emptied))
            reading += 1
            await swap_fact(tx, _READING, str(reading))
            await tx.execute("DELETE FROM facts WHERE name = ANY($1::text[])", emptied)
        await note_filled(tx, filled)
    return reading


async def note_filled(tx: Tx, tables: Sequence[str]) -> None:
    """Remembers that these tables have rows, so that their loss can be told from never having had any."""
    if tables:
        await tx.execute(
            "INSERT INTO facts (name, value) SELECT 'filled.' || name, '' FROM unnest($1::text[]) AS name "
            "ON CONFLICT DO NOTHING",
            sorted(tables),
        )


def id_in_reading(event: Event, reading: int, copies: Copies) -> UUID:
    """The id under which the inbox knows the event: one for copies in each reading, the same for all else."""
    return event.id if reading == 0 or event.topic not in copies else uuid5(event.id, str(reading))


async def _has_rows(tx: Tx, table: str) -> bool:
    found: bool = await tx.fetchval(f"SELECT EXISTS (SELECT FROM {table})")
    return found
