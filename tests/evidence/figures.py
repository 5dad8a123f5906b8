"""What a part of the bench answers: figures with an aim, the arms behind them, and what is to be said about them."""

from dataclasses import dataclass, field
from typing import Literal

SHORT, OK = "short", "ok"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure, and what it should be: at least (`more`) or at most (`less`) so much.

    `shortfall` is the paragraph for whoever asks why the aim was missed: floor, profile, what would move it.
    """

    name: str
    title: str
    value: float
    unit: str
    aim: float | None
    better: Literal["more", "less"]
    spread: str = ""
    shortfall: str = ""

    @property
    def verdict(self) -> str:
        """`ok` or `short`; a figure without an aim is never short."""
        if self.aim is None:
            return OK
        met = self.value >= self.aim if self.better == "more" else self.value <= self.aim
        return OK if met else SHORT

    def paragraph(self) -> str:
        """Why the aim was missed: what the part says of it, and whatever of floor and remedy it left unsaid."""
        said = [self.shortfall] if self.shortfall else []
        if "floor" not in self.shortfall.lower():
            said.append(self._floor())
        if "would move" not in self.shortfall:
            said.append(self._remedy())
        return " ".join(said)

    def _floor(self) -> str:
        if self.better == "more":
            return (
                f"The floor is {self.aim:g}: nothing but time and the machine keeps a run from it, and the notes say "
                "what ended this one; until then the rest holds for so many only."
            )
        return (
            f"The floor is {self.aim:g}: a promise and no speed, so it is to be mended, not tuned. The seed above has "
            "the same harm done again; the rows and notes say what was met, the run's own lines when."
        )

    def _remedy(self) -> str:
        if self.better == "more":
            return "What would move it is a run at SCALE=1 that is left alone until its end."
        return "What would move it is a test that fails as this run did, and what makes that test pass."

    def line(self) -> str:
        """The line for programs: `name value unit aim ok|short`."""
        aim = "-" if self.aim is None else f"{self.aim:.12g}"
        return f"{self.name} {self.value:.3f} {self.unit} {aim} {self.verdict}"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a part's table: an arm or a floor, how fast it was, and which work it leaves out."""

    arm: str
    rate: str
    skips: str = ""


@dataclass(slots=True)
class Result:
    """Everything that one part found out. `taken` says how it ran where that is not what all parts were asked."""

    part: str
    title: str
    figures: list[Figure] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    taken: str = ""

    def markdown(self) -> str:
        """The part as a section of docs/benchmarks.md."""
        lines = [f"## {self.title}", ""]
        if self.figures:
            lines += ["| figure | value | rounds | aim | |", "|---|---:|---|---:|---|"]
            lines += [_figure_row(figure) for figure in self.figures]
            lines.append("")
        if self.rows:
            lines += ["| arm | a second, unless it says otherwise | leaves out |", "|---|---:|---|"]
            lines += [f"| {row.arm} | {row.rate} | {row.skips or '–'} |" for row in self.rows]
            lines.append("")
        for text in self.skipped:
            lines += [f"Skipped: {text}", ""]
        for note in self.notes:
            lines += [note, ""]
        for figure in self.figures:
            if figure.verdict == SHORT:
                lines += [f"**`{figure.name}` falls short of its aim.** {figure.paragraph()}", ""]
        return "\n".join(lines)


def _figure_row(figure: Figure) -> str:
    sign = "≥" if figure.better == "more" else "≤"
    unit = "" if figure.unit == "ratio" else f" {figure.unit}"
    value = f"{_grouped(figure.value)}{unit}"
    aim = "–" if figure.aim is None else f"{sign} {_grouped(figure.aim)}{unit}"
    return f"| {figure.title} (`{figure.name}`) | {value} | {figure.spread or '–'} | {aim} | {figure.verdict} |"


def _grouped(value: float) -> str:
    """Three digits that matter, or all of a large number with commas."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
