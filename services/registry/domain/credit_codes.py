"""The unified social credit code (GB 32100-2015): one form of it, and whether its check character is right."""

import re

from stdnum.cn.uscc import calc_check_digit

from services.registry.domain.text import plain

LENGTH = 18
_SEPARATORS = str.maketrans("", "", "-–—_.·'’`")
_SHAPE = re.compile(r"[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}")
_CHARACTERS = re.compile(r"[0-9A-Z]")


def compact(text: str) -> str:
    """Half-width, upper case, without blanks and separators. An empty string when the text holds no code at all.

    `无`, `/` and `办理中` are no codes: the enterprise has none yet.
    """
    code = plain(text).translate(_SEPARATORS)
    if not _CHARACTERS.search(code) or code in {"N/A", "NA", "NULL", "NONE", "0"}:
        return ""
    return code


def is_valid(code: str) -> bool:
    """Whether a compacted code has the shape and the check character of the standard.

    Codes that begin with a letter (N2 farmers' cooperatives, Y1 others) are as good as any: the shape is checked
    here, because the library's own check refuses them.
    """
    return bool(_SHAPE.fullmatch(code)) and code[-1] == calc_check_digit(code[:-1])
