"""A person answers an alert: nobody else is woken."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.common.actors import Actor, Role, Scope, Tier
from libs.common.db import Tx
from libs.common.errors import AppError, Forbidden, NotFound, StaleVersion
from libs.common.ids import in_order
from services.notifications.domain.cases import Hazard
from services.notifications.domain.ladder import Alert, Command, Move, may_answer
from services.notifications.operations.desk import Desk, Facts
from services.notifications.store import alerts as alert_rows
from services.notifications.store import copies


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """`version` is what the caller saw, if it says so: a phone at night answers without."""

    alert_id: UUID
    actor: Actor
    note: str | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The alert afterwards, with its hazard."""

    alert: Alert
    hazard: Hazard


def person_told(person_id: UUID, area_path: str) -> Actor:
    """The person to whom a message with a link was sent, answering by that link: it speaks for that alert alone."""
    return Actor(id=str(person_id), tier=Tier.SYSTEM, roles=frozenset({Role.SYSTEM}), scope=Scope(area_path))


async def acknowledge(tx: Tx, commands: Sequence[Acknowledge], now: datetime) -> list[Acknowledged | AppError]:
    """Answers each alert once; answering one that was answered before changes nothing and is no error."""
    alerts = await alert_rows.lock(tx, in_order(command.alert_id for command in commands))
    hazards = await copies.hazards_of(tx, in_order(alert.hazard_id for alert in alerts.values()))
    desk = Desk(Facts(hazards), alerts.values(), now, attempts_allowed=0)
    results = [_one(desk, command) for command in commands]
    await desk.write(tx)
    return results


def _one(desk: Desk, command: Acknowledge) -> Acknowledged | AppError:
    alert = desk.alerts.get(command.alert_id)
    if alert is None or not may_answer(alert, command.actor):
        return NotFound()
    if not command.actor.roles:
        return Forbidden()
    if command.version is not None and command.version != alert.version:
        return StaleVersion()
    try:
        decision = desk.move(alert, Command(Move.ACKNOWLEDGE, note=command.note), command.actor)
    except AppError as error:
        return error
    return Acknowledged(decision.alert, desk.hazard(alert))
