"""What the registry tells the world: areas on `registry.areas`, enterprises on `registry.enterprises`.

Every event carries the whole state at its version, so that a reader may start from an empty copy and needs no
earlier event. Persons appear as ids alone: names and phones never leave the registry.
"""

from datetime import date
from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from libs.common.contracts.base import Contract

AREAS = "registry.areas"
ENTERPRISES = "registry.enterprises"


class AreaPost(BaseModel):
    """A person who holds a post on the node. `role` is grid_chief, grid_worker, station_head, duty_staff, …"""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore")

    person_id: UUID
    role: str


class AreaChanged(Contract):
    """An area node was made or changed. `level` is district, street, community or grid.

    `path` is the code without its trailing zero groups. `validTo` is the first day on which the node is no more;
    null while it is in force.
    """

    event_type: ClassVar[str] = "area-changed"
    topic: ClassVar[str] = AREAS

    id: UUID
    version: int
    code: str
    path: str
    name: str
    level: str
    parent_code: str | None = None
    valid_from: date
    valid_to: date | None = None
    posts: tuple[AreaPost, ...] = ()


class EnterpriseState(Contract):
    """What every event of an enterprise says: the enterprise as it is at that version.

    `areaPath` is that of its grid when the grid is known, else that of its community, and `areaCode` the code of the
    same node. `riskLevel` is red, orange, yellow, blue or null; `status` active or closed.
    """

    topic: ClassVar[str] = ENTERPRISES

    id: UUID
    version: int
    name: str
    credit_code: str | None = None
    area_code: str
    area_path: str
    risk_level: str | None = None
    enterprise_class: str | None = None
    status: str
    contact_person_ids: tuple[UUID, ...] = ()


class EnterpriseRegistered(EnterpriseState):
    """An enterprise came under supervision."""

    event_type: ClassVar[str] = "enterprise-registered"


class EnterpriseChanged(EnterpriseState):
    """Something on an enterprise's file changed."""

    event_type: ClassVar[str] = "enterprise-changed"
