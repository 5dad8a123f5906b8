"""Risk levels (red to blue) and the class scheme (A to D), and how clerks write them."""

import re
from enum import StrEnum
from functools import lru_cache

from services.registry.domain.text import plain


class RiskLevel(StrEnum):
    RED = "red"
    ORANGE = "orange"
    YELLOW = "yellow"
    BLUE = "blue"


RISK_LABELS = {
    RiskLevel.RED: "重大(红)",
    RiskLevel.ORANGE: "较大(橙)",
    RiskLevel.YELLOW: "一般(黄)",
    RiskLevel.BLUE: "低(蓝)",
}
_COLOURS = {"红": RiskLevel.RED, "橙": RiskLevel.ORANGE, "黄": RiskLevel.YELLOW, "蓝": RiskLevel.BLUE}
_WORDS = {"重大": RiskLevel.RED, "较大": RiskLevel.ORANGE, "一般": RiskLevel.YELLOW, "低": RiskLevel.BLUE}
_RISK_NOISE = re.compile(r"[()\[\]【】/、,色级风险区]")
_GRADE_WORD = r"(?:等级|级别|类别|分类|级|类|档|等)"
_CLASS = re.compile(
    rf"{_GRADE_WORD}?:?[(\[【]?([0-9A-Z]{{1,4}})[)\]】]?{_GRADE_WORD}?(?:\([^()0-9A-Z]*\))?(?:企业|单位|场所)?(?:\([^()0-9A-Z]*\))?"
)


@lru_cache(maxsize=256)
def risk_level(text: str) -> RiskLevel | None:
    """The level behind `红`, `重大(红)` or `red`; None for anything else, and when word and colour disagree."""
    bare = _RISK_NOISE.sub("", plain(text))
    if by_code := next((level for level in RiskLevel if level == bare.lower()), None):
        return by_code
    found = set()
    for spelling, level in (*_COLOURS.items(), *_WORDS.items()):
        if spelling in bare:
            found.add(level)
            bare = bare.replace(spelling, "")
    return found.pop() if len(found) == 1 and not bare else None


def class_code(text: str, scheme: frozenset[str]) -> str | None:
    """The code of the scheme behind `b`, `B级`, `Ｂ` or `B(一般)`; None when the scheme has no such class."""
    match = _CLASS.fullmatch(plain(text))
    return match[1] if match and match[1] in scheme else None


def looks_like_a_class(text: str) -> bool:
    """Whether the text is one letter, written as a class is, whatever the scheme."""
    match = _CLASS.fullmatch(plain(text))
    return match is not None and len(match[1]) == 1 and match[1].isalpha()
