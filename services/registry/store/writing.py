"""Writes changes of enterprises whole: the files, contacts, licences, gradings and announcements, all set-based."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from libs.common.clock import SHANGHAI
from libs.common.db import Tx
from libs.common.envelope import Event
from libs.common.failpoints import failpoint
from libs.common.ids import new_id
from libs.common.outbox import announce
from services.registry.domain.enterprises import Amendment, ContactChange, Grading
from services.registry.publishing import enterprises_changed, enterprises_registered
from services.registry.store import enterprises
from services.registry.store import gradings as gradings_store

_LICENCES = """
INSERT INTO licences (id, enterprise_id, name, number, valid_until)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::date[])
ON CONFLICT (enterprise_id, name, number) DO UPDATE SET valid_until = excluded.valid_until
"""
_PERSONS = ("id", "version", "name", "phone", "area_path", "enterprise_id", "changed_at")
_POSTS = ("id", "person_id", "role", "enterprise_id", "valid_from")
_CORRECTED = """
UPDATE persons p SET name = t.name, phone = t.phone, version = p.version + 1, changed_at = $4
FROM unnest($1::uuid[], $2::text[], $3::text[]) AS t(id, name, phone) WHERE p.id = t.id
"""
_ENDED = """
UPDATE posts o SET valid_to = $4 FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS t(enterprise_id, person_id, role)
WHERE o.enterprise_id = t.enterprise_id AND o.person_id = t.person_id AND o.role = t.role AND o.valid_to IS NULL
"""
_MOVED = """
UPDATE persons p SET area_path = t.path, changed_at = $3
FROM unnest($1::uuid[], $2::text[]) AS t(id, path) WHERE p.enterprise_id = t.id AND p.area_path <> t.path
"""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why and by whom; kept with every grading that the change amounts to."""

    actor_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Registrations:
    """New enterprises as they go into the tables, and what is announced of them."""

    made: Sequence[Amendment]
    rows: Sequence[tuple[Any, ...]]
    gradings: Sequence[Grading]
    events: Sequence[Event]


def registrations(made: Sequence[Amendment], reason: Reason, now: datetime) -> Registrations:
    """Works out what is to be written, without the database: any thread may do it."""
    new = [amendment.after for amendment in made]
    return Registrations(made, enterprises.rows_of(new), _gradings(made, reason, now), enterprises_registered(new, now))


async def write_registered(tx: Tx, new: Registrations, now: datetime) -> None:
    """Writes new enterprises and announces each."""
    if not new.made:
        return
    await enterprises.insert(tx, new.rows)
    failpoint("registry.enterprises_written")
    await _write_parts(tx, new.made, now)
    failpoint("registry.parts_written")
    await gradings_store.insert(tx, new.gradings)
    await announce(tx, new.events)


async def write_changed(tx: Tx, changed: Sequence[Amendment], now: datetime, gradings: Sequence[Grading] = ()) -> None:
    """Writes changes of locked enterprises, with the gradings decided for them, and announces each."""
    if not changed:
        return
    await enterprises.update(tx, [amendment.after for amendment in changed])
    await _write_parts(tx, changed, now)
    moved = [amendment.after for amendment in changed if amendment.after.area_path != amendment.before.area_path]
    if moved:
        await tx.execute(_MOVED, [one.id for one in moved], [one.area_path for one in moved], now)
    await gradings_store.insert(tx, gradings)
    await announce(tx, enterprises_changed([amendment.after for amendment in changed], now))


async def write_imported_changes(tx: Tx, changed: Sequence[Amendment], reason: Reason, now: datetime) -> None:
    """Like `write_changed`, every changed class and risk level being given on the day of the import."""
    await write_changed(tx, changed, now, _gradings(changed, reason, now))


async def _write_parts(tx: Tx, amendments: Sequence[Amendment], now: datetime) -> None:
    today = now.astimezone(SHANGHAI).date()
    licences = [(amendment.after.id, licence) for amendment in amendments for licence in amendment.licences]
    if licences:
        await tx.execute(
            _LICENCES,
            [new_id() for _ in licences],
            [enterprise_id for enterprise_id, _ in licences],
            [licence.name for _, licence in licences],
            [licence.number or "" for _, licence in licences],
            [licence.valid_until for _, licence in licences],
        )
    paths = {amendment.after.id: amendment.after.area_path for amendment in amendments}
    contacts = [change for amendment in amendments for change in amendment.contacts]
    await _end_posts(tx, [change for change in contacts if change.ends], today)
    await _add_persons(tx, [change for change in contacts if change.is_new], paths, today, now)
    await _correct_persons(tx, [change for change in contacts if not change.is_new], now)


async def _end_posts(tx: Tx, changes: Sequence[ContactChange], today: date) -> None:
    if changes:
        await tx.execute(
            _ENDED, [c.enterprise_id for c in changes], [c.ends for c in changes], [c.role for c in changes], today
        )


async def _add_persons(
    tx: Tx, changes: Sequence[ContactChange], paths: dict[UUID, str], today: date, now: datetime
) -> None:
    if not changes:
        return
    persons = (
        (c.person_id, 1, c.contact.name, c.contact.phone, paths[c.enterprise_id], c.enterprise_id, now) for c in changes
    )
    await tx.copy("persons", _PERSONS, persons)
    await tx.copy("posts", _POSTS, [(new_id(), c.person_id, c.role, c.enterprise_id, today) for c in changes])


async def _correct_persons(tx: Tx, changes: Sequence[ContactChange], now: datetime) -> None:
    if changes:
        await tx.execute(
            _CORRECTED,
            [c.person_id for c in changes],
            [c.contact.name for c in changes],
            [c.contact.phone for c in changes],
            now,
        )


def _gradings(amendments: Sequence[Amendment], reason: Reason, now: datetime) -> list[Grading]:
    today = now.astimezone(SHANGHAI).date()
    return [
        Grading(new_id(), amendment.after.id, kind, value, today, reason.text, reason.actor_id, now)
        for amendment in amendments
        for kind, value in amendment.grades.items()
    ]
