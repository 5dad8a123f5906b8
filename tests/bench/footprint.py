"""What processes occupy: resident and proportional memory as Linux counts them, and how it grew with the work done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Footprint:
    """Megabytes of one process: `resident` counts shared pages in full, `own` (PSS) divides them among their users."""

    resident: float
    own: float

    @classmethod
    def of(cls, pid: int) -> "Footprint":
        """Now. Raises OSError when the process is gone or the system does not tell."""
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        sizes = {name: value for name, _, value in (line.partition(":") for line in lines)}
        return cls(*(int(sizes[name].split()[0]) * 1024 / _MEGABYTE for name in ("Rss", "Pss")))


@dataclass(frozen=True, slots=True)
class Sample:
    """All processes at one moment of a run, when so many events had been announced."""

    events: int
    footprints: Mapping[str, Footprint]


def slope(samples: Sequence[Sample], name: str, per: int = 100_000) -> float:
    """Megabytes that a process grew by every `per` events: the straight line that fits best; nan for one sample."""
    events = [sample.events for sample in samples]
    sizes = [sample.footprints[name].resident for sample in samples]
    middle, mean = sum(events) / len(events), sum(sizes) / len(sizes)
    spread = sum((x - middle) ** 2 for x in events)
    if not spread:
        return float("nan")
    return sum((x - middle) * (y - mean) for x, y in zip(events, sizes, strict=True)) / spread * per


def second_half(samples: Sequence[Sample]) -> Sequence[Sample]:
    """Those taken when at least half of the events of the last one had been announced."""
    return [sample for sample in samples if sample.events * 2 >= samples[-1].events]
