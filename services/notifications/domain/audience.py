"""Who hears of a case: tier and roles of a rung → persons on duty or responsible → their addresses.

`Directory` holds the facts; nothing here looks anything up.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from uuid import UUID

from services.notifications.domain.duty import Shift, on_duty


class Tier(StrEnum):
    """Whom a rung tells, from the nearest to the highest."""

    ENTERPRISE = "enterprise"
    GRID = "grid"
    COMMUNITY = "community"
    STREET = "street"
    LEADER = "leader"
    DISTRICT = "district"

    @property
    def rank(self) -> int:
        """Height on the administrative ladder."""
        return list(Tier).index(self)


# Digits of the path of the area that a tier answers for; the leader in charge is a post of the street.
_PATH_DIGITS = {Tier.GRID: 15, Tier.COMMUNITY: 12, Tier.STREET: 9, Tier.LEADER: 9, Tier.DISTRICT: 6}
_LEADER_ROLES = frozenset({"leader"})


class Channel(StrEnum):
    """Ways to reach a person."""

    WEBHOOK = "webhook"
    LOG = "log"


@dataclass(frozen=True, slots=True)
class Post:
    """A named person in a role on an area node."""

    person_id: UUID
    role: str


@dataclass(frozen=True, slots=True)
class Contact:
    """How a person is reached about anything at or below `area_path`; the address itself stays in the table."""

    id: UUID
    person_id: UUID
    channel: Channel
    area_path: str


@dataclass(frozen=True, slots=True)
class Listener:
    """One address of one person."""

    person_id: UUID
    channel: Channel
    contact_id: UUID


@dataclass(frozen=True, slots=True)
class Directory:
    """What is known of persons, by path, enterprise and person."""

    names: Mapping[str, str] = field(default_factory=dict)
    posts: Mapping[str, tuple[Post, ...]] = field(default_factory=dict)
    shifts: Mapping[str, tuple[Shift, ...]] = field(default_factory=dict)
    enterprises: Mapping[UUID, tuple[UUID, ...]] = field(default_factory=dict)
    contacts: Mapping[UUID, tuple[Contact, ...]] = field(default_factory=dict)


def node(tier: Tier, area_path: str) -> str | None:
    """The path of the area whose staff are that tier for a place, or None if the place is not known that closely."""
    digits = _PATH_DIGITS.get(tier)
    return area_path[:digits] if digits is not None and len(area_path) >= digits else None


@lru_cache(maxsize=8192)  # a district has some thousand area nodes
def nodes(area_path: str) -> tuple[str, ...]:
    """Every path whose staff may have to hear of something at that place."""
    return tuple(sorted({path for tier in Tier if (path := node(tier, area_path)) is not None}))


def area_label(area_path: str, directory: Directory) -> str:
    """Street, community and grid by name, as far as they are known; digits where nothing is."""
    names = [directory.names[path] for path in nodes(area_path)[1:] if path in directory.names]
    return "".join(names) or f"区域 {area_path}"


def listeners(
    tier: Tier,
    roles: frozenset[str],
    *,
    area_path: str,
    enterprise_id: UUID | None,
    directory: Directory,
    now: datetime,
) -> tuple[Listener, ...]:
    """Everyone a rung reaches at `now`: those on duty, else those responsible; empty if nobody has an address."""
    if tier is Tier.ENTERPRISE:
        persons = directory.enterprises.get(enterprise_id, ()) if enterprise_id else ()
        return _addresses(persons, area_path, directory)
    path = node(tier, area_path)
    if path is None:
        return ()
    wanted = roles or (_LEADER_ROLES if tier is Tier.LEADER else frozenset())
    duty = _addresses(on_duty(directory.shifts.get(path, ()), wanted, now), path, directory)
    return duty or _addresses(_responsible(directory.posts.get(path, ()), wanted), path, directory)


def _responsible(posts: Iterable[Post], roles: frozenset[str]) -> tuple[UUID, ...]:
    return tuple(dict.fromkeys(post.person_id for post in posts if not roles or post.role in roles))


def _addresses(persons: Iterable[UUID], path: str, directory: Directory) -> tuple[Listener, ...]:
    """One address a channel: of those registered for this area or one above it, the nearest."""
    found: list[Listener] = []
    for person in persons:
        nearest: dict[Channel, Contact] = {}
        for contact in sorted(directory.contacts.get(person, ()), key=lambda each: len(each.area_path)):
            if path.startswith(contact.area_path):
                nearest[contact.channel] = contact
        found += [Listener(person, channel, contact.id) for channel, contact in nearest.items()]
    return tuple(found)
