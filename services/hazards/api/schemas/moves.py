"""Bodies of the moves. A reason is always welcome and goes into the log."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from libs.common.models import ApiModel, Line, LocalTime, Prose
from services.hazards.domain.basis import Basis
from services.hazards.domain.moves import Duties
from services.hazards.domain.vocabulary import Level

_MOST = 1_000_000_000_000


class BasisIn(ApiModel):
    """The legal basis: standard, its version, the clause."""

    standard: Line | None = None
    version: Line | None = None
    clause: Line | None = None
    text: Prose | None = None


def _sentence(value: Any) -> Any:
    """A citation in one sentence is the text of a basis."""
    return {"text": value} if isinstance(value, str) else value


Cited = Annotated[
    BasisIn,
    BeforeValidator(_sentence),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1, "maxLength": 4000, "examples": ["GB 35181-2025 第6.1条"]},
                {"$ref": "#/components/schemas/BasisIn"},
            ]
        },
        mode="validation",
    ),
]


def _amount(value: Any) -> Any:
    """Funds are said in words or as an amount in yuan."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise PydanticCustomError("wrong_type", "funds are a text or an amount")
    if isinstance(value, str):
        if len(value) > 200:
            raise PydanticCustomError("too_long", "funds are said in 200 characters")
    elif not 0 <= value <= _MOST:  # NaN is neither
        raise PydanticCustomError("out_of_range", "an amount is not negative")
    return value


Funds = Annotated[
    str | int | float,
    BeforeValidator(_amount),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "maxLength": 200}, {"type": "number", "minimum": 0, "maximum": _MOST}]},
        mode="validation",
    ),
]


class ReasonIn(ApiModel):
    """Why; may be left out."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "现场核查情况属实"}]})

    reason: Prose | None = None


class VerificationIn(ApiModel):
    """The finding. A major hazard needs an officer and a basis with standard, version and clause."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"level": "general", "category": "evacuation", "basis": "GB 55037-2022 第7.1.2条"},
                {
                    "level": "major",
                    "category": "fire",
                    "basis": {"standard": "GB 35181", "version": "2025", "clause": "第6.1条"},
                },
            ]
        }
    )

    level: Level
    category: Line | None = Field(default=None, description="类别，见代码表 categories；上报时已填的可不填")
    basis: Cited | None = Field(default=None, description="判定依据：一句话，或标准、版本、条款")
    reason: Prose | None = None

    def cited(self) -> Basis | None:
        """The basis as the rules read it; a sentence alone is searched for standard, version and clause."""
        given = self.basis
        if given is None:
            return None
        if given.text and not (given.standard or given.version or given.clause):
            return Basis.cite(given.text)
        return Basis(given.standard, given.version, given.clause, given.text)


_ORDER_EXAMPLE: dict[str, Any] = {
    "measures": "清空通道，划线并每日巡查",
    "responsible": "厂长张某",
    "funds": 2000,
    "contingencyPlan": "整改期间二层停止作业，专人值守",
    "dueAt": "2026-09-30T23:59:59+08:00",
}


class OrderIn(ApiModel):
    """The five things an order must settle (五落实); without `dueAt` policy sets the time limit."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ORDER_EXAMPLE]})

    measures: Annotated[str, Field(max_length=4000)] | None = Field(default=None, description="措施落实，必填")
    responsible: Annotated[str, Field(max_length=200)] | None = Field(default=None, description="责任落实，必填")
    funds: Funds | None = Field(default=None, description="资金落实，必填：说明，或金额（元）")
    contingency_plan: Annotated[str, Field(max_length=4000)] | None = Field(default=None, description="预案落实，必填")
    interim_measures: Prose | None = Field(default=None, description="整改期间的安全防护措施")
    due_at: LocalTime | None = Field(default=None, description="时限落实：不早于现在；不填则按期限规则")
    reason: Prose | None = None

    def duties(self) -> Duties:
        """The duties as the rules read them."""
        return Duties(
            measures=self.measures,
            responsible=self.responsible,
            funds=self.funds,
            contingency_plan=self.contingency_plan,
            interim_measures=self.interim_measures,
            due_at=self.due_at,
        )


class RectificationIn(ApiModel):
    """What was done."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"description": "通道已清空并划线"}]})

    description: Prose | None = Field(default=None, description="整改情况")
    reason: Prose | None = None


class ReinspectionIn(ApiModel):
    """What the re-inspection found; a fail opens the next round, with `dueAt` or the deadline of policy."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"result": "pass", "reason": "通道畅通，标识齐全"}]})

    result: Literal["pass", "fail"]
    reason: Prose | None = None
    due_at: LocalTime | None = Field(default=None, description="不合格时的新时限；不填则按期限规则")
