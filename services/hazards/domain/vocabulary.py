"""The small closed vocabularies of a hazard besides its state, with their Chinese labels."""

from enum import StrEnum


class Level(StrEnum):
    """Grade of a hazard (order 16, art. 3)."""

    GENERAL = "general"
    MAJOR = "major"


class Source(StrEnum):
    """How a hazard came to be known. An inspection by officers and a patrol by grid workers are not the same."""

    INSPECTION = "inspection"
    PATROL = "patrol"
    SELF_INSPECTION = "self_inspection"
    PUBLIC = "public"
    HOTLINE = "hotline"
    PETITION = "petition"
    SENSOR = "sensor"
    SUPERIOR = "superior"
    CAMPAIGN = "campaign"
    OTHER = "other"


class Handling(StrEnum):
    """What became of a find so far; one each, so that found = fixed on the spot + ordered + pre-handled."""

    PRE_HANDLED = "pre_handled"
    FIXED_ON_SPOT = "fixed_on_spot"
    ORDERED = "ordered"


class OrderKind(StrEnum):
    """The paper that obliges someone: an assignment order, or the legal rectification order."""

    ASSIGNMENT = "assignment"
    RECTIFICATION_ORDER = "rectification_order"


LEVEL_LABELS = {Level.GENERAL: "一般隐患", Level.MAJOR: "重大隐患"}

SOURCE_LABELS = {
    Source.INSPECTION: "执法检查",
    Source.PATROL: "网格巡查",
    Source.SELF_INSPECTION: "企业自查",
    Source.PUBLIC: "群众举报",
    Source.HOTLINE: "热线转办",
    Source.PETITION: "信访交办",
    Source.SENSOR: "设备报警",
    Source.SUPERIOR: "上级交办",
    Source.CAMPAIGN: "专项行动",
    Source.OTHER: "其他",
}

HANDLING_LABELS = {
    Handling.PRE_HANDLED: "先行处置",
    Handling.FIXED_ON_SPOT: "现场整改",
    Handling.ORDERED: "限期整改",
}
