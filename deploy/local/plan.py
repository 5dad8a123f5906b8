"""Which processes make up the system: written down once at start, read again by whoever has to restart something."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ProcessPlan:
    """One process: how to start it, what must be done before, how to stop it.

    `once`: it ends by itself and writes `<name>.done` into the run folder when it has succeeded.
    """

    name: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    after: list[str] = field(default_factory=list)
    once: bool = False
    stop_signal: str = "SIGTERM"
    stop_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class Plan:
    """All processes of one system, in the order in which they start; they stop in the reverse order."""

    root: Path
    var: Path
    processes: list[ProcessPlan]

    @property
    def run(self) -> Path:
        """Pids, markers, this plan."""
        return self.var / "run"

    @property
    def log(self) -> Path:
        """One log file per process."""
        return self.var / "log"

    def done(self, name: str) -> Path:
        """The marker of a process that ends by itself."""
        return self.run / f"{name}.done"

    @property
    def instance(self) -> str:
        """What the services of this start call themselves at /readyz."""
        return next((p.environment["INSTANCE"] for p in self.processes if "INSTANCE" in p.environment), "")

    @property
    def stopping(self) -> Path:
        """While this marker exists nothing is started again."""
        return self.run / "stopping"

    def save(self) -> None:
        """Write the plan where only its owner can read it: the database password is in it."""
        fresh = self.run / "plan.new"
        fresh.unlink(missing_ok=True)
        plain = {"root": str(self.root), "var": str(self.var), "processes": [asdict(p) for p in self.processes]}
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            json.dump(plain, out, indent=1)
        fresh.rename(self.run / "plan.json")


def load_plan(var: Path) -> Plan | None:
    """The plan of the system that runs, or ran last, in this folder; None when there never was one."""
    try:
        plain: Mapping[str, object] = json.loads((var / "run" / "plan.json").read_text())
    except (FileNotFoundError, ValueError):
        return None
    processes = plain["processes"]
    assert isinstance(processes, list)
    return Plan(Path(str(plain["root"])), Path(str(plain["var"])), [ProcessPlan(**entry) for entry in processes])
