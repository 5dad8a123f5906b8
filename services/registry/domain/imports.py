"""What an import tells about the lines of its file: where, what, how bad, and which way each line went."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    ERROR = "error"  # the line was rejected
    WARNING = "warning"  # the line was taken, and someone should look at it


class Outcome(StrEnum):
    """What became of a line; every data line has exactly one."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"


class ImportKind(StrEnum):
    ENTERPRISES = "enterprises"
    AREAS = "areas"


class ImportState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"  # the file as a whole: nothing of it was written


@dataclass(frozen=True, slots=True)
class Spot:
    """A line as the spreadsheet shows it: sheet name and 1-based row."""

    sheet: str
    row: int


@dataclass(frozen=True, slots=True)
class Note:
    """One thing to tell about a line. `column` is the header's own text, `message` a Chinese sentence."""

    spot: Spot
    column: str
    code: StrEnum
    message: str
    severity: Severity = Severity.ERROR
