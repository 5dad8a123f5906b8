"""Supervision with real processes that do nothing: what dies comes back, what is stopped stays down."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from deploy.local.plan import Plan, ProcessPlan, load_plan
from deploy.local.processes import ProcessFile
from deploy.local.settings import ROOT
from deploy.local.stopping import running, stop_system
from deploy.local.supervisor import NAME as SUPERVISOR
from deploy.local.supervisor import Supervisor, supervisor_command
from deploy.local.watchdog import NAME as WATCHDOG
from deploy.local.watchdog import watchdog_command
from tests.support.family import is_alive

IDLE = [sys.executable, "-c", "import time; time.sleep(600)"]
DEAF = [sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"]


def wait(reached: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def make_plan(var: Path, processes: list[ProcessPlan]) -> Plan:
    plan = Plan(ROOT, var, processes)
    for folder in (plan.run, plan.log):
        folder.mkdir(parents=True)
    plan.save()
    return plan


@pytest.fixture
def system(tmp_path: Path) -> Iterator[Plan]:
    """A supervisor, a watchdog and two idle processes, all really running."""
    plan = make_plan(
        tmp_path, [ProcessPlan(WATCHDOG, watchdog_command(tmp_path)), ProcessPlan("a", IDLE), ProcessPlan("b", IDLE)]
    )
    log = plan.log / "supervisor.log"
    ProcessFile(plan.run, SUPERVISOR).start(supervisor_command(tmp_path), log, ROOT, os.environ)
    wait(lambda: len(running(plan)) == 4 and all(ProcessFile(plan.run, name).pid() for name in running(plan)))
    yield plan
    stop_system(plan)


@pytest.mark.parametrize("name", ["a", SUPERVISOR, WATCHDOG])
def test_whoever_is_killed_comes_back(system: Plan, name: str) -> None:
    others = {other: ProcessFile(system.run, other).pid() for other in running(system) if other != name}
    file = ProcessFile(system.run, name)
    before = file.pid()
    file.send(signal.SIGKILL)
    wait(lambda: file.pid() not in (None, before))
    assert {other: ProcessFile(system.run, other).pid() for other in others} == others  # adopted, not doubled


def test_after_a_stop_nothing_lives_and_nothing_comes_back(system: Plan) -> None:
    pids = [ProcessFile(system.run, name).pid() for name in running(system)]
    assert stop_system(system) == []
    assert running(system) == []
    assert not [pid for pid in pids if pid and is_alive(pid)]
    assert list(system.run.glob("*.pid")) == []


def test_a_process_that_ignores_the_request_is_ended(tmp_path: Path) -> None:
    plan = make_plan(tmp_path, [ProcessPlan("deaf", DEAF, stop_seconds=0.3)])
    Supervisor(plan).step()
    wait(lambda: ProcessFile(plan.run, "deaf").pid() is not None)
    wait(lambda: "SIG_IGN" in Path(f"/proc/{ProcessFile(plan.run, 'deaf').pid()}/cmdline").read_text())
    wait(lambda: _ignores_sigterm(ProcessFile(plan.run, "deaf").pid() or 0))
    assert stop_system(plan) == ["deaf"]
    assert running(plan) == []


def test_a_pid_file_of_somebody_else_is_not_believed(tmp_path: Path) -> None:
    plan = make_plan(tmp_path, [ProcessPlan("a", IDLE)])
    (plan.run / "a.pid").write_text(f"{os.getpid()}\n")  # a number that the kernel has given to another process
    file = ProcessFile(plan.run, "a")
    assert not file.alive()
    file.stop(signal.SIGKILL, 0.1)  # would end this very test
    Supervisor(plan).step()
    wait(lambda: file.pid() not in (None, os.getpid()))
    stop_system(plan)


def test_two_starts_of_one_process_give_one(tmp_path: Path) -> None:
    plan = make_plan(tmp_path, [])
    file = ProcessFile(plan.run, "a")
    child = file.start(IDLE, plan.log / "a.log", ROOT, os.environ)
    assert child is not None
    assert file.start(IDLE, plan.log / "a.log", ROOT, os.environ) is None
    file.stop(signal.SIGTERM, 5)
    child.wait()


def test_one_that_fails_waits_longer_each_time_and_is_reported(tmp_path: Path) -> None:
    now = [100.0]
    plan = make_plan(tmp_path, [ProcessPlan("bad", [sys.executable, "-c", "raise SystemExit(3)"])])
    supervisor, file = Supervisor(plan, lambda: now[0]), ProcessFile(plan.run, "bad")
    starts = []
    for _ in range(400):
        now[0] += 0.1
        before = file.path.stat().st_mtime_ns if file.path.exists() else 0
        supervisor.step()
        if file.path.stat().st_mtime_ns != before:
            starts.append(now[0])
            wait(lambda: not file.alive())
    pauses = [round(later - earlier, 1) for earlier, later in pairwise(starts)]
    assert pauses == sorted(pauses)
    assert pauses[0] < 1 < pauses[-1] <= 10.2
    assert '"exitCode": 3' in (plan.run / "status.json").read_text()


def test_one_that_is_to_run_once_runs_until_it_has_succeeded(tmp_path: Path) -> None:
    done = tmp_path / "run" / "first.done"
    first = [sys.executable, "-c", f"open({str(done)!r}, 'w')"]
    plan = make_plan(tmp_path, [ProcessPlan("first", first, once=True), ProcessPlan("then", IDLE, after=["first"])])
    supervisor = Supervisor(plan)
    supervisor.step()
    assert not ProcessFile(plan.run, "then").alive()
    wait(done.exists)
    wait(lambda: not ProcessFile(plan.run, "first").alive())
    supervisor.step()
    assert running(plan) == ["then"]
    stop_system(plan)


def test_the_plan_is_for_its_owner_alone(tmp_path: Path) -> None:
    plan = make_plan(tmp_path, [ProcessPlan("a", IDLE, {"DATABASE_URL": "secret"})])
    assert (plan.run / "plan.json").stat().st_mode & 0o077 == 0
    assert load_plan(tmp_path) == plan


def _ignores_sigterm(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    mask = int(status.split("SigIgn:")[1].split()[0], 16)
    return bool(mask >> (signal.SIGTERM - 1) & 1)
