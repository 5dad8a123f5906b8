"""The public number of a hazard: `HZ-410503-2026-000123`, by district and year, given once and never again."""

import re
from dataclasses import dataclass
from datetime import datetime

from services.hazards.domain.deadlines import SHANGHAI

_NUMBER = re.compile(r"HZ-(\d{6})-(\d{4})-(\d{6,})", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Series:
    """One run of numbers: a district (six digits) and a year in Asia/Shanghai."""

    district: str
    year: int

    @classmethod
    def at(cls, area_path: str, now: datetime) -> "Series":
        """The series of a find at that place and time."""
        return cls(area_path[:6].ljust(6, "0"), now.astimezone(SHANGHAI).year)

    @property
    def sequence(self) -> str:
        """Name of the database sequence behind it; digits and underscores alone."""
        return f"hazard_number_{int(self.district):06d}_{self.year:04d}"

    def number(self, place: int) -> str:
        """The public number; it grows beyond six digits rather than start again."""
        return f"HZ-{self.district}-{self.year:04d}-{place:06d}"


def series_of(number: str) -> Series | None:
    """The series a number belongs to; None if it is no number of ours."""
    match = _NUMBER.fullmatch(number)
    return Series(match[1], int(match[2])) if match else None
