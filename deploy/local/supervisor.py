"""Keeps the planned processes alive: starts what is missing, adopts what lives, waits longer after each failure."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deploy.local.plan import Plan, ProcessPlan, load_plan
from deploy.local.processes import ProcessFile

NAME = "supervisor"
STEP_SECONDS = 0.2
_FIRST_DELAY, _LONGEST_DELAY, _STEADY_SECONDS = 0.2, 10.0, 30.0
_FAREWELL_SECONDS = 30.0


@dataclass(slots=True)
class _Watched:
    """What the supervisor knows about one process."""

    child: "subprocess.Popen[bytes] | None" = None
    started_at: float = 0.0
    not_before: float = 0.0
    deaths: int = 0  # in a row, each soon after its start
    failures: int = 0  # those of them that were its own doing, not a signal
    exit_code: int | None = None


class Supervisor:
    """One round of `step` looks at every process once."""

    def __init__(self, plan: Plan, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._plan = plan
        self._monotonic = monotonic
        self._watched = {process.name: _Watched() for process in plan.processes}
        self._reported = ""

    def step(self) -> None:
        """Start what should live and does not, unless the system is being stopped."""
        for process in self._plan.processes:
            self._tend(process, self._watched[process.name])
        self._report()

    def has_children(self) -> bool:
        """Whether a process started here still lives; whoever ended is taken off the kernel's books by asking."""
        children = [seen.child for seen in self._watched.values() if seen.child is not None]
        return sum(child.poll() is None for child in children) > 0  # ask each one, not only up to the first

    def _tend(self, process: ProcessPlan, seen: _Watched) -> None:
        now = self._monotonic()
        file = ProcessFile(self._plan.run, process.name)
        if seen.child is not None and seen.child.poll() is not None:
            self._note_death(process, seen, seen.child.returncode, now)
        if file.alive():
            if now - seen.started_at > _STEADY_SECONDS and not process.once:
                seen.deaths = seen.failures = 0
            return
        if process.once and self._plan.done(process.name).exists():
            file.path.unlink(missing_ok=True)  # the kernel may give its number to somebody else
            return
        waits = any(not self._plan.done(name).exists() for name in process.after)
        if waits or now < seen.not_before or self._plan.stopping.exists():
            return
        seen.child = file.start(
            process.command,
            self._plan.log / f"{process.name}.log",
            self._plan.root,
            {**os.environ, **process.environment},
        )
        seen.started_at = now

    def _note_death(self, process: ProcessPlan, seen: _Watched, exit_code: int, now: float) -> None:
        seen.child, seen.exit_code = None, exit_code
        if process.once and exit_code == 0:
            seen.deaths = seen.failures = 0
        elif process.once or exit_code != 0 or now - seen.started_at < _STEADY_SECONDS:
            seen.deaths += 1
            seen.failures += exit_code > 0
        seen.not_before = now + min(_FIRST_DELAY * 2 ** max(seen.deaths - 1, 0), _LONGEST_DELAY)

    def _report(self) -> None:
        """Tell whoever waits for the start how it goes."""
        report = json.dumps(
            {name: {"failures": seen.failures, "exitCode": seen.exit_code} for name, seen in self._watched.items()}
        )
        if report != self._reported:
            fresh = self._plan.run / "status.new"
            fresh.write_text(report)
            fresh.rename(self._plan.run / "status.json")
            self._reported = report


def supervisor_command(var: Path) -> list[str]:
    """How to start a supervisor for the plan in `var`."""
    return [sys.executable, "-m", "deploy.local.supervisor", str(var)]


def revive(plan: Plan) -> "subprocess.Popen[bytes] | None":
    """Start the supervisor unless one lives already or the system is being stopped."""
    if plan.stopping.exists():
        return None
    log = plan.log / f"{NAME}.log"
    return ProcessFile(plan.run, NAME).start(supervisor_command(plan.var), log, plan.root, os.environ)


def main(var: Path) -> int:
    """Supervise until the system is stopped."""
    plan = load_plan(var)
    if plan is None:
        print(f"no plan in {var}", file=sys.stderr)
        return 1
    supervisor = Supervisor(plan)
    while not plan.stopping.exists():
        supervisor.step()
        time.sleep(STEP_SECONDS)
    deadline = time.monotonic() + _FAREWELL_SECONDS
    while supervisor.has_children() and time.monotonic() < deadline:
        time.sleep(STEP_SECONDS / 4)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
