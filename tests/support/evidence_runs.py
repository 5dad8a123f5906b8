"""Runs one part of the bench or of the crash runs in its short form, as its users do, and reads what it printed."""

import re
import subprocess
import sys
from dataclasses import dataclass
from typing import Literal

import pytest

from deploy.local.settings import ROOT

FIGURE = re.compile(r"^(\w+) (-?[0-9.]+|nan) (\S+) ([0-9.e+-]+|-) (ok|short)$", re.MULTILINE)
SKIPPED = re.compile(r"^SKIPPED (.+)$", re.MULTILINE)
RUN_SECONDS = 600.0  # a cap for what hangs, not a measure: a slow machine needs several times as long as a fast one
TEST_SECONDS = RUN_SECONDS + 120
_FAREWELL_SECONDS = 15.0
_FORM = {"bench": "--quick", "crash": "--short"}


@dataclass(frozen=True, slots=True)
class Printed:
    """One line for programs: `name value unit aim ok|short`."""

    value: float
    unit: str
    verdict: str


def figures_of(
    command: Literal["bench", "crash"], part: str, *arguments: str, seconds: float = RUN_SECONDS
) -> dict[str, Printed]:
    """What `make bench ONLY=<part>` or `make crash ONLY=<part>` prints in its short form, by name.

    Skips the test when the part says that it cannot run here. AssertionError with the end of its output when an arm
    did not run honestly, or not within `seconds`.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", f"tests.{command}", _FORM[command], "--only", part, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        printed, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.terminate()  # it ends what it started; killed at once it would leave servers behind
        try:
            printed, _ = process.communicate(timeout=_FAREWELL_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            printed, _ = process.communicate()
        raise AssertionError(f"{part} took longer than {seconds} s: {printed[-3000:]}") from None
    assert process.returncode == 0, printed[-6000:]
    return figures_in(printed, part)


def figures_in(printed: str, part: str) -> dict[str, Printed]:
    """The figures by name; the test is skipped with the part's own reason when there are none."""
    found = FIGURE.findall(printed)
    if not found and (reasons := SKIPPED.findall(printed)):
        pytest.skip("; ".join(reasons))
    assert found, f"{part} printed no figure: {printed[-2000:]}"
    return {name: Printed(float(value), unit, verdict) for name, value, unit, _, verdict in found}
