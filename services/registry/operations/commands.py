"""What can be asked of an enterprise's file, and what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from libs.common.actors import Actor
from services.registry.domain.enterprises import Enterprise, GradingKind, Status
from services.registry.domain.records import EnterpriseRecord


@dataclass(frozen=True, slots=True)
class Register:
    """Open a file. The record's place is `area_code`, a community or a grid."""

    record: EnterpriseRecord
    area_code: str
    actor: Actor


@dataclass(frozen=True, slots=True)
class Amend:
    """Change fields of the record (null empties one); `area_code` moves the enterprise."""

    id: UUID
    version: int
    changes: Mapping[str, Any]
    area_code: str | None
    actor: Actor


@dataclass(frozen=True, slots=True)
class Grade:
    """Give a class or a risk level from a day on (today when none is named)."""

    id: UUID
    version: int
    kind: GradingKind
    value: str
    on: date | None
    reason: str
    actor: Actor


@dataclass(frozen=True, slots=True)
class SetStatus:
    """Close the file or open it again."""

    id: UUID
    version: int
    status: Status
    reason: str
    actor: Actor


Change = Amend | Grade | SetStatus


@dataclass(frozen=True, slots=True)
class Filed:
    """The enterprise as it is now, for the caller who asked."""

    enterprise: Enterprise
    actor: Actor
