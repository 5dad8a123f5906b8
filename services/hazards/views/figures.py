"""From counters to the figures a tier looks at: totals that add up, and the trend by day."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from services.hazards.domain.cells import Cell
from services.hazards.domain.lifecycle import FINAL, State
from services.hazards.domain.vocabulary import Handling, Level
from services.hazards.store.counters import CLOSED, FOUND, MISSED, Figure

UNSET = "unset"


@dataclass(slots=True)
class Totals:
    """Figures of one area. `found` leaves out what was void; it is the sum of `by_handling`."""

    found: int = 0
    open: int = 0
    overdue: int = 0
    closed: int = 0
    void: int = 0
    by_state: Counter[str] = field(default_factory=Counter)
    open_by_level: Counter[str] = field(default_factory=Counter)
    overdue_by_level: Counter[str] = field(default_factory=Counter)
    by_handling: Counter[str] = field(default_factory=Counter)

    def add(self, cell: Cell, count: int) -> None:
        """Counts that many hazards of a cell."""
        self.by_state[cell.state] += count
        if cell.state is State.VOID:
            self.void += count
            return
        self.found += count
        self.by_handling[cell.handling] += count
        self.closed += count * (cell.state is State.CLOSED)
        if cell.state not in FINAL:
            level = cell.level or UNSET
            self.open += count
            self.open_by_level[level] += count
            if cell.overdue:
                self.overdue += count
                self.overdue_by_level[level] += count


LEVELS: tuple[str, ...] = (*Level, UNSET)
HANDLINGS: tuple[str, ...] = tuple(Handling)


@dataclass(frozen=True, slots=True)
class DayFigures:
    day: date
    found: int
    closed: int
    missed: int


def total(figures: Iterable[Figure]) -> Totals:
    """The stock of all areas in the figures."""
    totals = Totals()
    for figure in figures:
        if not figure.period:
            totals.add(Cell.parse(figure.metric), figure.value)
    return totals


def totals_by(figures: Iterable[Figure]) -> dict[str, Totals]:
    """The stock by area."""
    by_area: dict[str, Totals] = {}
    for figure in figures:
        if not figure.period:
            by_area.setdefault(figure.area_path, Totals()).add(Cell.parse(figure.metric), figure.value)
    return by_area


def trend(figures: Iterable[Figure], days: Sequence[date]) -> Sequence[DayFigures]:
    """What happened on each of the days, those without anything included."""
    flow: Counter[tuple[str, str]] = Counter()
    for figure in figures:
        if figure.period:
            flow[figure.period, figure.metric] += figure.value
    return [DayFigures(day, *(flow[day.isoformat(), metric] for metric in (FOUND, CLOSED, MISSED))) for day in days]
