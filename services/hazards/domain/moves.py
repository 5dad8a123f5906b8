"""What a caller or a clock asks for: one small class a move, all parsed, none decided."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from services.hazards.domain.basis import Basis
from services.hazards.domain.lifecycle import Move
from services.hazards.domain.vocabulary import Level


@dataclass(frozen=True, slots=True)
class Duties:
    """The five things an order must settle (五落实); `due_at` is the time limit."""

    measures: str | None = None
    responsible: str | None = None
    funds: str | int | float | None = None
    contingency_plan: str | None = None
    interim_measures: str | None = None
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Verify:
    move: ClassVar[Move] = Move.VERIFY
    level: Level
    category: str | None = None
    basis: Basis | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Reject:
    move: ClassVar[Move] = Move.REJECT
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class FixOnTheSpot:
    move: ClassVar[Move] = Move.FIX_ON_THE_SPOT
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Assign:
    move: ClassVar[Move] = Move.ASSIGN
    duties: Duties
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Order:
    move: ClassVar[Move] = Move.ORDER
    duties: Duties
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Submit:
    move: ClassVar[Move] = Move.SUBMIT
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Pass:
    move: ClassVar[Move] = Move.PASS
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Fail:
    move: ClassVar[Move] = Move.FAIL
    reason: str | None = None
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reopen:
    move: ClassVar[Move] = Move.REOPEN
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Ring:
    """A clock rang; which one says what it means."""

    move: Move
    reason: str | None = None


Request = Verify | Reject | FixOnTheSpot | Assign | Order | Submit | Pass | Fail | Reopen | Ring
