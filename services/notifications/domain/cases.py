"""Cases: which event of a hazard is something that a person must be told, and until when that stays so.

One table says it. Adding a kind of case is adding a row here, a ladder and a template in `seeds/`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID


class Kind(StrEnum):
    """What somebody must be told."""

    FOUND = "found"
    VERIFIED = "verified"
    REOPENED = "reopened"
    ORDERED = "ordered"
    APPROACHING = "approaching"
    OVERDUE = "overdue"
    RECTIFIED = "rectified"
    REINSPECTION_FAILED = "reinspection_failed"
    VERIFICATION_OVERDUE = "verification_overdue"
    DISPATCH_OVERDUE = "dispatch_overdue"
    REINSPECTION_OVERDUE = "reinspection_overdue"


class Occasion(StrEnum):
    """What tells two cases of one kind apart."""

    VERSION = "version"  # every such event is a case of its own
    DEADLINE = "deadline"  # all events about one missed deadline are one case


@dataclass(frozen=True, slots=True)
class Hazard:
    """The copy of a hazard that its events leave here; `version` is the hazard's own.

    `level` is the confirmed one, or what was suggested while none is; `due_at` is the time limit of the order, `act_by`
    that of the authority in the present state.
    """

    id: UUID
    number: str
    version: int
    state: str
    level: str | None
    area_path: str
    enterprise_id: UUID | None
    enterprise_name: str | None
    place: str | None
    due_at: datetime | None
    act_by: datetime | None
    overdue_since: datetime | None
    simulated: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """A case lasts while the hazard is in `state` (and not overdue, if `until_overdue`), and ends what it replaces."""

    kind: Kind
    state: str
    until_overdue: bool = False
    occasion: Occasion = Occasion.VERSION
    replaces: frozenset[Kind] = frozenset()


_BEFORE_DEADLINE = frozenset({Kind.ORDERED, Kind.APPROACHING, Kind.REINSPECTION_FAILED})

RULES: Mapping[Kind, Rule] = MappingProxyType(
    {
        rule.kind: rule
        for rule in (
            Rule(Kind.FOUND, "reported"),
            Rule(Kind.VERIFICATION_OVERDUE, "reported", replaces=frozenset({Kind.FOUND})),
            Rule(Kind.VERIFIED, "verified"),
            Rule(Kind.REOPENED, "verified"),
            Rule(Kind.DISPATCH_OVERDUE, "verified", replaces=frozenset({Kind.VERIFIED, Kind.REOPENED})),
            Rule(Kind.ORDERED, "ordered", until_overdue=True),
            Rule(Kind.APPROACHING, "ordered", until_overdue=True),
            Rule(Kind.REINSPECTION_FAILED, "ordered", until_overdue=True),
            Rule(Kind.OVERDUE, "ordered", occasion=Occasion.DEADLINE, replaces=_BEFORE_DEADLINE),
            Rule(Kind.RECTIFIED, "rectified"),
            Rule(Kind.REINSPECTION_OVERDUE, "rectified", replaces=frozenset({Kind.RECTIFIED})),
        )
    }
)

OPENED_BY: Mapping[str, Kind] = MappingProxyType(
    {
        "hazard-found": Kind.FOUND,
        "hazard-verified": Kind.VERIFIED,
        "hazard-reopened": Kind.REOPENED,
        "hazard-ordered": Kind.ORDERED,
        "deadline-approaching": Kind.APPROACHING,
        "deadline-missed": Kind.OVERDUE,
        "hazard-escalated": Kind.OVERDUE,
        "hazard-rectified": Kind.RECTIFIED,
        "reinspection-failed": Kind.REINSPECTION_FAILED,
        "verification-overdue": Kind.VERIFICATION_OVERDUE,
        "dispatch-overdue": Kind.DISPATCH_OVERDUE,
        "reinspection-overdue": Kind.REINSPECTION_OVERDUE,
    }
)
"""Event type → the case it opens. Types that are absent open nothing; what they change may still end a case."""


def occasion(kind: Kind, hazard: Hazard) -> str:
    """The name of this case among those of its kind on one hazard, the same for every event that belongs to it."""
    if RULES[kind].occasion is Occasion.DEADLINE:
        missed = hazard.overdue_since or hazard.due_at
        if missed is not None:
            return missed.isoformat()
    return f"v{hazard.version}"


def is_needed(kind: Kind, hazard: Hazard) -> bool:
    """Whether anybody still has to be told about such a case, by the newest that is known of the hazard."""
    rule = RULES[kind]
    return hazard.state == rule.state and not (rule.until_overdue and hazard.overdue_since is not None)


def is_replaced(kind: Kind, version: int, others: Iterable[tuple[Kind, int]]) -> bool:
    """Whether a later case (kind, version) of the same hazard speaks for the one of that kind and version."""
    return any(later > version and (other is kind or kind in RULES[other].replaces) for other, later in others)
