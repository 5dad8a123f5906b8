"""A service of no business at all: things with a version, a log of what happened to them, and every common table.

Tests of `libs/common` run against it, so that the mechanisms are tried without a rule in sight.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

import asyncpg
from sqlalchemy import BigInteger, CheckConstraint, Identity, Text, UniqueConstraint
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import Field, SQLModel

from libs.common.contracts.base import Contract
from libs.common.db import Database, Tx, to_json
from libs.common.envelope import Event, new_event
from libs.common.errors import AppError, Conflict, NotFound, StaleVersion
from libs.common.idempotency import Answer
from libs.common.outbox import announce
from libs.common.tables import (
    DeadLetterColumns,
    FactColumns,
    IdempotencyColumns,
    InboxColumns,
    OutboxColumns,
    RelayLeaseColumns,
    RelayMarkColumns,
    RelayMemberColumns,
    TimerColumns,
    Timestamp,
    dead_letter_indexes,
    new_registry,
    outbox_indexes,
    timer_indexes,
)

TOPIC = "toys.things"
SOURCE = "toys"


class Base(SQLModel, registry=new_registry()):
    """The toy service's own metadata."""


class Thing(Base, table=True):
    """An aggregate. `slot` is unique and `weight` positive, so that a statement can be refused by the database."""

    __tablename__ = "things"
    __table_args__ = (UniqueConstraint("slot"), CheckConstraint("weight > 0", name="weight"))

    id: UUID = Field(primary_key=True)
    version: int = Field(sa_type=BigInteger)
    state: str = Field(sa_type=Text)
    label: str = Field(sa_type=Text)
    slot: str | None = Field(default=None, sa_type=Text)
    weight: int = 1


class Happening(Base, table=True):
    """One line for every effect: written twice, it happened twice. No constraint hides a doubled effect."""

    __tablename__ = "happenings"

    id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_args=(Identity(always=True),))
    thing_id: UUID
    what: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=Timestamp)


class Outbox(OutboxColumns, Base, table=True):
    __tablename__ = "outbox"
    __table_args__ = outbox_indexes()


class RelayLease(RelayLeaseColumns, Base, table=True):
    __tablename__ = "relay_leases"


class RelayMark(RelayMarkColumns, Base, table=True):
    __tablename__ = "relay_marks"


class RelayMember(RelayMemberColumns, Base, table=True):
    __tablename__ = "relay_members"


class Fact(FactColumns, Base, table=True):
    __tablename__ = "facts"


class Inbox(InboxColumns, Base, table=True):
    __tablename__ = "inbox"


class DeadLetter(DeadLetterColumns, Base, table=True):
    __tablename__ = "dead_letters"
    __table_args__ = dead_letter_indexes()


class TimerRow(TimerColumns, Base, table=True):
    __tablename__ = "timers"
    __table_args__ = timer_indexes()


class IdempotencyKey(IdempotencyColumns, Base, table=True):
    __tablename__ = "idempotency_keys"


class ThingChanged(Contract):
    """What the toy service announces."""

    event_type: ClassVar[str] = "thing-changed"
    topic: ClassVar[str] = TOPIC

    thing_id: UUID
    version: int
    label: str


@dataclass(frozen=True, slots=True)
class Make:
    """Make a thing."""

    id: UUID
    label: str
    slot: str | None = None
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Move:
    """Move a thing on, from the version that the caller saw (None: whichever it is)."""

    id: UUID
    state: str
    seen: int | None = None


async def create_tables(url: str) -> None:
    """Every table of the toy service, in an empty database."""
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    await engine.dispose()


async def make_things(tx: Tx, commands: Sequence[Make], now: datetime) -> list[Thing | AppError]:
    """Makes things, all with three statements; a label `refused` is refused by the rule, before the database."""
    answers: list[Thing | AppError] = [
        Conflict("rule") if c.label == "refused" else Thing(id=c.id, version=1, state="new", label=c.label)
        for c in commands
    ]
    made = [c for c, answer in zip(commands, answers, strict=True) if isinstance(answer, Thing)]
    await tx.execute(
        "INSERT INTO things (id, version, state, label, slot, weight) "
        "SELECT i, 1, 'new', l, s, w FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int[]) AS t(i, l, s, w)",
        [c.id for c in made],
        [c.label for c in made],
        [c.slot for c in made],
        [c.weight for c in made],
    )
    await happen(tx, [c.id for c in made], "made", now)
    await announce(tx, [change_of(c.id, 1, c.label, now) for c in made])
    return answers


async def move_things(tx: Tx, commands: Sequence[Move], now: datetime) -> list[Thing | AppError]:
    """Moves things, one command after the other on the same thing; the rows are locked in id order."""
    rows = await tx.fetch(
        "SELECT * FROM things WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE", list({c.id for c in commands})
    )
    things = {row["id"]: Thing(**dict(row)) for row in rows}
    answers: list[Thing | AppError] = []
    events: list[Event] = []
    for command in commands:
        thing = things.get(command.id)
        if thing is None:
            answers.append(NotFound())
        elif command.seen is not None and command.seen != thing.version:
            answers.append(StaleVersion())
        else:
            thing = thing.model_copy(update={"state": command.state, "version": thing.version + 1})
            things[thing.id] = thing
            events.append(change_of(thing.id, thing.version, thing.label, now))
            answers.append(thing)
    await tx.execute(
        "UPDATE things t SET state = u.s, version = u.v "
        "FROM unnest($1::uuid[], $2::text[], $3::bigint[]) AS u(i, s, v) WHERE t.id = u.i",
        [t.id for t in things.values()],
        [t.state for t in things.values()],
        [t.version for t in things.values()],
    )
    await announce(tx, events)
    return answers


async def happen(tx: Tx, ids: Sequence[UUID], what: str, now: datetime) -> None:
    """Writes one line for each id."""
    await tx.execute(
        "INSERT INTO happenings (thing_id, what, at) SELECT i, $2, $3 FROM unnest($1::uuid[]) AS i", ids, what, now
    )


async def apply_changes(tx: Tx, events: Sequence[Event], now: datetime) -> None:
    """What a consumer does: one line an event. A label `poison` cannot be handled."""
    for event in events:
        if event.data["label"] == "poison":
            raise ValueError("this label is poison")
    await happen(tx, [UUID(event.key) for event in events], "heard", now)


def change_of(thing_id: UUID, version: int, label: str, now: datetime) -> Event:
    """The event of one version of a thing."""
    payload = ThingChanged(thing_id=thing_id, version=version, label=label)
    return new_event(payload, key=thing_id, sequence=version, now=now, source=SOURCE)


def render(thing: Thing) -> Answer:
    """A thing as the API answers it."""
    body = to_json({"id": str(thing.id), "version": thing.version, "state": thing.state, "label": thing.label})
    return Answer(201 if thing.version == 1 else 200, body.encode(), {"ETag": f'"{thing.version}"'})


async def end_sessions(url: str) -> None:
    """What an administrator does to the service's sessions in this database; others share the server."""
    admin = await asyncpg.connect(url)
    try:
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'spine'"
        )
    finally:
        await admin.close()


async def rows_of(db: Database, sql: str, *args: object) -> list[asyncpg.Record]:
    """What the database holds now, read in a transaction of its own."""
    async with db.transaction() as tx:
        return await tx.fetch(sql, *args)
