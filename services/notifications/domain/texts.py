"""What a person reads: a template of a policy row filled in with number, place, level and deadline, in Chinese."""

from collections.abc import Mapping
from datetime import datetime
from string import Formatter

from libs.common.clock import SHANGHAI
from libs.common.errors import FieldError
from services.notifications.domain.audience import Tier
from services.notifications.domain.cases import Hazard
from services.notifications.domain.errors import BadTemplate

LEVELS: Mapping[str | None, str] = {"general": "一般隐患", "major": "重大隐患", None: "尚未定级"}

TIERS: Mapping[Tier, str] = {
    Tier.ENTERPRISE: "企业",
    Tier.GRID: "网格",
    Tier.COMMUNITY: "社区",
    Tier.STREET: "街道",
    Tier.LEADER: "分管领导",
    Tier.DISTRICT: "区级",
}

REQUIRED = frozenset({"number", "place", "level", "deadline"})
PLACEHOLDERS = REQUIRED | {"tier"}


def check_template(text: str) -> None:
    """Raises BadTemplate unless the text has exactly the placeholders that exist, and those that must be there."""
    try:
        fields = [(name, spec, conversion) for _, name, spec, conversion in Formatter().parse(text) if name is not None]
    except ValueError as error:
        raise BadTemplate(errors=[FieldError("/text", "wrong_format", "花括号不成对")]) from error
    names = {name for name, _, _ in fields}
    if names - PLACEHOLDERS or any(spec or conversion for _, spec, conversion in fields):
        allowed = "、".join(f"{{{name}}}" for name in sorted(PLACEHOLDERS))
        raise BadTemplate(errors=[FieldError("/text", "unknown_code", f"可用的占位符只有 {allowed}")])
    if missing := REQUIRED - names:
        raise BadTemplate(
            errors=[FieldError("/text", "required", "缺少 " + "、".join(f"{{{n}}}" for n in sorted(missing)))]
        )


def render(template: str, hazard: Hazard, tier: Tier, area: str) -> str:
    """The message for one rung; `area` is the place in words. A drill says so first."""
    text = template.format(
        number=hazard.number,
        place=_place(hazard, area),
        level=LEVELS.get(hazard.level, LEVELS[None]),
        deadline=_deadline(hazard),
        tier=TIERS[tier],
    )
    return f"【演练】{text}" if hazard.simulated else text


def moment(instant: datetime) -> str:
    """`2026年9月30日 23:59` in Asia/Shanghai."""
    local = instant.astimezone(SHANGHAI)
    return f"{local.year}年{local.month}月{local.day}日 {local:%H:%M}"


def _deadline(hazard: Hazard) -> str:
    """The time limit that counts now: of the order while one is in force, else of the authority."""
    limit = hazard.due_at if hazard.state == "ordered" else hazard.act_by or hazard.due_at
    return moment(limit) if limit else "尚未确定"


def _place(hazard: Hazard, area: str) -> str:
    parts = [part for part in (area, hazard.enterprise_name, hazard.place) if part]
    return " ".join(dict.fromkeys(parts))
