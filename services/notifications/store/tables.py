"""Every table of this service."""

from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, Integer, SmallInteger, Text, Time, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

from libs.common.tables import (
    DeadLetterColumns,
    FactColumns,
    IdempotencyColumns,
    InboxColumns,
    OutboxColumns,
    PathText,
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


class Base(SQLModel, registry=new_registry()):
    """Root of the tables of this service, with metadata of their own."""


def _at(**more: Any) -> Any:
    return Field(sa_type=Timestamp, **more)


def _text(**more: Any) -> Any:
    return Field(sa_type=Text, **more)


def _path(**more: Any) -> Any:
    return Field(sa_type=PathText, **more)


class AreaCopy(Base, table=True):
    """What the registry says of an area: its name, and who holds which post on it."""

    __tablename__ = "areas"
    __table_args__ = (Index("ix_areas_path", "path"),)

    id: UUID = Field(primary_key=True)
    path: str = _path()
    name: str = _text()
    level: str = _text()
    version: int = Field(sa_type=BigInteger)
    posts: list[Any] = Field(sa_type=JSONB)
    valid_from: date
    valid_to: date | None = None


class EnterpriseCopy(Base, table=True):
    """What the registry says of an enterprise: where it is and who answers for it."""

    __tablename__ = "enterprises"

    id: UUID = Field(primary_key=True)
    version: int = Field(sa_type=BigInteger)
    name: str = _text()
    area_path: str = _path()
    active: bool
    contact_person_ids: list[UUID] = Field(sa_type=ARRAY(Uuid))


class HazardCopy(Base, table=True):
    """The newest that is known of a hazard."""

    __tablename__ = "hazards"

    id: UUID = Field(primary_key=True)
    number: str = _text()
    version: int = Field(sa_type=BigInteger)
    state: str = _text()
    level: str | None = _text(nullable=True)
    area_path: str = _path()
    enterprise_id: UUID | None = None
    enterprise_name: str | None = _text(nullable=True)
    place: str | None = _text(nullable=True)
    due_at: datetime | None = _at(nullable=True)
    act_by: datetime | None = _at(nullable=True)
    overdue_since: datetime | None = _at(nullable=True)
    simulated: bool


class Contact(Base, table=True):
    """How a person is reached about anything at or below an area. Address and secret leave here only to be used."""

    __tablename__ = "contacts"
    __table_args__ = (
        Index("uq_contacts_person", "person_id", "channel", "area_path", unique=True),
        Index("ix_contacts_area_path", "area_path", "id"),
    )

    id: UUID = Field(primary_key=True)
    person_id: UUID
    channel: str = _text()
    area_path: str = _path()
    address: str = _text()
    secret: str | None = _text(nullable=True)
    version: int = Field(sa_type=BigInteger)
    created_at: datetime = _at()
    created_by: str = _text()


class DutyShift(Base, table=True):
    """One line of the roster."""

    __tablename__ = "duty_shifts"
    __table_args__ = (Index("ix_duty_shifts_area_path", "area_path", "id"),)

    id: UUID = Field(primary_key=True)
    area_path: str = _path()
    role: str | None = _text(nullable=True)
    person_id: UUID
    starts_at: datetime = _at()
    ends_at: datetime | None = _at(nullable=True)
    weekdays: list[int] = Field(sa_type=ARRAY(SmallInteger))
    day_from: time | None = Field(default=None, sa_type=Time)
    day_to: time | None = Field(default=None, sa_type=Time)
    version: int = Field(sa_type=BigInteger)
    created_at: datetime = _at()
    created_by: str = _text()


class LadderPolicy(Base, table=True):
    """Who is told of a kind of case, in which order."""

    __tablename__ = "ladder_policies"
    __table_args__ = (Index("uq_ladder_policies_code", "code", "area_path", "effective_from", unique=True),)

    id: UUID = Field(primary_key=True)
    code: str = _text()
    kind: str = _text()
    level: str | None = _text(nullable=True)
    area_path: str = _path()
    rungs: list[Any] = Field(sa_type=JSONB)
    recheck: str = _text()
    effective_from: datetime = _at()
    effective_to: datetime | None = _at(nullable=True)
    basis: str = _text()
    version: int = Field(sa_type=BigInteger)
    created_by: str = _text()


class Template(Base, table=True):
    """What a person reads about a kind of case."""

    __tablename__ = "templates"
    __table_args__ = (Index("uq_templates_code", "code", "area_path", "effective_from", unique=True),)

    id: UUID = Field(primary_key=True)
    code: str = _text()
    kind: str = _text()
    area_path: str = _path()
    text: str = _text()
    effective_from: datetime = _at()
    effective_to: datetime | None = _at(nullable=True)
    basis: str = _text()
    version: int = Field(sa_type=BigInteger)
    created_by: str = _text()


class Alert(Base, table=True):
    """One case that somebody must answer, with the ladder frozen when it opened."""

    __tablename__ = "alerts"
    __table_args__ = (
        Index("uq_alerts_case", "hazard_id", "kind", "occasion", unique=True),
        Index("ix_alerts_area_path", "area_path", "id"),
        Index("ix_alerts_enterprise_id", "enterprise_id", "id", postgresql_where=text("told_enterprise")),
        Index("ix_alerts_exhausted", "area_path", postgresql_where=text("state = 'exhausted'")),
    )

    id: UUID = Field(primary_key=True)
    hazard_id: UUID
    kind: str = _text()
    occasion: str = _text()
    state: str = _text()
    version: int = Field(sa_type=BigInteger)
    area_path: str = _path()
    enterprise_id: UUID | None = None
    told_enterprise: bool
    rungs: list[Any] = Field(sa_type=JSONB)
    cursor: int = Field(sa_type=Integer)
    recheck: str = _text()
    opened_version: int = Field(sa_type=BigInteger)
    opened_at: datetime = _at()
    acknowledged_at: datetime | None = _at(nullable=True)
    acknowledged_by: str | None = _text(nullable=True)
    acknowledged_note: str | None = _text(nullable=True)
    exhausted_at: datetime | None = _at(nullable=True)
    closed_at: datetime | None = _at(nullable=True)
    closed_reason: str | None = _text(nullable=True)


class Delivery(Base, table=True):
    """One message to one person about one rung. It may be claimed from `next_at`; a claim moves that on, as a lease."""

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("ix_deliveries_next_at", "next_at", postgresql_where=text("state = 'pending'")),
        Index("ix_deliveries_alert_id", "alert_id"),
        Index("ix_deliveries_dead", "area_path", "id", postgresql_where=text("state = 'dead'")),
        Index("uq_deliveries_ticket", "ticket", unique=True),
    )

    id: UUID = Field(primary_key=True)
    alert_id: UUID
    area_path: str = _path()
    rung: int = Field(sa_type=Integer)
    tier: str = _text()
    person_id: UUID
    channel: str = _text()
    contact_id: UUID
    text: str = _text()
    ticket: str = _text()
    state: str = _text()
    version: int = Field(sa_type=BigInteger)
    attempts: int = Field(sa_type=Integer)
    attempts_allowed: int = Field(sa_type=Integer)
    next_at: datetime = _at()
    created_at: datetime = _at()
    finished_at: datetime | None = _at(nullable=True)


