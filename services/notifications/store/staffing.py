"""Contacts, shifts and policy rows as staff enter them: added together, locked to be removed."""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

from libs.common.clock import SHANGHAI
from libs.common.db import Tx
from services.notifications.store import rows, tables


class Ledger(Enum):
    """The tables that staff edit."""

    CONTACTS = tables.Contact
    SHIFTS = tables.DutyShift
    LADDERS = tables.LadderPolicy
    TEMPLATES = tables.Template

    @property
    def table(self) -> str:
        """Its name in the database."""
        return str(self.value.__tablename__)


async def known_areas(tx: Tx, paths: Sequence[str], now: datetime) -> set[str]:
    """Those of the paths that are areas in force."""
    found = await tx.fetch(
        "SELECT DISTINCT path FROM areas WHERE path = ANY($1::text[]) AND (valid_to IS NULL OR valid_to > $2)",
        list(paths),
        now.astimezone(SHANGHAI).date(),
    )
    return {row["path"] for row in found}


async def add(tx: Tx, ledger: Ledger, new: Sequence[dict[str, Any]]) -> set[UUID]:
    """Adds the rows; the ids of those that stand, the others repeat one that is there."""
    return await rows.insert_new(tx, ledger.value, new)


async def lock(tx: Tx, ledger: Ledger, ids: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
    """The rows with these ids, locked in id order."""
    found = await tx.fetch(f"SELECT * FROM {ledger.table} WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE", list(ids))
    return {row["id"]: dict(row) for row in found}


async def remove(tx: Tx, ledger: Ledger, ids: Sequence[UUID]) -> None:
    """Removes the rows."""
    if ids:
        await tx.execute(f"DELETE FROM {ledger.table} WHERE id = ANY($1::uuid[])", list(ids))
