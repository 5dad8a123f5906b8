"""Where the processor time of a run goes: each process of the system, PostgreSQL with its backends, the generator."""

import os
import resource
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.evidence.cluster import BenchCluster
from tests.support.family import family

POSTGRES, LOADER = "PostgreSQL", "load generator"
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class ProcessorTime:
    """Seconds of processor time used so far, by name, at one moment."""

    seconds: Mapping[str, float]
    machine: float  # of everything that runs on this machine, ours or not
    at: float

    @classmethod
    def taken(cls, cluster: BenchCluster, pids: Mapping[str, int | Sequence[int]]) -> "ProcessorTime":
        """Now: the processes by name, each with what it started, the server of the run, and children that ended."""
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        replicas = {name: [some] if isinstance(some, int) else some for name, some in pids.items()}
        seconds = {name: sum(map(family_seconds, some)) for name, some in replicas.items()}
        seconds[POSTGRES] = family_seconds(postmaster(cluster))
        seconds[LOADER] = children.ru_utime + children.ru_stime
        return cls(seconds, _machine_seconds(), time.perf_counter())


@dataclass(slots=True)
class Spent:
    """Seconds of processor time spent in several stretches of a run, by name, and how long those lasted."""

    seconds: dict[str, float] = field(default_factory=dict)
    machine: float = 0.0
    lasted: float = 0.0

    def add(self, before: ProcessorTime, after: ProcessorTime) -> None:
        """One more stretch."""
        self.lasted += after.at - before.at
        self.machine += after.machine - before.machine
        for name, spent in after.seconds.items():
            self.seconds[name] = self.seconds.get(name, 0.0) + spent - before.seconds.get(name, 0.0)

    @property
    def ours(self) -> float:
        """How many cores the named processes kept busy on average."""
        return sum(self.seconds.values()) / self.lasted

    @property
    def others(self) -> float:
        """How many cores everything else on the machine kept busy meanwhile."""
        return max(0.0, self.machine / self.lasted - self.ours)

    def cores(self) -> str:
        """How many cores were busy on average, in all and by name, largest first."""
        shares = [("all else", self.others)]
        shares += [(name, spent / self.lasted) for name, spent in self.seconds.items()]
        return f"{self.ours + self.others:.2f} of {os.cpu_count()} cores ({_named(shares, '.2f')})"

    def each(self, units: int) -> str:
        """What one of so many units of work cost, in microseconds, in all and by name, largest first."""
        costs = [(name, spent / units * 1e6) for name, spent in self.seconds.items()]
        return f"{sum(cost for _, cost in costs):.0f} µs ({_named(costs, '.0f')})"


def _named(values: Sequence[tuple[str, float]], form: str) -> str:
    ordered = sorted(values, key=lambda item: -item[1])
    texts = [(name, format(value, form)) for name, value in ordered]
    return ", ".join(f"{name} {text}" for name, text in texts if float(text))


def postmaster(cluster: BenchCluster) -> int:
    """The pid of the server of this run."""
    return int((cluster.cluster.folder / "data" / "postmaster.pid").read_text().split("\n", 1)[0])


def family_seconds(pid: int) -> float:
    """Processor time of a process, of those of its family that live, and of those that it has waited for."""
    return sum(_own_seconds(member) for member in family(pid))


def _machine_seconds() -> float:
    """Processor time that was not idle since the machine started; nan where /proc does not tell."""
    try:
        user, nice, system, _, _, *interrupts = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:8])
    except (OSError, ValueError):
        return float("nan")
    return (user + nice + system + sum(interrupts)) / _TICK


def _own_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return sum(int(field) for field in fields[11:15]) / _TICK
