"""Stops a whole system: first those who restart things, then the rest in the reverse order of their start."""

import signal
import sys
from concurrent.futures import ThreadPoolExecutor

from deploy.local.plan import Plan, ProcessPlan
from deploy.local.processes import ProcessFile
from deploy.local.supervisor import NAME as SUPERVISOR
from deploy.local.watchdog import NAME as WATCHDOG


def running(plan: Plan) -> list[str]:
    """The names of the processes that live."""
    names = [SUPERVISOR, *(process.name for process in plan.processes)]
    return [name for name in names if ProcessFile(plan.run, name).alive()]


def stop_system(plan: Plan) -> list[str]:
    """Stop everything and return what had to be ended by force. Nothing of the system lives afterwards."""
    plan.stopping.touch()
    forced: list[str] = []
    ProcessFile(plan.run, WATCHDOG).stop(signal.SIGTERM, 5.0)
    for _ in range(2):  # again for what was just being started while the marker was written
        for group in _in_stages([process for process in plan.processes if process.name != WATCHDOG]):
            with ThreadPoolExecutor(max_workers=len(group)) as together:
                clean = list(together.map(lambda process: _stop(plan, process), group))
            forced += [process.name for process, ok in zip(group, clean, strict=True) if not ok]
        supervisor = ProcessFile(plan.run, SUPERVISOR)
        if not supervisor.wait_gone(1.0):  # it stays until its children have gone, and starts no more
            supervisor.stop(signal.SIGTERM, 2.0)
        ProcessFile(plan.run, WATCHDOG).stop(signal.SIGKILL, 1.0)
    for path in plan.run.glob("*.pid"):
        path.unlink()
    return forced


def _stop(plan: Plan, process: ProcessPlan) -> bool:
    clean = ProcessFile(plan.run, process.name).stop(signal.Signals[process.stop_signal], process.stop_seconds)
    if not clean:
        print(f"{process.name} did not stop within {process.stop_seconds:.0f} s and was ended", file=sys.stderr)
    return clean


def _in_stages(processes: list[ProcessPlan]) -> list[list[ProcessPlan]]:
    """Those that wait for something stop together before those that everything stands on."""
    upper = [process for process in processes if process.after or process.once]
    lower = [process for process in processes if not (process.after or process.once)]
    return [stage for stage in (upper, lower) if stage]
