"""ISO 8601 durations of policy rows, from weeks to seconds; months and years have no fixed length."""

import re
from datetime import timedelta
from functools import lru_cache

_PARTS = re.compile(
    r"P(?:(?P<weeks>\d{1,4})W)?(?:(?P<days>\d{1,5})D)?"
    r"(?:T(?:(?P<hours>\d{1,6})H)?(?:(?P<minutes>\d{1,7})M)?(?:(?P<seconds>\d{1,8}(?:\.\d{1,3})?)S)?)?",
    re.ASCII,
)


def parse_duration(text: str) -> timedelta:
    """`PT30M` → thirty minutes. Raises ValueError for anything else, a bare `P` or `PT` included."""
    match = _PARTS.fullmatch(text)
    parts = {name: float(value) for name, value in match.groupdict().items() if value} if match else {}
    if not parts or text.endswith("T"):
        raise ValueError(f"not an ISO 8601 duration of weeks, days, hours, minutes and seconds: {text!r}")
    return timedelta(**parts)


@lru_cache(maxsize=1024)  # policies name a few dozen
def format_duration(span: timedelta) -> str:
    """The shortest form of a duration that is not negative: thirty minutes → `PT30M`, nothing → `PT0S`."""
    if span < timedelta(0):
        raise ValueError("a duration is never negative")
    hours, rest = divmod(span.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    whole = f"{seconds + span.microseconds / 1_000_000:g}"
    days = f"{span.days}D" if span.days else ""
    time = "".join(f"{value}{unit}" for value, unit in ((hours, "H"), (minutes, "M")) if value)
    time += f"{whole}S" if whole != "0" else ""
    return f"P{days}{'T' + time if time else ''}" if days or time else "PT0S"
