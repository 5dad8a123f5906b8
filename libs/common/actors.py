"""Who acts: tier, roles and the part of the area tree (or the one enterprise) that an actor may see and move."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID


class Tier(StrEnum):
    DISTRICT = "district"
    STREET = "street"
    COMMUNITY = "community"
    ENTERPRISE = "enterprise"
    SYSTEM = "system"


class Role(StrEnum):
    OFFICER = "officer"
    LEADER = "leader"
    DUTY_STAFF = "duty_staff"
    COMMUNITY_STAFF = "community_staff"
    GRID_WORKER = "grid_worker"
    ENTERPRISE_HEAD = "enterprise_head"
    SAFETY_OFFICER = "safety_officer"
    ADMINISTRATOR = "administrator"
    SYSTEM = "system"


USUAL_ROLES: Mapping[Tier, frozenset[Role]] = MappingProxyType(
    {
        Tier.DISTRICT: frozenset({Role.OFFICER, Role.LEADER, Role.ADMINISTRATOR}),
        Tier.STREET: frozenset({Role.OFFICER, Role.DUTY_STAFF, Role.ADMINISTRATOR}),
        Tier.COMMUNITY: frozenset({Role.COMMUNITY_STAFF, Role.GRID_WORKER}),
        Tier.ENTERPRISE: frozenset({Role.ENTERPRISE_HEAD, Role.SAFETY_OFFICER}),
        Tier.SYSTEM: frozenset({Role.SYSTEM}),
    }
)

_GROUPS = (2, 2, 2, 3, 3, 3)  # province, city, county, street, community, grid (GB/T 10114 and a grid sequence)


def area_path(code: str) -> str:
    """The code without its trailing zero groups: `410503001000` → `410503001`.

    A path is a prefix of the paths of everything below it. Raises ValueError unless the code has 12 or 15 digits.
    """
    if len(code) not in (12, 15) or not (code.isascii() and code.isdigit()):
        raise ValueError("an area code has 12 or 15 digits")
    path = code
    for size in reversed(_GROUPS[: 5 if len(code) == 12 else 6]):
        if set(path[-size:]) != {"0"}:
            break
        path = path[:-size]
    return path


def area_code(path: str) -> str:
    """The inverse of `area_path`: a path padded with zeros to the 12 digits of its code."""
    return path.ljust(12, "0")


@dataclass(frozen=True, slots=True)
class Scope:
    """What an actor may see: everything at or below a path, or one enterprise alone."""

    area_path: str
    enterprise_id: UUID | None = None

    def covers(self, area_path: str, enterprise_id: UUID | None) -> bool:
        """Whether a row at that place (of that enterprise) exists for the actor."""
        if self.enterprise_id is not None:
            return enterprise_id == self.enterprise_id
        return area_path.startswith(self.area_path)

    def bounds(self) -> tuple[str, str]:
        """`lo <= area_path < hi` in COLLATE "C" holds for just the paths below; ':' follows '9' in ASCII."""
        return self.area_path, self.area_path + ":"


_LEVELS: Mapping[Tier, tuple[int, ...]] = MappingProxyType(
    {Tier.DISTRICT: (6,), Tier.STREET: (9,), Tier.COMMUNITY: (12, 15)}
)  # digits of the path; the staff of a community may be bound to one grid of it


def scope_of(tier: Tier, code: str | None, enterprise_id: UUID | None = None) -> Scope:
    """The scope of that tier over that area.

    Raises ValueError unless the code is one of that tier's level: a community's staff with a district's code would see
    the whole district.
    """
    path = area_path(code) if code else ""
    if tier is Tier.ENTERPRISE:
        if enterprise_id is None:
            raise ValueError("an enterprise is bound to itself")
        return Scope(path, enterprise_id)
    if not path or len(path) not in _LEVELS.get(tier, (len(path),)):
        raise ValueError(f"that is not the code of a {tier}")
    return Scope(path)


@dataclass(frozen=True, slots=True)
class Actor:
    """A verified caller. `id` is the subject of the token; `name` is for staff to read, never for decisions."""

    id: str
    tier: Tier
    roles: frozenset[Role]
    scope: Scope
    name: str | None = None

    def has(self, *roles: Role) -> bool:
        """Whether the actor bears at least one of the roles."""
        return not self.roles.isdisjoint(roles)


SYSTEM_ACTOR = Actor(id="system", tier=Tier.SYSTEM, roles=frozenset({Role.SYSTEM}), scope=Scope(""), name="系统")
