"""Every table of the hazards service. States and codes are plain text: a new state needs no migration."""

from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Date, Identity, Index, Integer, SmallInteger, Text, Time, text
from sqlalchemy.dialects.postgresql import JSONB
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
    """Base of the tables of this service, with metadata of their own."""


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


class Timer(TimerColumns, Base, table=True):
    __tablename__ = "timers"
    __table_args__ = timer_indexes()


class IdempotencyKey(IdempotencyColumns, Base, table=True):
    __tablename__ = "idempotency_keys"


def _queue_of_orders(tier: str, depth: int) -> Index:
    """What is being put right in an area of that many digits, in the order in which it is due."""
    return Index(
        f"ix_hazards_queue_{tier}",
        *(text(f"left(area_path, {depth})"), text("coalesce(act_by, due_at)"), "id", "level"),
        postgresql_where=text("state = 'ordered'"),
    )


class Hazard(Base, table=True):
    """The present state of each hazard; what led there is in `hazard_log`."""

    __tablename__ = "hazards"
    # No index names what a clock alone changes (overdue_since, version, rung): a deadline that passes then touches the
    # row's page and no index, for which every page keeps some room.
    __table_args__ = (
        Index("uq_hazards_number", "number", unique=True),
        Index("ix_hazards_area", "area_path", "id"),
        Index("ix_hazards_stage", "state", text("coalesce(level, '')"), "area_path", "id"),
        Index(
            "ix_hazards_queue_community",
            text("left(area_path, 12)"),
            "state",
            text("coalesce(act_by, due_at)"),
            "id",
            "level",
            "area_path",
            postgresql_where=text("state NOT IN ('closed', 'void')"),
        ),
        _queue_of_orders("street", 9),
        _queue_of_orders("district", 6),
        Index(
            "ix_hazards_of_enterprise",
            *("enterprise_id", "state", "due_at", "act_by", "id"),
            postgresql_include=["level", "handling", "area_path"],
            postgresql_where=text("enterprise_id IS NOT NULL"),
        ),
        {"postgresql_with": {"fillfactor": 85}},
    )

    id: UUID = Field(primary_key=True)
    number: str = Field(sa_type=Text)
    version: int = Field(sa_type=Integer)
    state: str = Field(sa_type=Text)
    level: str | None = Field(default=None, sa_type=Text)
    suggested_level: str | None = Field(default=None, sa_type=Text)
    category: str | None = Field(default=None, sa_type=Text)
    source: str = Field(sa_type=Text)
    description: str = Field(sa_type=Text)
    place: str | None = Field(default=None, sa_type=Text)
    area_path: str = Field(sa_type=PathText)
    enterprise_id: UUID | None = None
    enterprise_name: str | None = Field(default=None, sa_type=Text)
    handling: str = Field(sa_type=Text)
    round: int = Field(sa_type=SmallInteger)
    due_at: datetime | None = Field(default=None, sa_type=Timestamp)
    due_provisional: bool
    overdue_since: datetime | None = Field(default=None, sa_type=Timestamp)
    missed_deadlines: int = Field(sa_type=SmallInteger)
    act_by: datetime | None = Field(default=None, sa_type=Timestamp)
    act_overdue_since: datetime | None = Field(default=None, sa_type=Timestamp)
    escalation_rung: int = Field(sa_type=SmallInteger)
    escalation_tier: str | None = Field(default=None, sa_type=Text)
    ladder: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    basis: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    order_terms: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    submitted_by: str | None = Field(default=None, sa_type=Text)
    submitted_at: datetime | None = Field(default=None, sa_type=Timestamp)
    reported_by: str = Field(sa_type=Text)
    reported_at: datetime = Field(sa_type=Timestamp)
    closed_at: datetime | None = Field(default=None, sa_type=Timestamp)
    changed_at: datetime = Field(sa_type=Timestamp)


class HazardLog(Base, table=True):
    """Every move: who, in which role, from what to what, when, why. Never updated, never deleted."""

    __tablename__ = "hazard_log"

    hazard_id: UUID = Field(primary_key=True)  # no foreign key: row and log are written together, and never deleted
    version: int = Field(primary_key=True, sa_type=Integer, sa_column_kwargs={"autoincrement": False})
    at: datetime = Field(sa_type=Timestamp)
    move: str = Field(sa_type=Text)
    from_state: str | None = Field(default=None, sa_type=Text)
    to_state: str = Field(sa_type=Text)
    actor_id: str = Field(sa_type=Text)
    actor_name: str | None = Field(default=None, sa_type=Text)
    tier: str = Field(sa_type=Text)
    role: str = Field(sa_type=Text)
    round: int = Field(sa_type=SmallInteger)
    reason: str | None = Field(default=None, sa_type=Text)
    details: dict[str, Any] | None = Field(default=None, sa_type=JSONB)


