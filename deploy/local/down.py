"""`make down`, `make status`, `make clean`: the ends of a system, and the question whether it lives."""

import shutil
from collections.abc import Mapping

from deploy.local.plan import load_plan
from deploy.local.processes import ProcessFile
from deploy.local.settings import read_settings
from deploy.local.stopping import running, stop_system
from deploy.local.supervisor import NAME as SUPERVISOR


def down(words: Mapping[str, str]) -> int:
    """Stop everything that runs in VAR; the data stay."""
    var = read_settings(words).var
    plan = load_plan(var)
    if plan is None or not running(plan):
        print(f"Nothing runs in {var}.")
        return 0
    stop_system(plan)
    print(f"Stopped. The data stay in {var}.")
    return 0


def status(words: Mapping[str, str]) -> int:
    """Print each process with its pid; exit code 1 if one that should live does not."""
    var = read_settings(words).var
    plan = load_plan(var)
    if plan is None or not running(plan):
        print(f"Nothing runs in {var}.")
        return 1
    missing = 0
    names = [SUPERVISOR, *(process.name for process in plan.processes if not process.once)]
    for name in names:
        pid = ProcessFile(plan.run, name).pid()
        missing += pid is None
        print(f"{name:<14} {pid or 'not running'}")
    for process in plan.processes:
        if process.once:
            print(f"{process.name:<14} {'done' if plan.done(process.name).exists() else 'at work'}")
    return 1 if missing else 0


def clean(words: Mapping[str, str]) -> int:
    """Stop everything and delete VAR, the database included."""
    down(words)
    var = read_settings(words).var
    postgres = var / "postgres"
    if postgres.is_symlink():  # the database lives elsewhere when its account cannot reach VAR
        shutil.rmtree(postgres.resolve(), ignore_errors=True)
    shutil.rmtree(var, ignore_errors=True)
    print(f"Deleted {var}.")
    return 0
