"""ISO 8601 durations as policy rows write them: `P10D`, `P1M`, `PT24H`, `PT3S`."""

import re
from dataclasses import dataclass
from datetime import timedelta

_PATTERN = re.compile(
    r"P(?=\d|T\d)(?:(\d{1,3})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,5})D)?"
    r"(?:T(?=\d)(?:(\d{1,6})H)?(?:(\d{1,7})M)?(?:(\d{1,8})S)?)?",
    re.ASCII,
)
_LONGEST = timedelta(days=3660)


class BadPeriod(ValueError):
    """The text is no ISO 8601 duration of ours: whole numbers, not negative, at most ten years."""


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A duration: calendar months, days, and an exact part."""

    months: int = 0
    days: int = 0
    exact: timedelta = timedelta(0)

    @classmethod
    def parse(cls, text: str) -> "Period":
        """The period of an ISO 8601 text. Raises BadPeriod."""
        match = _PATTERN.fullmatch(text)
        if match is None:
            raise BadPeriod(text)
        years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
        period = cls(years * 12 + months, weeks * 7 + days, timedelta(hours=hours, minutes=minutes, seconds=seconds))
        if period.rough() > _LONGEST:
            raise BadPeriod(text)
        return period

    @property
    def is_exact(self) -> bool:
        """Whether it counts hours, minutes or seconds, so that no day is rounded to its end."""
        return self.exact > timedelta(0) or self == Period()

    @property
    def is_days(self) -> bool:
        """Whether it counts days alone, without months."""
        return self.days > 0 and self.months == 0 and not self.exact

    def rough(self) -> timedelta:
        """Its length with months of 31 days: for bounds and for order, never for deadlines."""
        return timedelta(days=self.months * 31 + self.days) + self.exact

    def elapsed(self) -> timedelta:
        """Its length as elapsed time; a month counts 30 days where no date is at hand."""
        return timedelta(days=self.months * 30 + self.days) + self.exact

    def __str__(self) -> str:
        date = (f"{self.months}M" if self.months else "") + (f"{self.days}D" if self.days else "")
        seconds = int(self.exact.total_seconds())
        hours, minutes, rest = seconds // 3600, seconds // 60 % 60, seconds % 60
        clock = "".join(f"{n}{unit}" for n, unit in ((hours, "H"), (minutes, "M"), (rest, "S")) if n)
        if not date and not clock:
            return "PT0S"
        return "P" + date + (f"T{clock}" if clock else "")