class EnterpriseCopy(Base, table=True):
    """What this service needs of an enterprise, kept from registry events alone; the newer version wins."""

    __tablename__ = "enterprises"

    id: UUID = Field(primary_key=True)
    version: int = Field(sa_type=BigInteger)
    name: str = Field(sa_type=Text)
    area_path: str = Field(sa_type=PathText)
    risk_level: str | None = Field(default=None, sa_type=Text)
    status: str = Field(sa_type=Text)


class AreaCopy(Base, table=True):
    """What this service needs of an area node, kept from registry events alone; the newer version wins."""

    __tablename__ = "areas"
    __table_args__ = (Index("ix_areas_path", "path"),)

    id: UUID = Field(primary_key=True)
    version: int = Field(sa_type=BigInteger)
    path: str = Field(sa_type=PathText)
    name: str = Field(sa_type=Text)
    level: str = Field(sa_type=Text)
    valid_to: date | None = Field(default=None, sa_type=Date)


class PolicyColumns(SQLModel):
    """What every policy row has."""

    id: UUID = Field(primary_key=True)
    code: str = Field(sa_type=Text)
    area_path: str = Field(sa_type=PathText)
    level: str | None = Field(default=None, sa_type=Text)
    basis: str = Field(sa_type=Text)
    effective_from: date = Field(sa_type=Date)
    effective_to: date | None = Field(default=None, sa_type=Date)
    created_by: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Timestamp)


class DeadlinePolicyRow(PolicyColumns, Base, table=True):
    """How long a clock runs; `period` is ISO 8601."""

    __tablename__ = "deadline_policies"
    __table_args__ = (Index("ix_deadline_policies_area", "area_path", "id"),)

    clock: str = Field(sa_type=Text)
    category: str | None = Field(default=None, sa_type=Text)
    period: str = Field(sa_type=Text)
    counting: str = Field(sa_type=Text)
    roll_forward: bool


class ReminderPolicyRow(PolicyColumns, Base, table=True):
    """When before a deadline its holder is reminded; `before` holds ISO 8601 durations."""

    __tablename__ = "reminder_policies"
    __table_args__ = (Index("ix_reminder_policies_area", "area_path", "id"),)

    before: list[Any] = Field(sa_type=JSONB)
    at_time: time | None = Field(default=None, sa_type=Time)


class EscalationPolicyRow(PolicyColumns, Base, table=True):
    """Who is told how long after a missed deadline; `steps` holds tiers with ISO 8601 durations."""

    __tablename__ = "escalation_policies"
    __table_args__ = (Index("ix_escalation_policies_area", "area_path", "id"),)

    steps: list[Any] = Field(sa_type=JSONB)


PolicyRow = DeadlinePolicyRow | ReminderPolicyRow | EscalationPolicyRow


class PolicyEpoch(Base, table=True):
    """One row: rises with every change of policy, calendar or code table, so that a copy in memory knows it is old."""

    __tablename__ = "policy_epoch"

    id: int = Field(primary_key=True, sa_type=SmallInteger, sa_column_kwargs={"autoincrement": False})
    epoch: int = Field(sa_type=BigInteger)


class CodeValue(Base, table=True):
    """A code table of the trade with Chinese labels."""

    __tablename__ = "code_values"

    code_table: str = Field(primary_key=True, sa_type=Text)
    code: str = Field(primary_key=True, sa_type=Text)
    label: str = Field(sa_type=Text)
    position: int = Field(sa_type=SmallInteger)


class CalendarDay(Base, table=True):
    """A day that is not what its weekday says: a holiday, or a weekend that is worked (调休)."""

    __tablename__ = "calendar_days"

    day: date = Field(primary_key=True, sa_type=Date)
    kind: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)


class CalendarYear(Base, table=True):
    """A year of the working calendar; provisional until the State Council's notice for it is in."""

    __tablename__ = "calendar_years"

    year: int = Field(primary_key=True, sa_type=SmallInteger, sa_column_kwargs={"autoincrement": False})
    provisional: bool


class Counter(Base, table=True):
    """Folded figures: `period` "" holds what is now in a cell, a day holds what happened on it.

    Each `depth` is a slice that holds every hazard once, under its area path cut at that many digits. What is now and
    what happened are partitions: `counters_stock` is small and always warm, `counters_flow` grows by the day.
    """

    __tablename__ = "counters"
    __table_args__ = {"postgresql_partition_by": "LIST (period)"}

    depth: int = Field(primary_key=True, sa_type=SmallInteger, sa_column_kwargs={"autoincrement": False})
    period: str = Field(primary_key=True, sa_type=PathText)
    area_path: str = Field(primary_key=True, sa_type=PathText)
    metric: str = Field(primary_key=True, sa_type=PathText)
    value: int = Field(sa_type=BigInteger)


class CounterDelta(Base, table=True):
    """Hazards that changed cell, written with the move and not folded yet: `was` "" is a new hazard."""

    __tablename__ = "counter_deltas"

    id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_args=(Identity(always=True),))
    area_path: str = Field(sa_type=PathText)
    day: date = Field(sa_type=Date)
    was: str = Field(sa_type=Text)
    became: str = Field(sa_type=Text)
    n: int = Field(sa_type=Integer)
