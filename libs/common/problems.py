"""What went wrong, field by field: pydantic's findings as stable codes with Chinese sentences that never echo input."""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice, takewhile
from typing import Any

from libs.common.errors import AppError, FieldError, InvalidInput, MalformedRequest

MOST_ERRORS = 100

_MESSAGES: Mapping[str, str] = {
    "required": "此项必填",
    "unknown_field": "没有这个字段",
    "wrong_type": "类型不正确",
    "unknown_code": "不是可用的代码",
    "invalid_time": "不是有效的时间",
    "naive_time": "时间须带时区，例如 +08:00",
    "impossible_time": "时间超出可用范围",
    "too_short": "内容过短",
    "too_long": "内容过长",
    "out_of_range": "数值超出范围",
    "wrong_format": "格式不正确",
    "control_characters": "含有不允许的控制字符",
    "invalid_json": "不是有效的 JSON",
    "invalid_value": "内容不正确",
}

_CODES: Mapping[str, str] = {
    "missing": "required",
    "extra_forbidden": "unknown_field",
    "enum": "unknown_code",
    "literal_error": "unknown_code",
    "timezone_aware": "naive_time",
    "timezone_naive": "naive_time",
    "string_too_short": "too_short",
    "too_short": "too_short",
    "string_too_long": "too_long",
    "too_long": "too_long",
    "string_pattern_mismatch": "wrong_format",
    "string_unicode": "control_characters",
    "json_invalid": "invalid_json",
    "control_characters": "control_characters",
    "impossible_time": "impossible_time",
    "uuid_parsing": "wrong_format",
    "finite_number": "out_of_range",
    "int_parsing_size": "out_of_range",
    "int_from_float": "wrong_type",
    "union_tag_invalid": "unknown_code",
}

_NAME = re.compile(r"^[A-Za-z0-9_.-]{1,64}\Z")

_FAMILIES: Sequence[tuple[tuple[str, ...], str]] = (
    (("greater_than", "less_than", "multiple_of", "decimal_max", "decimal_whole"), "out_of_range"),
    (("datetime_", "date_", "time_", "time_delta"), "invalid_time"),
)


def field_errors(findings: Iterable[Mapping[str, Any]]) -> list[FieldError]:
    """Findings of pydantic or FastAPI as field errors; the pointer starts at the part of the request it is in.

    No more than `MOST_ERRORS`: a refusal must not grow with what was sent.
    """
    return [
        FieldError(_pointer(finding["loc"]), code, _MESSAGES.get(code, _MESSAGES["invalid_value"]))
        for finding in islice(findings, MOST_ERRORS)
        for code in (_code(str(finding["type"])),)
    ]


def refusal(findings: Iterable[Mapping[str, Any]]) -> AppError:
    """The refusal of a request in which these things were found."""
    found = field_errors(findings)
    if any(f.code == "invalid_json" for f in found):  # its position inside unreadable JSON is no pointer
        return MalformedRequest("请求内容不是有效的 JSON", [FieldError("", f.code, f.message) for f in found])
    return InvalidInput(errors=found)


def _code(kind: str) -> str:
    if kind in _CODES:
        return _CODES[kind]
    for prefixes, code in _FAMILIES:
        if kind.startswith(prefixes):
            return code
    if kind.endswith(("_type", "_parsing", "_attributes_type")):
        return "wrong_type"
    return kind if kind in _MESSAGES else "invalid_value"


def _pointer(loc: Sequence[int | str]) -> str:
    """`("body", "items", 3, "funds")` → `/items/3/funds`; a query parameter keeps its place: `/query/limit`.

    A name that the caller made up is only repeated when it is a plain one; otherwise the object that holds it is named.
    """
    parts = [str(part) for part in (loc[1:] if loc and loc[0] == "body" else loc)]
    return "".join("/" + part for part in takewhile(_NAME.match, parts))
