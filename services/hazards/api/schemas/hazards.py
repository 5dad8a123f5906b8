"""A hazard as it is reported and as it is shown, and the lines of its log."""

from typing import Any
from uuid import UUID

from pydantic import ConfigDict, Field, field_validator

from libs.common.actors import Role, Tier
from libs.common.models import ApiModel, AreaCode, Line, LocalTime, Problem, Prose
from services.hazards.domain.escalation import Rung
from services.hazards.domain.lifecycle import Move, State
from services.hazards.domain.vocabulary import Handling, Level, OrderKind, Source

MAX_ITEMS = 1000

REPORT_EXAMPLE: dict[str, Any] = {
    "enterpriseId": "01990a3c-5a7e-7c11-8f4e-0c2f5b7d9a10",
    "source": "inspection",
    "description": "二层车间疏散通道堆放纸箱，宽度不足",
    "category": "evacuation",
    "suggestedLevel": "general",
}
PLACE_EXAMPLE: dict[str, Any] = {
    "areaCode": "410503001001001",
    "place": "北关市场东门配电箱",
    "source": "patrol",
    "description": "配电箱无门，线头裸露",
    "category": "electrical",
}


class ReportIn(ApiModel):
    """A report: at an enterprise, or at a place in an area."""

    model_config = ConfigDict(json_schema_extra={"examples": [REPORT_EXAMPLE, PLACE_EXAMPLE]})

    enterprise_id: UUID | None = Field(default=None, description="企业；不填时须填 areaCode 和 place")
    area_code: AreaCode | None = Field(default=None, description="12 位区划代码或 15 位网格代码")
    place: Line | None = Field(default=None, description="具体地点")
    source: Source = Field(description="来源，见代码表 sources")
    description: Prose = Field(description="隐患描述，不要写个人信息")
    category: Line | None = Field(default=None, description="类别，见代码表 categories")
    suggested_level: Level | None = Field(default=None, description="建议级别；重大隐患由执法人员认定")


class OrderOut(ApiModel):
    """What the order in force says (五落实)."""

    kind: OrderKind
    measures: str
    responsible: str
    funds: str | float
    contingency_plan: str
    interim_measures: str | None = None
    ordered_by: str
    ordered_at: LocalTime


class BasisOut(ApiModel):
    """The legal basis of the level."""

    standard: str | None = None
    version: str | None = None
    clause: str | None = None
    text: str | None = None


class HazardOut(ApiModel):
    """A hazard as it is now. `version` is also its ETag; send it back as If-Match with the next move."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "01990a3d-0b1f-7d54-9a36-6b1f4f1f2a3c",
                    "number": "HZ-410503-2026-000123",
                    "state": "ordered",
                    "stateLabel": "整改中",
                    "version": 3,
                    "level": "general",
                    "levelLabel": "一般隐患",
                    "category": "evacuation",
                    "source": "inspection",
                    "description": "二层车间疏散通道堆放纸箱，宽度不足",
                    "areaCode": "410503001001001",
                    "enterpriseId": "01990a3c-5a7e-7c11-8f4e-0c2f5b7d9a10",
                    "enterpriseName": "北关彩印厂",
                    "handling": "ordered",
                    "round": 1,
                    "dueAt": "2026-09-30T23:59:59+08:00",
                    "dueProvisional": False,
                    "overdueDays": 0,
                    "missedDeadlines": 0,
                    "escalationRung": 0,
                    "reportedAt": "2026-09-24T10:02:11+08:00",
                    "changedAt": "2026-09-24T11:20:00+08:00",
                    "allowedMoves": ["submit"],
                }
            ]
        }
    )

    id: UUID
    number: str = Field(description="公开编号，永不重复使用")
    state: State
    state_label: str
    version: int
    level: Level | None = None
    level_label: str | None = None
    suggested_level: Level | None = None
    category: str | None = None
    source: Source
    description: str
    area_code: str
    enterprise_id: UUID | None = None
    enterprise_name: str | None = None
    place: str | None = None
    handling: Handling = Field(description="先行处置、现场整改、限期整改三者必居其一")
    round: int = Field(description="第几轮整改；0 表示尚未交办")
    due_at: LocalTime | None = Field(default=None, description="整改时限，含当日")
    due_provisional: bool = Field(default=False, description="所跨年份的放假安排尚未公布，时限可能调整")
    overdue_since: LocalTime | None = Field(default=None, description="逾期自何时起；未逾期为空")
    overdue_days: int = Field(description="已逾期几天：自逾期之日起按北京时间的日历日计，含当日；未逾期为 0")
    missed_deadlines: int = Field(description="历次逾期次数")
    act_by: LocalTime | None = Field(default=None, description="当前环节（核实、交办、复查）应在此前完成")
    act_overdue_since: LocalTime | None = None
    escalation_rung: int = Field(description="逾期升级到第几级；0 表示未升级")
    escalation_tier: Rung | None = None
    basis: BasisOut | None = None
    order: OrderOut | None = None
    reported_at: LocalTime
    reported_by: str | None = Field(default=None, description="上报人；对被举报企业不显示")
    submitted_at: LocalTime | None = None
    submitted_by: str | None = None
    closed_at: LocalTime | None = None
    changed_at: LocalTime
    allowed_moves: list[Move] = Field(description="您现在可以对它做什么")


class BatchIn(ApiModel):
    """Up to 1,000 reports; each is accepted or refused alone, in the order given."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [REPORT_EXAMPLE, PLACE_EXAMPLE]}]})

    items: list[Any] = Field(
        min_length=1,
        max_length=MAX_ITEMS,
        json_schema_extra={"items": {"$ref": "#/components/schemas/ReportIn"}},
    )

    @field_validator("*", mode="after")
    @classmethod
    def _no_control_characters(cls, value: Any) -> Any:
        """Every item is looked at as a `ReportIn`, so that one bad text refuses its own item alone."""
        return value


class BatchItemOut(ApiModel):
    """What became of one item: `hazard` with 201, or `problem` with the status it would have had alone."""

    status: int
    hazard: HazardOut | None = None
    problem: Problem | None = None


class BatchOut(ApiModel):
    items: list[BatchItemOut]


class LogEntryOut(ApiModel):
    """One move: who, in which role, from what to what, when, why."""

    version: int
    at: LocalTime
    move: Move
    move_label: str
    from_state: State | None = None
    to_state: State
    actor_id: str | None = Field(default=None, description="操作人；对被举报企业不显示举报人")
    actor_name: str | None = None
    tier: Tier
    role: Role
    round: int
    reason: str | None = None
    details: dict[str, Any] | None = None


class LogOut(ApiModel):
    """The whole history of a hazard, oldest first."""

    items: list[LogEntryOut]
