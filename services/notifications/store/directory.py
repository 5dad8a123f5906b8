"""Loads who can be told at some places, set-based: posts, shifts, persons of enterprises, contacts."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from libs.common.clock import SHANGHAI
from libs.common.db import Record, Tx
from services.notifications.domain.audience import Channel, Contact, Directory, Post, nodes
from services.notifications.domain.duty import Shift


async def load(tx: Tx, places: Iterable[tuple[str, UUID | None]], now: datetime) -> Directory:
    """Everyone who may have to hear of something at these places (area path, enterprise)."""
    known = set(places)
    paths = sorted({node for path, _ in known for node in nodes(path)})
    names, posts = await _areas(tx, paths, now)
    shifts = await _shifts(tx, paths, now)
    enterprises = await _enterprises(tx, sorted({enterprise for _, enterprise in known if enterprise}))
    persons = {post.person_id for held in posts.values() for post in held}
    persons |= {shift.person_id for row in shifts.values() for shift in row}
    persons |= {person for staff in enterprises.values() for person in staff}
    return Directory(names, posts, shifts, enterprises, await _contacts(tx, sorted(persons)))


async def _areas(tx: Tx, paths: Sequence[str], now: datetime) -> tuple[dict[str, str], dict[str, tuple[Post, ...]]]:
    found = await tx.fetch(
        "SELECT path, name, posts FROM areas WHERE path = ANY($1::text[]) AND (valid_to IS NULL OR valid_to > $2) "
        "ORDER BY path, valid_from, id",
        list(paths),
        now.astimezone(SHANGHAI).date(),
    )
    posts: dict[str, tuple[Post, ...]] = defaultdict(tuple)
    for row in found:
        posts[row["path"]] += tuple(Post(UUID(post["personId"]), post["role"]) for post in row["posts"])
    return {row["path"]: row["name"] for row in found}, posts


async def _shifts(tx: Tx, paths: Sequence[str], now: datetime) -> dict[str, tuple[Shift, ...]]:
    found = await tx.fetch(
        "SELECT * FROM duty_shifts WHERE area_path = ANY($1::text[]) AND starts_at <= $2 "
        "AND (ends_at IS NULL OR ends_at > $2) ORDER BY area_path, id",
        list(paths),
        now,
    )
    shifts: dict[str, tuple[Shift, ...]] = defaultdict(tuple)
    for row in found:
        shifts[row["area_path"]] += (shift_of(row),)
    return shifts


def shift_of(row: Record) -> Shift:
    """The shift in a row of its table."""
    return Shift(
        area_path=row["area_path"],
        role=row["role"],
        person_id=row["person_id"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        weekdays=frozenset(row["weekdays"]),
        day_from=row["day_from"],
        day_to=row["day_to"],
    )


async def _enterprises(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, tuple[UUID, ...]]:
    found = await tx.fetch(
        "SELECT id, contact_person_ids FROM enterprises WHERE id = ANY($1::uuid[]) AND active", list(ids)
    )
    return {row["id"]: tuple(row["contact_person_ids"]) for row in found}


async def _contacts(tx: Tx, persons: Sequence[UUID]) -> dict[UUID, tuple[Contact, ...]]:
    found = await tx.fetch(
        "SELECT id, person_id, channel, area_path FROM contacts WHERE person_id = ANY($1::uuid[]) ORDER BY id",
        list(persons),
    )
    contacts: dict[UUID, tuple[Contact, ...]] = defaultdict(tuple)
    for row in found:
        contact = Contact(row["id"], row["person_id"], Channel(row["channel"]), row["area_path"])
        contacts[row["person_id"]] += (contact,)
    return contacts
