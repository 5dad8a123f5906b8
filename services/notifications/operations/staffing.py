"""What administrators enter: contacts, shifts, ladders and templates of their own area and below."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.common.actors import Actor, Role
from libs.common.db import Tx
from libs.common.errors import AppError, Conflict, FieldError, Forbidden, NotFound, StaleVersion
from libs.common.ids import new_id
from libs.common.operation import Perform
from services.notifications.domain.errors import ContactExists, PolicyExists, UnknownArea
from services.notifications.operations.climb import look_again
from services.notifications.store import staffing
from services.notifications.store.staffing import Ledger

_REPEATED: Mapping[Ledger, type[AppError]] = {
    Ledger.CONTACTS: ContactExists,
    Ledger.SHIFTS: Conflict,
    Ledger.LADDERS: PolicyExists,
    Ledger.TEMPLATES: PolicyExists,
}
_CHANGES_WHO_IS_REACHED = (Ledger.CONTACTS, Ledger.SHIFTS)
_HOLDS_FROM = (Ledger.LADDERS, Ledger.TEMPLATES)


@dataclass(frozen=True, slots=True)
class Enter:
    """A new row: its columns but for id, version and who entered it when. It holds at `area_path` and below."""

    area_path: str
    columns: Mapping[str, Any]
    actor: Actor


@dataclass(frozen=True, slots=True)
class Remove:
    """A row to be struck, as the caller saw it."""

    id: UUID
    version: int
    actor: Actor


Row = Mapping[str, Any]


def check_administrator(actor: Actor) -> None:
    """Raises Forbidden unless the actor administers an area."""
    if not actor.has(Role.ADMINISTRATOR) or actor.scope.enterprise_id is not None:
        raise Forbidden


def enter(ledger: Ledger) -> Perform[Enter, Row]:
    """The operation that adds rows; each answers the row as it stands."""

    async def perform(tx: Tx, commands: Sequence[Enter], now: datetime) -> list[Row | AppError]:
        areas = await staffing.known_areas(tx, sorted({command.area_path for command in commands}), now)
        results: list[Row | AppError] = [_row(ledger, command, areas, now) for command in commands]
        written = await staffing.add(tx, ledger, [dict(row) for row in results if not isinstance(row, AppError)])
        results = [row if isinstance(row, AppError) or row["id"] in written else _REPEATED[ledger]() for row in results]
        if ledger in _CHANGES_WHO_IS_REACHED:
            await look_again(tx, sorted({r["area_path"] for r in results if not isinstance(r, AppError)}), (), now)
        return results

    return perform


def remove(ledger: Ledger) -> Perform[Remove, Row]:
    """The operation that strikes rows; each answers the row that was."""

    async def perform(tx: Tx, commands: Sequence[Remove], now: datetime) -> list[Row | AppError]:
        found = await staffing.lock(tx, ledger, [command.id for command in commands])
        results: list[Row | AppError] = []
        struck: list[UUID] = []
        for command in commands:
            refusal = _refusal(command, found.get(command.id))
            results.append(refusal or found.pop(command.id))
            if refusal is None:
                struck.append(command.id)
        await staffing.remove(tx, ledger, struck)
        return results

    return perform


def _row(ledger: Ledger, command: Enter, areas: set[str], now: datetime) -> Row | AppError:
    refusal = _guarded(check_administrator, command.actor)
    if refusal is not None:
        return refusal
    if command.area_path not in areas or not command.actor.scope.covers(command.area_path, None):
        return UnknownArea(errors=[FieldError("/areaCode", UnknownArea.code, UnknownArea.title)])
    row = {"id": new_id(), "version": 1, "area_path": command.area_path, "created_by": command.actor.id}
    if ledger in _CHANGES_WHO_IS_REACHED:
        row["created_at"] = now
    row |= command.columns
    if ledger in _HOLDS_FROM and row["effective_from"] is None:
        row["effective_from"] = now
    return row


def _refusal(command: Remove, row: Row | None) -> AppError | None:
    refusal = _guarded(check_administrator, command.actor)
    if refusal is not None:
        return refusal
    if row is None or not command.actor.scope.covers(row["area_path"], None):
        return NotFound()
    return None if row["version"] == command.version else StaleVersion()


def _guarded(check: Callable[[Actor], None], actor: Actor) -> AppError | None:
    try:
        check(actor)
    except AppError as error:
        return error
    return None
