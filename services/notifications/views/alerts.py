"""Alerts as callers see them: each tier its own, an enterprise only what was addressed to it."""

from dataclasses import dataclass
from uuid import UUID

from libs.common.actors import Actor
from libs.common.db import Tx
from libs.common.errors import NotFound
from services.notifications.domain.audience import Tier
from services.notifications.views.scope import Row, alerts_for, as_rows, within

_COLUMNS = """
a.*, h.number, h.level, h.place, h.due_at, h.enterprise_name, h.simulated,
(SELECT t.due_at FROM timers t WHERE t.subject_id = a.id) AS next_at
"""


@dataclass(frozen=True, slots=True)
class Filters:
    """What a caller narrows the list to."""

    hazard_id: UUID | None = None
    state: str | None = None
    kind: str | None = None
    area_code: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """One alert with the messages about it and every attempt to deliver them."""

    alert: Row
    deliveries: list[Row]
    attempts: list[Row]


async def page(
    tx: Tx, actor: Actor, filters: Filters, before: UUID | None, limit: int, *, total: bool
) -> tuple[list[Row], int | None]:
    """Up to `limit` + 1 alerts, newest first, those after the cursor; and how many there are, if asked."""
    where = alerts_for(actor)
    within(where, "a.area_path", filters.area_code)
    for column in ("hazard_id", "state", "kind"):
        if (value := getattr(filters, column)) is not None:
            where.add(f"a.{column} = {{}}", value)
    count: int | None = None
    if total:
        count = await tx.fetchval(f"SELECT count(*) FROM alerts a WHERE {where}", *where.args)
    if before is not None:
        where.add("a.id < {}", before)
    rows = await tx.fetch(
        f"SELECT {_COLUMNS} FROM alerts a JOIN hazards h ON h.id = a.hazard_id WHERE {where} "
        f"ORDER BY a.id DESC LIMIT {limit + 1}",
        *where.args,
    )
    return as_rows(rows), count


async def one(tx: Tx, actor: Actor, alert_id: UUID) -> Found:
    """The alert. Raises NotFound where it does not exist for the actor."""
    where = alerts_for(actor)
    where.add("a.id = {}", alert_id)
    alert = await tx.fetchrow(
        f"SELECT {_COLUMNS} FROM alerts a JOIN hazards h ON h.id = a.hazard_id WHERE {where}", *where.args
    )
    if alert is None:
        raise NotFound
    # An enterprise reads what was sent to itself, not who of the authority was told.
    tiers = [Tier.ENTERPRISE.value] if actor.scope.enterprise_id is not None else [tier.value for tier in Tier]
    deliveries = await tx.fetch(
        "SELECT d.*, c.address FROM deliveries d LEFT JOIN contacts c ON c.id = d.contact_id "
        "WHERE d.alert_id = $1 AND d.tier = ANY($2::text[]) ORDER BY d.rung, d.created_at, d.id",
        alert_id,
        tiers,
    )
    return Found(dict(alert), as_rows(deliveries), await attempts_of(tx, [row["id"] for row in deliveries]))


async def attempts_of(tx: Tx, delivery_ids: list[UUID]) -> list[Row]:
    """Every attempt of these messages, oldest first."""
    found = await tx.fetch(
        "SELECT t.*, d.rung, d.tier, d.person_id, d.channel FROM attempts t JOIN deliveries d ON d.id = t.delivery_id "
        "WHERE t.delivery_id = ANY($1::uuid[]) ORDER BY t.started_at, t.delivery_id, t.number",
        delivery_ids,
    )
    return as_rows(found)
