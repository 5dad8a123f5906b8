"""Enterprises as callers send and receive them."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from libs.common.models import ApiModel, AreaCode, Day, Line, LocalTime, Prose
from services.registry.domain.enterprises import Status
from services.registry.domain.levels import RiskLevel

CreditCode = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]
IndustryCode = Annotated[str, StringConstraints(pattern=r"^[A-T]?[0-9]{2,4}$")]
ClassCode = Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]{1,4}$")]
Phone = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=40)]
Remark = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Headcount = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]
Longitude = Annotated[float, Field(ge=73, le=136, allow_inf_nan=False)]
Latitude = Annotated[float, Field(ge=3, le=54, allow_inf_nan=False)]


class ContactBody(ApiModel):
    """A person whom the enterprise names. Phones are masked in lists."""

    name: Line | None = None
    phone: Phone | None = None


class LicenceBody(ApiModel):
    """A permit; `validUntil` is its last day, null when it does not end or nobody wrote it down."""

    name: Line
    number: Line | None = None
    valid_until: Day | None = None


class _Fields(ApiModel):
    credit_code: CreditCode | None = Field(default=None, description="统一社会信用代码，尚无代码时留空")
    industry_code: IndustryCode | None = Field(default=None, description="GB/T 4754 行业代码")
    venue_type: Line | None = None
    address: Line | None = None
    headcount: Headcount | None = None
    head: ContactBody | None = Field(default=None, description="主要负责人")
    officer: ContactBody | None = Field(default=None, description="安全管理员")
    longitude: Longitude | None = None
    latitude: Latitude | None = None
    licences: Annotated[list[LicenceBody], Field(max_length=50)] | None = None
    remark: Remark | None = None


class EnterpriseIn(_Fields):
    """An enterprise to put on file."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "北关便民超市", "areaCode": "410503001001001", "riskLevel": "blue", "headcount": 6}]
        }
    )

    name: Line
    area_code: AreaCode = Field(description="所在社区(村)的12位编码，或网格的15位编码")
    risk_level: RiskLevel | None = None
    enterprise_class: ClassCode | None = None


class EnterprisePatch(_Fields):
    """Fields to change; one that is left out stays, null empties it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"headcount": 12, "remark": "扩建"}]})

    name: Line | None = None
    area_code: AreaCode | None = None


class ClassificationIn(ApiModel):
    """A class from a day on (today when left out)."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"enterpriseClass": "C", "reason": "年度评定", "on": "2026-09-01"}]}
    )

    enterprise_class: ClassCode
    reason: Prose
    on: Day | None = None


class RiskAssessmentIn(ApiModel):
    """A risk level from a day on (today when left out)."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"riskLevel": "orange", "reason": "新增喷涂工艺", "on": "2026-09-01"}]}
    )

    risk_level: RiskLevel
    reason: Prose
    on: Day | None = None


class ReasonIn(ApiModel):
    """Why."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "已搬迁"}]})

    reason: Prose


class EnterpriseOut(ApiModel):
    """An enterprise as it is now. `areaCode` is its grid when known, else its community."""

    id: UUID
    version: int
    name: str
    credit_code: str | None
    area_code: str
    community_code: str
    grid_code: str | None
    industry_code: str | None
    venue_type: str | None
    address: str | None
    headcount: int | None
    headcount_text: str | None = Field(description="原文，写明的比数字更多时保留，如“约30人”")
    head: ContactBody
    officer: ContactBody
    contact_person_ids: list[UUID]
    risk_level: RiskLevel | None
    risk_level_label: str | None
    enterprise_class: str | None
    longitude: float | None
    latitude: float | None
    coordinate_system: str = Field(description="坐标系，未注明时为 unknown")
    licences: list[LicenceBody]
    remark: str | None
    status: Status
    status_label: str
    created_at: LocalTime
    changed_at: LocalTime


class GradingOut(ApiModel):
    """One decision on class, risk level or status. Of two for one day the later recorded counts."""

    kind: str
    value: str
    effective_on: date
    reason: str
    actor_id: str
    recorded_at: LocalTime


class EnterpriseFileOut(EnterpriseOut):
    """The whole file, with the history of class, risk level and status, oldest first."""

    history: list[GradingOut]


class GradingsOut(ApiModel):
    """What the enterprise was graded as on a day, and all decisions."""

    on: date
    enterprise_class: str | None
    risk_level: RiskLevel | None
    history: list[GradingOut]
