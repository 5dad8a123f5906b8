"""Contacts, rosters and policy rows for the administrators of an area."""

from uuid import UUID

from libs.common.actors import Actor
from libs.common.db import Tx
from libs.common.errors import NotFound
from services.notifications.store.staffing import Ledger
from services.notifications.views.scope import Row, as_rows, policies_for, staff_rows_for, within


async def page(
    tx: Tx,
    actor: Actor,
    ledger: Ledger,
    *,
    code: str | None,
    after: UUID | None,
    limit: int,
    person_id: UUID | None = None,
    kind: str | None = None,
) -> list[Row]:
    """Up to `limit` + 1 rows of the actor's area and below in id order. Raises Forbidden for an enterprise."""
    where = staff_rows_for(actor, "area_path")
    within(where, "area_path", code)
    for condition, value in (("person_id = {}", person_id), ("kind = {}", kind), ("id > {}", after)):
        if value is not None:
            where.add(condition, value)
    rows = await tx.fetch(f"SELECT * FROM {ledger.table} WHERE {where} ORDER BY id LIMIT {limit + 1}", *where.args)
    return as_rows(rows)


async def one(tx: Tx, actor: Actor, ledger: Ledger, row_id: UUID) -> Row:
    """The row. Raises NotFound, or Forbidden for an enterprise."""
    where = staff_rows_for(actor, "area_path")
    where.add("id = {}", row_id)
    row = await tx.fetchrow(f"SELECT * FROM {ledger.table} WHERE {where}", *where.args)
    if row is None:
        raise NotFound
    return dict(row)


async def policies(
    tx: Tx, actor: Actor, ledger: Ledger, *, code: str | None, after: UUID | None, limit: int, kind: str | None
) -> list[Row]:
    """Like `page`, and the rows of the areas above too: they hold here as long as none nearer does."""
    where = policies_for(actor)
    within(where, "area_path", code)
    for condition, value in (("kind = {}", kind), ("id > {}", after)):
        if value is not None:
            where.add(condition, value)
    rows = await tx.fetch(f"SELECT * FROM {ledger.table} WHERE {where} ORDER BY id LIMIT {limit + 1}", *where.args)
    return as_rows(rows)
