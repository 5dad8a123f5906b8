"""Loads who can be told at some places, set-based: posts, shifts, persons of enterprises, contacts."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, time
from typing import Any
from uuid import UUID

from libs.common.clock import SHANGHAI
from libs.common.db import Tx
from libs.common.questions import Question, Row, instant, instant_or_none
from services.notifications.domain.audience import Channel, Contact, Directory, Post, nodes
from services.notifications.domain.duty import Shift


async def load(tx: Tx, places: Iterable[tuple[str, UUID | None]], now: datetime, *others: Question[Any]) -> Directory:
    """Everyone who may have to hear of something at these places (area path, enterprise).

    `others` are asked on the way.
    """
    known = set(places)
    paths = sorted({node for path, _ in known for node in nodes(path)})
    areas, shifts = _areas(paths, now), _shifts(paths, now)
    enterprises = _enterprises(sorted({enterprise for _, enterprise in known if enterprise}))
    await tx.ask(areas, shifts, enterprises, *others)
    names, posts = areas.answer
    persons = {post.person_id for held in posts.values() for post in held}
    persons |= {shift.person_id for row in shifts.answer.values() for shift in row}
    persons |= {person for staff in enterprises.answer.values() for person in staff}
    return Directory(names, posts, shifts.answer, enterprises.answer, await _contacts(tx, sorted(persons)))


Posts = dict[str, tuple[Post, ...]]


def _areas(paths: Sequence[str], now: datetime) -> Question[tuple[dict[str, str], Posts]]:
    return Question(
        _names_and_posts,
        "SELECT path, name, posts FROM areas WHERE path = ANY($1::text[]) AND (valid_to IS NULL OR valid_to > $2) "
        "ORDER BY path, valid_from, id",
        paths,
        now.astimezone(SHANGHAI).date(),
    )


def _names_and_posts(rows: Sequence[Row]) -> tuple[dict[str, str], Posts]:
    posts: Posts = defaultdict(tuple)
    for row in rows:
        posts[row["path"]] += tuple(Post(UUID(post["personId"]), post["role"]) for post in row["posts"])
    return {row["path"]: row["name"] for row in rows}, posts


def _shifts(paths: Sequence[str], now: datetime) -> Question[dict[str, tuple[Shift, ...]]]:
    return Question(
        _rosters,
        "SELECT * FROM duty_shifts WHERE area_path = ANY($1::text[]) AND starts_at <= $2 "
        "AND (ends_at IS NULL OR ends_at > $2) ORDER BY area_path, id",
        paths,
        now,
    )


def _rosters(rows: Sequence[Row]) -> dict[str, tuple[Shift, ...]]:
    shifts: dict[str, tuple[Shift, ...]] = defaultdict(tuple)
    for row in rows:
        shifts[row["area_path"]] += (_shift(row),)
    return shifts


def _shift(row: Row) -> Shift:
    return Shift(
        area_path=row["area_path"],
        role=row["role"],
        person_id=UUID(row["person_id"]),
        starts_at=instant(row["starts_at"]),
        ends_at=instant_or_none(row["ends_at"]),
        weekdays=frozenset(row["weekdays"]),
        day_from=_time(row["day_from"]),
        day_to=_time(row["day_to"]),
    )


def _time(text: str | None) -> time | None:
    return None if text is None else time.fromisoformat(text)


def _enterprises(ids: Sequence[UUID]) -> Question[dict[UUID, tuple[UUID, ...]]]:
    return Question(
        lambda rows: {UUID(row["id"]): tuple(map(UUID, row["contact_person_ids"])) for row in rows},
        "SELECT id, contact_person_ids FROM enterprises WHERE id = ANY($1::uuid[]) AND active",
        ids,
    )


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
