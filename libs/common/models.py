"""The plain pydantic side of the API: camelCase, unknown fields refused, texts without control characters, pages."""

import re
import unicodedata
from datetime import date, datetime, time
from typing import Annotated, Any, Generic, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
    field_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from libs.common.clock import SHANGHAI

T = TypeVar("T")

_DAY = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
_HOUR = re.compile(r"^([01][0-9]|2[0-3]):[0-5][0-9]$")

_ALLOWED_CONTROLS = frozenset("\n\r\t")


def has_control_characters(text: str) -> bool:
    """Whether the text holds characters no one types: C0 and C1 controls (line breaks and tabs are fine), halves of
    characters, which no database takes, or characters that turn the direction of writing and so can disguise a text."""
    if text.isprintable():
        return False
    return any(
        (unicodedata.category(c) in {"Cc", "Cs"} and c not in _ALLOWED_CONTROLS)
        or "\u202a" <= c <= "\u202e"
        or "\u2066" <= c <= "\u2069"
        for c in text
    )


def _refuse_controls(value: Any) -> Any:
    if isinstance(value, str):
        if has_control_characters(value):
            raise PydanticCustomError("control_characters", "the text holds control characters")
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_controls(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            _refuse_controls(key)
            _refuse_controls(item)
    return value


class ApiModel(BaseModel):
    """Base of every request and answer body."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", serialize_by_alias=True, from_attributes=True
    )

    @field_validator("*", mode="after")
    @classmethod
    def _no_control_characters(cls, value: Any) -> Any:
        return _refuse_controls(value)


def rfc3339(instant: datetime) -> str:
    """The instant as the API writes it: RFC 3339 with the offset of Asia/Shanghai."""
    return instant.astimezone(SHANGHAI).isoformat()


def _written_out(value: Any) -> Any:
    """A number is no time, nor is a number in quotes: only the written form is taken."""
    if isinstance(value, datetime) or (isinstance(value, str) and value[4:5] == "-"):
        return value
    raise PydanticCustomError("datetime_type", "a time is written as in RFC 3339")


def _within_calendar(instant: datetime) -> datetime:
    """In the time of the place: PostgreSQL reads no text with an offset of sixteen hours, which RFC 3339 allows."""
    if not 1970 <= instant.year <= 9000:
        raise PydanticCustomError("impossible_time", "the year is out of range")
    return instant.astimezone(SHANGHAI)


LocalTime = Annotated[
    AwareDatetime,
    BeforeValidator(_written_out),
    AfterValidator(_within_calendar),
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
]
"""An instant: naive times are refused on the way in, `+08:00` on the way out."""


def _day_written_out(value: Any) -> Any:
    if isinstance(value, str) and not _DAY.match(value):
        raise PydanticCustomError("date_type", "a day is written as YYYY-MM-DD")
    if isinstance(value, int | float):
        raise PydanticCustomError("date_type", "a number is no day")
    return value


def _day_within_calendar(day: date) -> date:
    if not 1900 <= day.year <= 9000:
        raise PydanticCustomError("impossible_time", "the year is out of range")
    return day


Day = Annotated[date, BeforeValidator(_day_written_out), AfterValidator(_day_within_calendar)]
"""A calendar day, `2026-09-30`: a number of seconds is none."""


def _hour_written_out(value: Any) -> Any:
    if isinstance(value, time) or (isinstance(value, str) and _HOUR.match(value)):
        return value
    raise PydanticCustomError("time_type", "a time of day is written as HH:MM")


Hour = Annotated[
    time,
    BeforeValidator(_hour_written_out),
    PlainSerializer(lambda value: value.strftime("%H:%M"), return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^([01][0-9]|2[0-3]):[0-5][0-9]$", "examples": ["09:00"]}),
]
"""A time of day in Asia/Shanghai, `09:00`; JSON Schema's own format for times would ask for an offset."""

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
"""A short text, such as a name or a place."""

Prose = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
"""A longer text that staff write."""

AreaCode = Annotated[str, StringConstraints(pattern=r"^([0-9]{12}|[0-9]{15})$")]
"""12 digits of a division (GB/T 10114), or 15 of a grid."""

MOST_ON_A_PAGE = 1000
Limit = Annotated[int, Field(ge=1, le=MOST_ON_A_PAGE, description="每页条数")]
"""How many items one page may hold, of every list of every service."""

Cursor = Annotated[str | None, Field(max_length=500, description="上一页的 nextCursor")]
"""Where the page before ended; opaque to the caller."""


class Paging(ApiModel):
    """Keyset paging, the same for every list."""

    limit: Limit = 50
    cursor: Cursor = None


class Page(ApiModel, Generic[T]):
    """One page in key order; `nextCursor` is null at the end, `total` is there only when asked for."""

    items: list[T]
    next_cursor: str | None = None
    total: int | None = None


class FieldProblem(ApiModel):
    """One field at fault."""

    pointer: str
    code: str
    message: str


class Problem(ApiModel):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldProblem] = []
    trace_id: str = ""
