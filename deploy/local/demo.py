"""`make demo` and `make migrate`: a one-time process of the running system, run once more."""

from collections.abc import Mapping

from deploy.local.plan import Plan, load_plan
from deploy.local.problems import LocalProblem
from deploy.local.processes import ProcessFile
from deploy.local.settings import read_settings
from deploy.local.story.book import Book
from deploy.local.summary import print_summary
from deploy.local.supervisor import NAME as SUPERVISOR
from deploy.local.system import PREPARE, STORY
from deploy.local.waiting import new_lines, wait_until


def demo(words: Mapping[str, str]) -> int:
    """Play the story with a new hazard; one that is still being told is followed to its end instead."""
    plan = _running_plan(words)
    if STORY not in {process.name for process in plan.processes}:
        raise LocalProblem("This system was started without the sample or without the story.")
    with new_lines(plan.log / f"{STORY}.log") as lines:
        if plan.done(STORY).exists():
            Book(plan.var / "story.json").shelve()
            plan.done(STORY).unlink()
        wait_until(plan, "the story", plan.done(STORY).exists, lines)
    print_summary(plan.var)
    return 0


def migrate(words: Mapping[str, str]) -> int:
    """Bring the databases to the newest migration, while the services run."""
    plan = _running_plan(words)
    with new_lines(plan.log / f"{PREPARE}.log") as lines:
        plan.done(PREPARE).unlink(missing_ok=True)
        wait_until(plan, "the databases", plan.done(PREPARE).exists, lines)
    return 0


def _running_plan(words: Mapping[str, str]) -> Plan:
    var = read_settings(words).var
    plan = load_plan(var)
    if plan is None or not ProcessFile(plan.run, SUPERVISOR).alive():
        raise LocalProblem(f"Nothing runs in {var}: `make up` first.")
    return plan
