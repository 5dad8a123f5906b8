"""The cell of the statistics that a hazard sits in: state, level, overdue or not, handling. A move changes the cell."""

from dataclasses import dataclass
from functools import lru_cache

from services.hazards.domain.facts import Facts
from services.hazards.domain.lifecycle import State
from services.hazards.domain.vocabulary import Handling, Level


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell; its text form is what the counters are kept under."""

    state: State
    level: Level | None
    overdue: bool
    handling: Handling

    @classmethod
    def parse(cls, text: str) -> "Cell":
        """The inverse of `str`."""
        state, level, overdue, handling = text.split("/")
        return cls(State(state), Level(level) if level else None, bool(overdue), Handling(handling))

    def __str__(self) -> str:
        overdue = "overdue" if self.overdue else ""
        return f"{self.state.value}/{self.level.value if self.level else ''}/{overdue}/{self.handling.value}"


def cell_of(facts: Facts) -> str:
    """The text of the hazard's cell."""
    return _text(facts.state, facts.level, facts.overdue_since is not None, facts.handling)


@lru_cache(maxsize=1024)
def _text(state: State, level: Level | None, overdue: bool, handling: Handling) -> str:
    return str(Cell(state, level, overdue, handling))
