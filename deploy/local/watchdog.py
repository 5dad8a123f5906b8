"""Watches the supervisor, which watches everything else, this process included."""

import subprocess
import sys
import time
from pathlib import Path

from deploy.local.plan import load_plan
from deploy.local.supervisor import revive

NAME = "watchdog"
STEP_SECONDS = 0.5


def watchdog_command(var: Path) -> list[str]:
    """How to start a watchdog for the plan in `var`."""
    return [sys.executable, "-m", "deploy.local.watchdog", str(var)]


def main(var: Path) -> int:
    """Start the supervisor again whenever it is gone, until the system is stopped."""
    plan = load_plan(var)
    if plan is None:
        return 1
    child: subprocess.Popen[bytes] | None = None
    while not plan.stopping.exists():
        if child is not None and child.poll() is not None:
            child = None
        child = revive(plan) or child
        time.sleep(STEP_SECONDS)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
