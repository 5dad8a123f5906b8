"""Policy rows as they are posted and shown. Periods are ISO 8601: `P10D`, `P1M`, `PT24H`, `PT3S`."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, StrictBool, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from libs.common.models import ApiModel, AreaCode, Day, Hour, Line, LocalTime
from services.hazards.domain.deadlines import Counting, Term
from services.hazards.domain.escalation import Rung
from services.hazards.domain.lifecycle import ClockKind
from services.hazards.domain.periods import BadPeriod, Period
from services.hazards.domain.vocabulary import Level


def _checked(text: str) -> str:
    try:
        Period.parse(text)
    except BadPeriod as error:
        raise PydanticCustomError("wrong_format", "no ISO 8601 duration of at most ten years") from error
    return text


PeriodText = Annotated[
    str,
    StringConstraints(
        pattern=r"^P([0-9]{1,2}M)?([0-9]{1,2}W)?([0-9]{1,3}D)?(T([0-9]{1,4}H)?([0-9]{1,5}M)?([0-9]{1,7}S)?)?$"
    ),
    AfterValidator(_checked),
    Field(examples=["P10D", "PT24H", "PT3S"]),
]
Clock = Literal[ClockKind.VERIFICATION, ClockKind.DISPATCH, ClockKind.DEADLINE, ClockKind.REINSPECTION]


class PolicyIn(ApiModel):
    """What every policy row says. Of several rows the one of the most specific place wins, then the newest."""

    code: Line = Field(description="规则代号")
    area_code: AreaCode | None = Field(default=None, description="适用区域及其下级；不填为本人辖区")
    level: Level | None = Field(default=None, description="只适用于此级别；不填为所有级别")
    basis: Line = Field(description="依据")
    effective_from: Day | None = Field(default=None, description="生效日（含）；不填为今日")
    effective_to: Day | None = Field(default=None, description="失效日（含）；不填为长期")

    @model_validator(mode="after")
    def _in_order(self) -> "PolicyIn":
        if self.effective_from and self.effective_to and self.effective_to < self.effective_from:
            raise PydanticCustomError("invalid_value", "effectiveTo is before effectiveFrom")
        return self


class PolicyOut(ApiModel):
    """What every policy row shows; `areaCode` null holds everywhere."""

    id: UUID
    code: str
    area_code: str | None = None
    level: Level | None = None
    basis: str
    effective_from: date
    effective_to: date | None = None
    created_by: str
    created_at: LocalTime


class DeadlinePolicyIn(PolicyIn):
    """How long a clock runs. Days end at 23:59:59 in Asia/Shanghai and do not count the first day."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "code": "RECTIFY",
                    "areaCode": "410503001001",
                    "clock": "deadline",
                    "level": "general",
                    "period": "P5D",
                    "counting": "working_days",
                    "basis": "街道安委办〔2026〕3号",
                },
                {"code": "DRILL", "areaCode": "410503001002", "clock": "deadline", "period": "PT3S", "basis": "演练"},
            ]
        }
    )

    clock: Clock = Field(description="哪个时限：核实、交办、整改、复查")
    category: Line | None = Field(default=None, description="只适用于此类别")
    period: PeriodText
    counting: Counting | None = Field(default=None, description="不填时：按时分秒写的为实际时长，其余为自然日")
    roll_forward: StrictBool = Field(default=True, description="末日逢法定休假日顺延")

    def term(self) -> Term:
        """The term as the rules read it."""
        period = Period.parse(self.period)
        default = Counting.ELAPSED if period.is_exact else Counting.CALENDAR_DAYS
        return Term(period, self.counting or default, self.roll_forward)

    @model_validator(mode="after")
    def _sound(self) -> "DeadlinePolicyIn":
        if not self.term().is_sound:
            raise PydanticCustomError("invalid_value", "period and counting do not go together")
        return self


class DeadlinePolicyOut(PolicyOut):
    clock: ClockKind
    category: str | None = None
    period: str
    counting: Counting
    roll_forward: bool


class ReminderPolicyIn(PolicyIn):
    """How long before the deadline its holder is reminded."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "code": "REMIND",
                    "areaCode": "410503001001",
                    "before": ["P3D", "P1D"],
                    "atTime": "09:00",
                    "basis": "街道安委办〔2026〕3号",
                }
            ]
        }
    )

    before: list[PeriodText] = Field(max_length=20, description="到期前多久；空表示不提醒")
    at_time: Hour | None = Field(default=None, description="按日计的提醒在当日几点；不填则与时限同一时刻")


class ReminderPolicyOut(PolicyOut):
    before: list[str]
    at_time: Hour | None = None


class StepModel(ApiModel):
    """One rung: that tier is told so long after the deadline was missed."""

    tier: Rung
    after: PeriodText


class EscalationPolicyIn(PolicyIn):
    """Who is told how long after the deadline; the grid and the enterprise hear of it at the deadline itself."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "code": "OVERDUE",
                    "areaCode": "410503001001",
                    "steps": [{"tier": "community", "after": "P1D"}, {"tier": "street", "after": "P3D"}],
                    "basis": "街道安委办〔2026〕3号",
                }
            ]
        }
    )

    steps: list[StepModel] = Field(max_length=10, description="依次升级；空表示不升级")

    @model_validator(mode="after")
    def _rising(self) -> "EscalationPolicyIn":
        after = [Period.parse(step.after).elapsed() for step in self.steps]
        if after != sorted(after):
            raise PydanticCustomError("invalid_value", "steps do not rise")
        return self


class EscalationPolicyOut(PolicyOut):
    steps: list[StepModel]
