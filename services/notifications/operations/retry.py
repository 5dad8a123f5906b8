"""A person has a message that was given up sent again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.common.actors import Actor
from libs.common.db import Record, Tx
from libs.common.errors import AppError, Forbidden, NotFound, StaleVersion
from services.notifications.domain.delivery import DeliveryState
from services.notifications.domain.errors import DeliveryNotDead
from services.notifications.store import deliveries


@dataclass(frozen=True, slots=True)
class Retry:
    """A dead message, as the caller saw it; it gets `attempts` more."""

    id: UUID
    version: int
    actor: Actor
    attempts: int


async def retry(tx: Tx, commands: Sequence[Retry], now: datetime) -> list[UUID | AppError]:
    """Sets each message due at once, under the id it always had."""
    found = await deliveries.lock(tx, [command.id for command in commands])
    results: list[UUID | AppError] = []
    revived: dict[UUID, int] = {}
    for command in commands:
        refusal = _refusal(command, found.get(command.id))
        if refusal is None and command.id not in revived:
            revived[command.id] = command.attempts
        results.append(refusal or command.id)
    await deliveries.revive(tx, revived, now)
    return results


def _refusal(command: Retry, row: Record | None) -> AppError | None:
    if command.actor.scope.enterprise_id is not None or not command.actor.roles:
        return Forbidden()
    if row is None or not command.actor.scope.covers(row["area_path"], None):
        return NotFound()
    if row["version"] != command.version:
        return StaleVersion()
    return None if row["state"] == DeliveryState.DEAD else DeliveryNotDead()
