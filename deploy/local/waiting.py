"""Waits for a starting system and shows what it does: stages, progress of the sample, lines of the story."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Never

from tqdm import tqdm

from deploy.local.plan import Plan
from deploy.local.preflight import log_tail
from deploy.local.problems import PERMANENT, LocalProblem
from deploy.local.supervisor import revive

_POLL_SECONDS = 0.1
_TOO_MANY_FAILURES = 6


def wait_until(
    plan: Plan, what: str, reached: Callable[[], bool], meanwhile: Callable[[], None] = lambda: None
) -> None:
    """Wait for something the supervisor is bringing about.

    Raises LocalProblem, with the end of the log, once a process has failed for good or the system is being stopped.
    """
    while not reached():
        meanwhile()
        if plan.stopping.exists():
            raise LocalProblem(f"The system was stopped while it waited for {what}.")
        _complain_about_failures(plan)
        revive(plan)  # should both guards have been killed
        time.sleep(_POLL_SECONDS)
    meanwhile()


def is_ready(address: str, instance: str) -> bool:
    """Whether the service at that address says that it is ready, and that it is ours: ports can be taken by others."""
    try:
        with urllib.request.urlopen(f"{address}/readyz", timeout=5) as response:
            return bool(json.load(response).get("instance") == instance)
    except (OSError, urllib.error.URLError, ValueError):
        return False


@contextmanager
def new_lines(log: Path) -> Iterator[Callable[[], None]]:
    """Yields a function that prints what was added to a log since the last call."""
    position = log.stat().st_size if log.exists() else 0

    def show() -> None:
        nonlocal position
        if not log.exists():
            return
        with log.open("rb") as handle:
            handle.seek(position)
            text = handle.read()
        whole = text[: text.rfind(b"\n") + 1]  # never half a line, nor half a character
        position += len(whole)
        for line in whole.decode(errors="replace").splitlines():
            print(line, flush=True)

    yield show


@contextmanager
def progress_bar(progress: Path) -> Iterator[Callable[[], None]]:
    """Yields a function that brings the bar to where the import is, as told in the file `progress`."""
    bar: tqdm[Never] | None = None

    def show() -> None:
        nonlocal bar
        try:
            told = json.loads(progress.read_text())
        except (FileNotFoundError, ValueError):
            return
        if bar is None or bar.desc.rstrip(": ") != told["file"]:
            if bar is not None:
                bar.close()
            bar = tqdm(total=told["total"], desc=told["file"], unit=" rows", dynamic_ncols=True)
        bar.total = max(told["total"], told["done"])
        bar.update(told["done"] - bar.n)

    yield show
    if bar is not None:
        bar.close()


def _complain_about_failures(plan: Plan) -> None:
    try:
        status = json.loads((plan.run / "status.json").read_text())
    except (FileNotFoundError, ValueError):
        return
    once = {process.name for process in plan.processes if process.once}
    for name, seen in status.items():
        limit = _TOO_MANY_FAILURES // 2 if name in once else _TOO_MANY_FAILURES
        if seen["failures"] and (seen["exitCode"] == PERMANENT or seen["failures"] >= limit):
            log = plan.log / f"{name}.log"
            raise LocalProblem(f"{name} does not start. The end of {log}:\n{log_tail(log)}")
