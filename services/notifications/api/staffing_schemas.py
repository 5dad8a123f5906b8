"""Contacts and shifts as the API takes and shows them."""

from collections.abc import Mapping
from datetime import time
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from libs.common.actors import area_code
from libs.common.models import ApiModel, AreaCode, LocalTime
from services.notifications.domain.audience import Channel
from services.notifications.domain.delivery import masked

RoleName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{0,39}$"), Field(examples=["duty_staff"])]
Hour = Annotated[
    str,
    StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$"),
    Field(examples=["18:00"], description="北京时间"),
]
Moment = Annotated[LocalTime, Field(examples=["2026-10-01T00:00:00+08:00"])]


def example(**values: Any) -> ConfigDict:
    """The configuration of a request body that shows one good example."""
    return ConfigDict(json_schema_extra={"examples": [values]})


class ContactIn(ApiModel):
    """某人在某区域内的联系方式。"""

    model_config = example(
        personId="019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6a7b",
        areaCode="410503001000",
        channel="webhook",
        address="https://phone.example.org/duty",
    )

    person_id: UUID
    area_code: Annotated[AreaCode, Field(description="在此区域及其下级有效", examples=["410503001000"])]
    channel: Channel
    address: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=2000),
        Field(description="webhook 为 http(s) 地址；log 为任意标签", examples=["https://phone.example.org/duty"]),
    ]
    secret: Annotated[
        str | None, StringConstraints(min_length=16, max_length=200), Field(description="签名密钥，只写不读")
    ] = None


class ContactOut(ApiModel):
    """联系方式；地址已遮蔽。"""

    id: UUID
    person_id: UUID
    area_code: str
    channel: Channel
    address: str
    signed: Annotated[bool, Field(description="是否设有单独的签名密钥")]
    version: int
    created_at: LocalTime


class ShiftIn(ApiModel):
    """一段值班。填了 weekdays 或钟点即为周期值班，钟点可跨零点。"""

    model_config = example(
        areaCode="410503001000",
        personId="019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6a7b",
        role="duty_staff",
        startsAt="2026-10-01T00:00:00+08:00",
        endsAt="2027-01-01T00:00:00+08:00",
        weekdays=[5, 6, 7],
        dayFrom="18:00",
        dayTo="08:00",
    )

    area_code: Annotated[AreaCode, Field(examples=["410503001000"])]
    person_id: UUID
    role: RoleName | None = None
    starts_at: Moment
    ends_at: Moment | None = None
    weekdays: Annotated[
        list[Annotated[int, Field(ge=1, le=7)]],
        Field(default_factory=list, max_length=7, description="1 为星期一，7 为星期日；空为每天"),
    ]
    day_from: Hour | None = None
    day_to: Hour | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> "ShiftIn":
        if self.ends_at is not None and self.ends_at <= self.starts_at:
            raise PydanticCustomError("out_of_range", "ends before it starts")
        if (self.day_from is None) != (self.day_to is None):
            raise PydanticCustomError("required", "both hours or none")
        return self


class ShiftOut(ApiModel):
    """一段值班。"""

    id: UUID
    area_code: str
    person_id: UUID
    role: str | None
    starts_at: LocalTime
    ends_at: LocalTime | None
    weekdays: list[int]
    day_from: str | None
    day_to: str | None
    version: int


def contact_out(row: Mapping[str, Any]) -> ContactOut:
    """A contact without what is secret in it."""
    channel = Channel(row["channel"])
    return ContactOut(
        **{name: row[name] for name in ("id", "person_id", "version", "created_at")},
        area_code=area_code(row["area_path"]),
        channel=channel,
        address=masked(channel, row["address"]),
        signed=row["secret"] is not None,
    )


def shift_out(row: Mapping[str, Any]) -> ShiftOut:
    """A shift."""
    return ShiftOut(
        **{name: row[name] for name in ("id", "person_id", "role", "starts_at", "ends_at", "weekdays", "version")},
        area_code=area_code(row["area_path"]),
        day_from=_hour(row["day_from"]),
        day_to=_hour(row["day_to"]),
    )


def _hour(value: time | str | None) -> str | None:
    return value.strftime("%H:%M") if isinstance(value, time) else value
