"""Nodes of the area tree, posts and persons as callers send and receive them."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, StringConstraints

from libs.common.models import ApiModel, AreaCode
from services.registry.api.schemas.enterprises import Phone
from services.registry.domain.people import PostRole
from services.registry.domain.places import AreaLevel

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class AreaIn(ApiModel):
    """A node to make below one in force; its level and parent follow from its code."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"code": "410503001001009", "name": "北关第9网格"}]})

    code: AreaCode
    name: Name


class AreaPatch(ApiModel):
    """Another name."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "北关第九网格"}]})

    name: Name


class PostIn(ApiModel):
    """A person who answers for the place in a role."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"personId": "01980000-0000-7000-8000-000000000001", "role": "grid_worker"}]}
    )

    person_id: UUID
    role: PostRole


class PostOut(ApiModel):
    """A post that is held now."""

    person_id: UUID
    role: str


class AreaOut(ApiModel):
    """A node of the tree. `validTo` is the first day on which it is no more."""

    id: UUID
    version: int
    code: str
    name: str
    level: AreaLevel
    level_label: str
    parent_code: str | None
    valid_from: date
    valid_to: date | None
    posts: list[PostOut]


class PersonIn(ApiModel):
    """A person at a place of the tree, or of an enterprise: exactly one of the two."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "网格员甲", "phone": "19900000000", "areaCode": "410503001001001"}]}
    )

    name: Name
    phone: Phone | None = None
    area_code: AreaCode | None = None
    enterprise_id: UUID | None = None


class PersonPatch(ApiModel):
    """Another name or phone; what is left out stays, a null phone is removed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"phone": "19900000001"}]})

    name: Name | None = None
    phone: Phone | None = None


class HeldPost(ApiModel):
    """A post that a person holds now: on a node, or at an enterprise."""

    role: str
    role_label: str
    area_code: str | None
    enterprise_id: UUID | None
    valid_from: date


class PersonOut(ApiModel):
    """A person on file. The phone is masked in lists and for whoever has no need to call."""

    id: UUID
    version: int
    name: str | None
    phone: str | None
    area_code: str
    enterprise_id: UUID | None
    posts: list[HeldPost]
