"""Every table of the registry. Codes and levels are plain text: a new class or role needs no migration."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Date, Float, Index, Integer, LargeBinary, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from libs.common.tables import (
    FactColumns,
    IdempotencyColumns,
    OutboxColumns,
    PathText,
    RelayLeaseColumns,
    RelayMarkColumns,
    RelayMemberColumns,
    Timestamp,
    new_registry,
    outbox_indexes,
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


class IdempotencyKey(IdempotencyColumns, Base, table=True):
    __tablename__ = "idempotency_keys"


class AreaRow(Base, table=True):
    """A node of the area tree. A code may return after its node has ended, so it is no key."""

    __tablename__ = "areas"
    __table_args__ = (
        Index("uq_areas_code", "code", unique=True, postgresql_where=text("valid_to IS NULL")),
        Index("ix_areas_path", "path"),
        Index("ix_areas_parent_code", "parent_code", "code"),
    )

    id: UUID = Field(primary_key=True)
    version: int = Field(sa_type=Integer)
    code: str = Field(sa_type=Text)
    path: str = Field(sa_type=PathText)
    name: str = Field(sa_type=Text)
    level: str = Field(sa_type=Text)
    parent_code: str | None = Field(default=None, sa_type=Text)
    valid_from: date = Field(sa_type=Date)
    valid_to: date | None = Field(default=None, sa_type=Date)
    changed_at: datetime = Field(sa_type=Timestamp)


class EnterpriseRow(Base, table=True):
    """The file of one enterprise; what it names more than one of is in the tables below."""

    __tablename__ = "enterprises"
    __table_args__ = (
        Index("ix_enterprises_area", "area_path", "id"),
        Index(
            "uq_enterprises_credit_code", "credit_code", unique=True, postgresql_where=text("credit_code IS NOT NULL")
        ),
        Index(
            "uq_enterprises_identity",
            "community_code",
            "name_key",
            unique=True,
            postgresql_where=text("credit_code IS NULL"),
        ),
        Index("ix_enterprises_name_key", "community_code", "name_key"),
    )

    id: UUID = Field(primary_key=True)
    version: int = Field(sa_type=Integer)
    name: str = Field(sa_type=Text)
    name_key: str = Field(sa_type=Text)
    credit_code: str | None = Field(default=None, sa_type=Text)
    community_code: str = Field(sa_type=Text)
    grid_code: str | None = Field(default=None, sa_type=Text)
    area_path: str = Field(sa_type=PathText)
    industry_code: str | None = Field(default=None, sa_type=Text)
    venue_type: str | None = Field(default=None, sa_type=Text)
    address: str | None = Field(default=None, sa_type=Text)
    headcount: int | None = Field(default=None, sa_type=Integer)
    headcount_text: str | None = Field(default=None, sa_type=Text)
    risk_level: str | None = Field(default=None, sa_type=Text)
    enterprise_class: str | None = Field(default=None, sa_type=Text)
    longitude: float | None = Field(default=None, sa_type=Float)
    latitude: float | None = Field(default=None, sa_type=Float)
    remark: str | None = Field(default=None, sa_type=Text)
    status: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Timestamp)
    changed_at: datetime = Field(sa_type=Timestamp)


class LicenceRow(Base, table=True):
    """A permit of an enterprise. `number` is empty when nobody wrote it down."""

    __tablename__ = "licences"
    __table_args__ = (
        Index("uq_licences_document", "enterprise_id", "name", "number", unique=True),
        Index("ix_licences_valid_until", "valid_until", postgresql_where=text("valid_until IS NOT NULL")),
    )

    id: UUID = Field(primary_key=True)
    enterprise_id: UUID = Field(foreign_key="enterprises.id")
    name: str = Field(sa_type=Text)
    number: str = Field(default="", sa_type=Text)
    valid_until: date | None = Field(default=None, sa_type=Date)


class GradingRow(Base, table=True):
    """A class or risk level given to an enterprise from a day on, why and by whom. Never updated, never deleted."""

    __tablename__ = "gradings"
    __table_args__ = (Index("ix_gradings_enterprise", "enterprise_id", "kind", "effective_on", "id"),)

    id: UUID = Field(primary_key=True)
    enterprise_id: UUID = Field(foreign_key="enterprises.id")
    kind: str = Field(sa_type=Text)
    value: str = Field(sa_type=Text)
    effective_on: date = Field(sa_type=Date)
    reason: str = Field(sa_type=Text)
    actor_id: str = Field(sa_type=Text)
    recorded_at: datetime = Field(sa_type=Timestamp)


class PersonRow(Base, table=True):
    """A person with a post, or who may get one. Belongs to an enterprise, or to a place in the area tree."""

    __tablename__ = "persons"
    __table_args__ = (
        Index("ix_persons_area", "area_path", "id"),
        Index("ix_persons_enterprise", "enterprise_id", "id", postgresql_where=text("enterprise_id IS NOT NULL")),
    )

    id: UUID = Field(primary_key=True)
    version: int = Field(sa_type=Integer)
    name: str | None = Field(default=None, sa_type=Text)
    phone: str | None = Field(default=None, sa_type=Text)
    area_path: str = Field(sa_type=PathText)
    enterprise_id: UUID | None = Field(default=None, foreign_key="enterprises.id")
    changed_at: datetime = Field(sa_type=Timestamp)


class PostRow(Base, table=True):
    """Who answers for a node or an enterprise, in which role, from when to when (`valid_to`: first day without)."""

    __tablename__ = "posts"
    __table_args__ = (
        Index(
            "uq_posts_area",
            "area_id",
            "role",
            "person_id",
            unique=True,
            postgresql_where=text("valid_to IS NULL AND area_id IS NOT NULL"),
        ),
        Index(
            "uq_posts_enterprise",
            "enterprise_id",
            "role",
            "person_id",
            unique=True,
            postgresql_where=text("valid_to IS NULL AND enterprise_id IS NOT NULL"),
        ),
        Index("ix_posts_person", "person_id"),
    )

    id: UUID = Field(primary_key=True)
    person_id: UUID = Field(foreign_key="persons.id")
    role: str = Field(sa_type=Text)
    area_id: UUID | None = Field(default=None, foreign_key="areas.id")
    enterprise_id: UUID | None = Field(default=None, foreign_key="enterprises.id")
    valid_from: date = Field(sa_type=Date)
    valid_to: date | None = Field(default=None, sa_type=Date)


class EnterpriseClassRow(Base, table=True):
    """One class of the scheme in force in an area (the empty path is everywhere; the most specific wins)."""

    __tablename__ = "enterprise_classes"

    area_path: str = Field(primary_key=True, sa_type=PathText)
    code: str = Field(primary_key=True, sa_type=Text)
    effective_from: date = Field(primary_key=True, sa_type=Date)
    effective_to: date | None = Field(default=None, sa_type=Date)
    label: str = Field(sa_type=Text)
    meaning: str = Field(sa_type=Text)
    rank: int = Field(sa_type=SmallInteger)
    basis: str = Field(sa_type=Text)


class ImportRow(Base, table=True):
    """An import as a job: claimed under a lease, so that another worker goes on when one dies."""

    __tablename__ = "imports"
    __table_args__ = (
        Index("ix_imports_area", "area_path", "id"),
        Index("ix_imports_open", "id", postgresql_where=text("state IN ('queued', 'running')")),
    )

    id: UUID = Field(primary_key=True)
    version: int = Field(sa_type=Integer)
    kind: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    file_name: str = Field(sa_type=Text)
    file_bytes: int = Field(sa_type=Integer)
    sha256: str = Field(sa_type=Text)
    actor_id: str = Field(sa_type=Text)
    area_path: str = Field(sa_type=PathText)
    rows: int = Field(sa_type=Integer)
    created: int = Field(sa_type=Integer)
    updated: int = Field(sa_type=Integer)
    unchanged: int = Field(sa_type=Integer)
    rejected: int = Field(sa_type=Integer)
    warnings: int = Field(sa_type=Integer)
    progress: int = Field(sa_type=SmallInteger)
    problem: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    attempts: int = Field(sa_type=SmallInteger)
    lease: UUID | None = None
    lease_until: datetime | None = Field(default=None, sa_type=Timestamp)
    created_at: datetime = Field(sa_type=Timestamp)
    started_at: datetime | None = Field(default=None, sa_type=Timestamp)
    finished_at: datetime | None = Field(default=None, sa_type=Timestamp)


class ImportFileRow(Base, table=True):
    """The uploaded bytes, in the database so that any worker can take the job; gone when the job has ended."""

    __tablename__ = "import_files"

    import_id: UUID = Field(primary_key=True, foreign_key="imports.id")
    content: bytes = Field(sa_type=LargeBinary)


class ImportNoteRow(Base, table=True):
    """What an import told about one line; `nr` counts within severity, in the order of the file."""

    __tablename__ = "import_notes"

    import_id: UUID = Field(primary_key=True, foreign_key="imports.id")
    severity: str = Field(primary_key=True, sa_type=Text)
    nr: int = Field(primary_key=True, sa_type=Integer, sa_column_kwargs={"autoincrement": False})
    sheet: str = Field(sa_type=Text)
    row: int = Field(sa_type=Integer)
    column: str = Field(sa_type=Text)
    code: str = Field(sa_type=Text)
    message: str = Field(sa_type=Text)
