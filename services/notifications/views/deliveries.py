"""Messages for staff: which were given up, and what became of one; and the one that a link in a message leads to."""

from uuid import UUID

from libs.common.actors import Actor
from libs.common.db import Tx
from libs.common.errors import NotFound
from services.notifications.views.scope import Row, as_rows, staff_rows_for, within

_FROM = "FROM deliveries d LEFT JOIN contacts c ON c.id = d.contact_id"


async def page(
    tx: Tx, actor: Actor, *, state: str | None, alert_id: UUID | None, code: str | None, after: UUID | None, limit: int
) -> list[Row]:
    """Up to `limit` + 1 messages in id order, those after the cursor. Raises Forbidden for an enterprise."""
    where = staff_rows_for(actor, "d.area_path")
    within(where, "d.area_path", code)
    for condition, value in (("d.state = {}", state), ("d.alert_id = {}", alert_id), ("d.id > {}", after)):
        if value is not None:
            where.add(condition, value)
    rows = await tx.fetch(f"SELECT d.*, c.address {_FROM} WHERE {where} ORDER BY d.id LIMIT {limit + 1}", *where.args)
    return as_rows(rows)


async def one(tx: Tx, actor: Actor, delivery_id: UUID) -> Row:
    """The message. Raises NotFound, or Forbidden for an enterprise."""
    where = staff_rows_for(actor, "d.area_path")
    where.add("d.id = {}", delivery_id)
    row = await tx.fetchrow(f"SELECT d.*, c.address {_FROM} WHERE {where}", *where.args)
    if row is None:
        raise NotFound
    return dict(row)


async def by_ticket(tx: Tx, ticket: str) -> Row:
    """The message whose link this is, with its alert: the ticket itself is the right to see it. Raises NotFound."""
    row = await tx.fetchrow(
        "SELECT d.alert_id, d.person_id, d.area_path, d.text, a.state, a.acknowledged_at "
        "FROM deliveries d JOIN alerts a ON a.id = d.alert_id WHERE d.ticket = $1",
        ticket,
    )
    if row is None:
        raise NotFound
    return dict(row)
