"""Which interpreter `make` takes when several are called python3."""

import os
import sys
from pathlib import Path

import pytest

from deploy import interpreter

TOO_OLD = "exit 1"


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH of three folders: whatever `python3` is put there stands for an interpreter."""
    folders = [tmp_path / name for name in ("first", "second", "third")]
    for folder in folders:
        folder.mkdir()
    return os.pathsep.join(map(str, folders))


def _put(path: str, nr: int, script: str) -> str:
    program = Path(path.split(os.pathsep)[nr]) / "python3"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return str(program)


def test_a_later_one_is_taken_when_it_is_clearly_quicker_and_that_is_said(path: str) -> None:
    first, second = _put(path, 0, "echo 0.030"), _put(path, 1, "echo 0.020")
    _put(path, 2, "echo 0.025")
    chosen, said = interpreter.choose(path)
    assert chosen == second
    assert f"using {second}, 1.5 × as fast as {first}; PYTHON={first}" in said


def test_the_first_one_stays_when_the_others_are_little_better(path: str) -> None:
    first = _put(path, 0, "echo 0.022")
    _put(path, 1, "echo 0.020")
    assert interpreter.choose(path) == (first, "")


@pytest.mark.parametrize("unfit", [TOO_OLD, "echo nonsense", "exec /nowhere/python3"])
def test_one_that_cannot_run_the_system_is_passed_over_however_quick(path: str, unfit: str) -> None:
    _put(path, 0, unfit)
    able = _put(path, 1, "echo 0.030")
    assert interpreter.choose(path) == (able, "")


def test_nothing_fit_is_said_in_a_sentence(path: str) -> None:
    _put(path, 0, TOO_OLD)
    chosen, said = interpreter.choose(path)
    assert chosen is None
    assert "Python 3.11" in said
    assert "python3-venv" in said


def test_two_names_of_one_program_are_tried_once(path: str) -> None:
    program = _put(path, 0, "echo 0.030")
    Path(path.split(os.pathsep)[1], "python3").symlink_to(program)
    assert list(interpreter.candidates(path)) == [program]


def test_the_interpreter_of_these_tests_passes_the_probe() -> None:
    assert interpreter.seconds(sys.executable)
