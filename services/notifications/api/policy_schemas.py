"""Ladders and templates as the API takes and shows them."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from libs.common.actors import area_code
from libs.common.models import ApiModel, AreaCode, LocalTime
from services.notifications.api.staffing_schemas import Moment, RoleName, example
from services.notifications.domain.audience import Tier
from services.notifications.domain.cases import Kind
from services.notifications.domain.durations import format_duration, parse_duration
from services.notifications.domain.policies import MOST_RUNGS


def _duration(text: str) -> str:
    try:
        return format_duration(parse_duration(text))
    except ValueError as error:
        raise PydanticCustomError("wrong_format", "not an ISO 8601 duration") from error


Duration = Annotated[
    str,
    StringConstraints(max_length=40),
    AfterValidator(_duration),
    Field(examples=["PT30M"], description="ISO 8601 时长"),
]
Code = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,63}$"),
    Field(description="规则编码", examples=["overdue-chengbei"]),
]
Prose = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]


class RungIn(ApiModel):
    """一级：通知谁，等多久。等待为零则同时通知下一级。"""

    tier: Tier
    wait: Duration
    roles: Annotated[list[RoleName], Field(default_factory=list, max_length=10, description="空为任何岗位")]


class _PolicyIn(ApiModel):
    code: Code
    kind: Annotated[Kind, Field(description="事由")]
    area_code: Annotated[AreaCode, Field(description="在此区域及其下级有效；最近的区域优先", examples=["410503001000"])]
    effective_from: Annotated[Moment | None, Field(description="不填即立刻")] = None
    effective_to: Moment | None = None
    basis: Annotated[Prose, Field(description="依据", examples=["街道安全生产值班制度"])]

    @model_validator(mode="after")
    def _lasts(self) -> "_PolicyIn":
        if self.effective_from and self.effective_to and self.effective_to <= self.effective_from:
            raise PydanticCustomError("out_of_range", "ends before it starts")
        return self


class LadderPolicyIn(_PolicyIn):
    """某类提醒依次通知谁。已经开始的提醒不受影响。"""

    model_config = example(
        code="overdue-zhangbei",
        kind="overdue",
        areaCode="410503001000",
        basis="街道安全生产值班制度",
        rungs=[{"tier": "community", "wait": "PT30M"}, {"tier": "street", "wait": "PT2H", "roles": ["duty_staff"]}],
    )

    level: Annotated[Literal["general", "major"] | None, Field(description="不填为任何等级")] = None
    rungs: Annotated[list[RungIn], Field(min_length=1, max_length=MOST_RUNGS)]
    recheck: Annotated[Duration, Field(description="无人可通知时，隔多久再看")] = "PT15M"


class TemplateIn(_PolicyIn):
    """某类提醒的文字。占位符：{number} {place} {level} {deadline} 必有，{tier} 可有。"""

    model_config = example(
        code="overdue-zhangbei",
        kind="overdue",
        areaCode="410503001000",
        basis="街道安全生产值班制度",
        text="【{level}】隐患 {number} 已逾期，地点：{place}，期限：{deadline}，请{tier}督促。",
    )

    text: Annotated[Prose, Field(examples=["【{level}】隐患 {number} 已逾期，地点：{place}，期限：{deadline}。"])]


class _PolicyOut(ApiModel):
    id: UUID
    code: str
    kind: Kind
    area_code: Annotated[str | None, Field(description="空为各地通用")]
    effective_from: LocalTime
    effective_to: LocalTime | None
    basis: str
    version: int


class LadderPolicyOut(_PolicyOut):
    """某类提醒依次通知谁。"""

    level: str | None
    rungs: list[RungIn]
    recheck: str


class TemplateOut(_PolicyOut):
    """某类提醒的文字。"""

    text: str


def ladder_out(row: Mapping[str, Any]) -> LadderPolicyOut:
    """A ladder."""
    rungs = [RungIn(tier=rung["tier"], wait=rung["wait"], roles=rung.get("roles") or []) for rung in row["rungs"]]
    return LadderPolicyOut(**_policy_fields(row), level=row["level"], rungs=rungs, recheck=row["recheck"])


def template_out(row: Mapping[str, Any]) -> TemplateOut:
    """A template."""
    return TemplateOut(**_policy_fields(row), text=row["text"])


def _policy_fields(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("id", "code", "kind", "effective_from", "effective_to", "basis", "version")
    return {name: row[name] for name in names} | {
        "area_code": area_code(row["area_path"]) if row["area_path"] else None
    }
