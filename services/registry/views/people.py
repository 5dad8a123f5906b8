"""Reading persons with the posts that they hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from libs.common.actors import Scope
from libs.common.cursors import decode_cursor, encode_cursor
from libs.common.db import Record, Tx
from services.registry.domain.errors import PersonNotFound
from services.registry.domain.people import Person
from services.registry.store.people import posts_of, to_person
from services.registry.views.scope import Where, below, persons_in


@dataclass(frozen=True, slots=True)
class PersonWithPosts:
    person: Person
    posts: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Listed:
    """One page, oldest first."""

    items: Sequence[PersonWithPosts]
    next_cursor: str | None
    total: int | None


@dataclass(frozen=True, slots=True)
class Criteria:
    """What narrows the list; None does not."""

    area_path: str | None = None
    enterprise_id: UUID | None = None
    name: str | None = None
    role: str | None = None


async def page(tx: Tx, scope: Scope, criteria: Criteria, cursor: str | None, limit: int, *, with_total: bool) -> Listed:
    """The persons within the scope that meet the criteria."""
    after = decode_cursor(cursor, UUID)
    where = _where(scope, criteria)
    total = None
    if with_total:
        total = await tx.fetchval(f"SELECT count(*) FROM persons p WHERE {where.sql()}", *where.args)
    if after is not None:
        where.add("p.id > ?", *after)
    sql = f"SELECT p.* FROM persons p WHERE {where.sql()} ORDER BY p.id LIMIT {limit + 1}"
    rows = await tx.fetch(sql, *where.args)
    items = await _with_posts(tx, rows[:limit])
    return Listed(items, encode_cursor((items[-1].person.id,)) if len(rows) > limit else None, total)


def _where(scope: Scope, criteria: Criteria) -> Where:
    where = persons_in(scope)
    if criteria.area_path is not None:
        below(where, "p.area_path", criteria.area_path)
    if criteria.enterprise_id is not None:
        where.add("p.enterprise_id = ?", criteria.enterprise_id)
    if criteria.name is not None:
        where.add("strpos(p.name, ?) > 0", criteria.name)
    if criteria.role is not None:
        where.add(
            "EXISTS (SELECT 1 FROM posts o WHERE o.person_id = p.id AND o.role = ? AND o.valid_to IS NULL)",
            criteria.role,
        )
    return where


async def one(tx: Tx, scope: Scope, id: UUID) -> PersonWithPosts:
    """The person. Raises PersonNotFound, also for someone outside the scope."""
    where = persons_in(scope)
    where.add("p.id = ?", id)
    row = await tx.fetchrow(f"SELECT p.* FROM persons p WHERE {where.sql()}", *where.args)
    if row is None:
        raise PersonNotFound
    return (await _with_posts(tx, [row]))[0]


async def _with_posts(tx: Tx, rows: Sequence[Record]) -> list[PersonWithPosts]:
    posts = await posts_of(tx, [row["id"] for row in rows])
    return [PersonWithPosts(to_person(row), posts.get(row["id"], [])) for row in rows]
