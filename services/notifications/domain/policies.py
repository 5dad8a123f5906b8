"""Policy rows: which ladder and which text apply to a case at a place and an instant."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar
from uuid import UUID

from libs.common.errors import FieldError
from services.notifications.domain.cases import Kind
from services.notifications.domain.errors import BadLadder
from services.notifications.domain.ladder import Rung

LONGEST_WAIT = timedelta(days=90)
MOST_RUNGS = 20


class Row(Protocol):
    """What every policy row has. An empty path means everywhere, no level means any."""

    @property
    def kind(self) -> Kind: ...
    @property
    def level(self) -> str | None: ...
    @property
    def area_path(self) -> str: ...
    @property
    def effective_from(self) -> datetime: ...
    @property
    def effective_to(self) -> datetime | None: ...


R = TypeVar("R", bound=Row)


@dataclass(frozen=True, slots=True)
class LadderPolicy:
    """Who is told of a kind of case, in which order; `recheck` is how often an exhausted alert looks again."""

    id: UUID
    kind: Kind
    level: str | None
    area_path: str
    rungs: tuple[Rung, ...]
    recheck: timedelta
    effective_from: datetime
    effective_to: datetime | None


@dataclass(frozen=True, slots=True)
class Template:
    """What a person reads about a kind of case."""

    id: UUID
    kind: Kind
    area_path: str
    text: str
    effective_from: datetime
    effective_to: datetime | None
    level: str | None = None


def choose(rows: Iterable[R], kind: Kind, level: str | None, area_path: str, now: datetime) -> R | None:
    """The row in force: of the nearest area, then for the very level, then the newest. None: nobody is to be told."""
    fitting = [
        row
        for row in rows
        if row.kind is kind
        and row.level in (None, level)
        and area_path.startswith(row.area_path)
        and row.effective_from <= now
        and (row.effective_to is None or now < row.effective_to)
    ]
    return max(fitting, key=lambda row: (len(row.area_path), row.level is not None, row.effective_from), default=None)


def check_ladder(rungs: tuple[Rung, ...], recheck: timedelta) -> None:
    """Raises BadLadder where the ladder could turn in circles or leave its last tier no time to answer."""
    faults: list[FieldError] = []
    if not 0 < len(rungs) <= MOST_RUNGS:
        faults.append(FieldError("/rungs", "out_of_range", f"须有 1–{MOST_RUNGS} 级"))
    elif not rungs[-1].wait:
        faults.append(FieldError(f"/rungs/{len(rungs) - 1}/wait", "out_of_range", "最后一级的等待时间须大于零"))
    for index, rung in enumerate(rungs):
        if rung.wait > LONGEST_WAIT:
            faults.append(FieldError(f"/rungs/{index}/wait", "out_of_range", "等待时间不得超过 90 天"))
    if not timedelta(seconds=1) <= recheck <= LONGEST_WAIT:
        faults.append(FieldError("/recheck", "out_of_range", "复查间隔须在 1 秒到 90 天之间"))
    if faults:
        raise BadLadder(errors=faults)
