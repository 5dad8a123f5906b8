"""The unified social credit code (GB 32100-2015): one form of it, and whether its check character is right."""

import re

from stdnum.cn.uscc import calc_check_digit

from services.registry.domain.text import plain

LENGTH = 18
_SEPARATORS = str.maketrans("", "", "-–—_.·'’`")
_SHAPE = re.compile(r"[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}")
_CHARACTERS = re.compile(r"[0-9A-Z]")
_ASIDE = re.compile(r"\((?![^()]*[0-9A-Z]{8})[^()]*\)")  # a code in brackets is none
_NOT_YET = re.compile(r"办|申请|申领|[暂尚未无待]|没有")
_FEW = 8  # characters: a date beside `办理中`, no part of a code


def compact(text: str) -> str:
    """Half-width, upper case, without blanks, separators and asides. An empty string when the text holds no code.

    `无`, `/`, `办理中` and `9月办理` are no codes: the enterprise has none yet.
    """
    code = _ASIDE.sub("", plain(text)).strip("()").translate(_SEPARATORS)
    said = len(_CHARACTERS.findall(code))
    if said == 0 or code in {"N/A", "NA", "NULL", "NONE", "0"} or (said < _FEW and _NOT_YET.search(code)):
        return ""
    return code


def is_valid(code: str) -> bool:
    """Whether a compacted code has the shape and the check character of the standard.

    Codes that begin with a letter (N2 farmers' cooperatives, Y1 others) are as good as any: the shape is checked
    here, because the library's own check refuses them.
    """
    return bool(_SHAPE.fullmatch(code)) and code[-1] == calc_check_digit(code[:-1])
