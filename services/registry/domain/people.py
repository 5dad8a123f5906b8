"""Persons and their posts: which roles answer for a node or an enterprise, and who may read a phone number."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from libs.common.actors import Actor, Role, Tier
from services.registry.domain.places import AreaLevel


class PostRole(StrEnum):
    """What a person does for a node of the area tree, or for an enterprise."""

    LEADER = "leader"
    OFFICER = "officer"
    DUTY_STAFF = "duty_staff"
    STATION_HEAD = "station_head"
    COMMUNITY_STAFF = "community_staff"
    GRID_CHIEF = "grid_chief"
    GRID_WORKER = "grid_worker"
    ENTERPRISE_HEAD = "enterprise_head"
    SAFETY_OFFICER = "safety_officer"


ROLE_LABELS = {
    PostRole.LEADER: "分管领导",
    PostRole.OFFICER: "执法人员",
    PostRole.DUTY_STAFF: "值班人员",
    PostRole.STATION_HEAD: "应急站(所)负责人",
    PostRole.COMMUNITY_STAFF: "社区安全员",
    PostRole.GRID_CHIEF: "网格长",
    PostRole.GRID_WORKER: "网格员",
    PostRole.ENTERPRISE_HEAD: "主要负责人",
    PostRole.SAFETY_OFFICER: "安全管理员",
}
ENTERPRISE_ROLES = (PostRole.ENTERPRISE_HEAD, PostRole.SAFETY_OFFICER)
"""An enterprise names its contacts in this order."""
AREA_ROLES = frozenset(PostRole) - frozenset(ENTERPRISE_ROLES)
_GRID_ONLY = frozenset({PostRole.GRID_CHIEF, PostRole.GRID_WORKER})


def role_fits(role: PostRole, level: AreaLevel) -> bool:
    """Whether someone can hold the role on a node of that level: grid roles are for grids and communities."""
    if role not in AREA_ROLES:
        return False
    return role not in _GRID_ONLY or level in (AreaLevel.GRID, AreaLevel.COMMUNITY)


@dataclass(frozen=True, slots=True)
class Person:
    """A person on file. Without a name nobody can be called responsible."""

    id: UUID
    version: int
    name: str | None
    phone: str | None
    area_path: str
    enterprise_id: UUID | None = None


_STAFF = (Role.OFFICER, Role.LEADER, Role.DUTY_STAFF, Role.COMMUNITY_STAFF, Role.GRID_WORKER, Role.ADMINISTRATOR)


def may_read_phones(actor: Actor) -> bool:
    """Phones are for those who must be able to call: staff on duty for the place, and the enterprise itself.

    Asked only about rows within the actor's scope (PIPL art. 6 and 34: no more than the task needs).
    """
    return actor.has(*_STAFF) or actor.tier is Tier.ENTERPRISE


def masked(phone: str | None) -> str | None:
    """`13800000001` → `138****0001`: enough to tell numbers apart, too little to call."""
    if phone is None:
        return None
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) >= 9 else "****"
