"""Columns of the tables that every service has: outbox, relay leases, inbox, dead letters, timers, idempotency keys.

Each service mixes them into its own base with its own metadata (`class Outbox(OutboxColumns, Base, table=True)`), so
that two services can be imported by one process.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Identity, Index, LargeBinary, MetaData, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

Timestamp = DateTime(timezone=True)
PathText = Text(collation="C")  # area paths compare byte by byte, so that a range is a subtree


def new_registry() -> registry:
    """A registry with metadata of its own: `class Base(SQLModel, registry=new_registry())`."""
    return registry(metadata=MetaData(naming_convention=NAMING_CONVENTION))


class OutboxColumns(SQLModel):
    """An event announced with its change. Rows stay as they are: a new log is filled from them."""

    id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_args=(Identity(always=True),))
    shard: int = Field(sa_type=SmallInteger)
    event_id: UUID
    topic: str = Field(sa_type=Text)
    key: str = Field(sa_type=Text)
    type: str = Field(sa_type=Text)
    schema_id: str = Field(sa_type=Text)
    sequence: int = Field(sa_type=BigInteger)
    time: datetime = Field(sa_type=Timestamp)
    traceparent: str | None = Field(default=None, sa_type=Text)
    data: str = Field(sa_type=Text)  # the JSON text that goes out: signed, hashed and compared as these bytes


def outbox_indexes(table: str = "outbox") -> tuple[Index, ...]:
    """The relay's only query walks the rows of its shards in id order, from where it has published everything."""
    return (Index(f"ix_{table}_shard_id", "shard", "id"),)


class RelayLeaseColumns(SQLModel):
    """Which relay may read a shard, until when; `token` rises with every change of holder and fences the old one."""

    shard: int = Field(primary_key=True, sa_type=SmallInteger, sa_column_kwargs={"autoincrement": False})
    holder: str = Field(default="", sa_type=Text)
    token: int = Field(default=0, sa_type=BigInteger)
    expires_at: datetime = Field(sa_type=Timestamp)


class RelayMarkColumns(SQLModel):
    """How far a shard is published, by the mark with the highest id: to `published_to`, and these ids beyond it."""

    shard: int = Field(primary_key=True, sa_type=SmallInteger, sa_column_kwargs={"autoincrement": False})
    id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_args=(Identity(always=True),))
    published_to: int = Field(sa_type=BigInteger)
    published_beyond: list[int] = Field(sa_type=ARRAY(BigInteger))


class RelayMemberColumns(SQLModel):
    """Which relays are alive, so that each takes its fair share of the shards."""

    holder: str = Field(primary_key=True, sa_type=Text)
    expires_at: datetime = Field(sa_type=Timestamp)


class FactColumns(SQLModel):
    """Facts about this database itself: its own id, and the identity of the log that its events went to."""

    name: str = Field(primary_key=True, sa_type=Text)
    value: str = Field(sa_type=Text)


class InboxColumns(SQLModel):
    """Ids of the events whose effect is in this database."""

    event_id: UUID = Field(primary_key=True)
    handled_at: datetime = Field(sa_type=Timestamp)


class DeadLetterColumns(SQLModel):
    """A message that could not be handled, whole, with the reason; `(topic, partition_no, offset_no)` is unique."""

    id: UUID = Field(primary_key=True)
    topic: str = Field(sa_type=Text)
    partition_no: int
    offset_no: int = Field(sa_type=BigInteger)
    key: bytes = Field(sa_type=LargeBinary)
    value: bytes = Field(sa_type=LargeBinary)
    headers: list[Any] = Field(sa_type=JSONB)
    reason: str = Field(sa_type=Text)
    failed_at: datetime = Field(sa_type=Timestamp)
    replayed_at: datetime | None = Field(default=None, sa_type=Timestamp)


def dead_letter_indexes(table: str = "dead_letters") -> tuple[Index, ...]:
    """One dead letter a message, however often it is delivered."""
    return (Index(f"uq_{table}_place", "topic", "partition_no", "offset_no", unique=True),)


class TimerColumns(SQLModel):
    """What must happen to a subject at an instant unless it is cancelled; one a kind."""

    subject_id: UUID = Field(primary_key=True)
    kind: str = Field(primary_key=True, sa_type=Text)
    due_at: datetime = Field(sa_type=Timestamp)
    data: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB)


def timer_indexes(table: str = "timers") -> tuple[Index, ...]:
    """A sweep reads the earliest; those of one instant in an order that scatters their subjects over all pages."""
    return (Index(f"ix_{table}_due_at", "due_at", text("uuid_hash(subject_id)")),)


class IdempotencyColumns(SQLModel):
    """The answer given to a key of an actor, with the fingerprint of what was asked."""

    actor: str = Field(primary_key=True, sa_type=Text)
    key: str = Field(primary_key=True, sa_type=Text)
    fingerprint: bytes = Field(sa_type=LargeBinary)
    status: int = Field(sa_type=SmallInteger)
    headers: dict[str, str] = Field(default_factory=dict, sa_type=JSONB)
    body: bytes = Field(sa_type=LargeBinary)
    answered_at: datetime = Field(sa_type=Timestamp)