class Attempt(Base, table=True):
    """One try to send a message; without an outcome it is under way, or was cut off by a crash."""

    __tablename__ = "attempts"

    delivery_id: UUID = Field(primary_key=True)
    number: int = Field(primary_key=True, sa_type=Integer)
    started_at: datetime = _at()
    outcome: str | None = _text(nullable=True)
    status: int | None = Field(default=None, sa_type=Integer)
    error: str | None = _text(nullable=True)
    latency_ms: int | None = Field(default=None, sa_type=Integer)


class Timer(TimerColumns, Base, table=True):
    """When a ladder must be looked at again; the subject is the alert."""

    __tablename__ = "timers"
    __table_args__ = timer_indexes()


class Outbox(OutboxColumns, Base, table=True):
    """Events announced."""

    __tablename__ = "outbox"
    __table_args__ = outbox_indexes()


class RelayLease(RelayLeaseColumns, Base, table=True):
    """Shards of the outbox and who reads them."""

    __tablename__ = "relay_leases"


class RelayMark(RelayMarkColumns, Base, table=True):
    """How far each shard of the outbox is published."""

    __tablename__ = "relay_marks"


class RelayMember(RelayMemberColumns, Base, table=True):
    """Relays seen lately."""

    __tablename__ = "relay_members"


class Fact(FactColumns, Base, table=True):
    """What this database knows about itself."""

    __tablename__ = "facts"


class Inbox(InboxColumns, Base, table=True):
    """Events handled."""

    __tablename__ = "inbox"


class DeadLetter(DeadLetterColumns, Base, table=True):
    """Messages that could not be handled."""

    __tablename__ = "dead_letters"
    __table_args__ = dead_letter_indexes()


class IdempotencyRecord(IdempotencyColumns, Base, table=True):
    """Answers given to idempotency keys."""

    __tablename__ = "idempotency_keys"
