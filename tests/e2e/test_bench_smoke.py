"""`make bench` still works: every arm of the quick run does its work and is checked. Its figures mean nothing."""

import re
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from deploy.local.settings import ROOT
from tests.bench import document
from tests.bench.document import DOCUMENT
from tests.bench.effects import Tally, WrongEffect, check_answers
from tests.bench.figures import Figure, Result, Row

FIGURE = re.compile(r"^(\w+) [0-9.]+ (ratio|ms) ([0-9.]+|-) (ok|short)$", re.MULTILINE)


def _bench(part: str) -> str:
    result = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--quick", "--only", part],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=220,
    )
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    return result.stdout


@pytest.mark.slow
def test_quick_report_runs_every_arm_and_leaves_the_document_alone() -> None:
    before = DOCUMENT.read_text() if DOCUMENT.exists() else None
    printed = _bench("report")
    assert {found[0] for found in FIGURE.findall(printed)} == {"report_vs_pgbench", "report_vs_session"}
    assert (DOCUMENT.read_text() if DOCUMENT.exists() else None) == before


def test_a_missed_aim_is_said_in_the_line_and_in_a_paragraph() -> None:
    figure = Figure("a_vs_b", "a ÷ b", 0.4, "ratio", 0.5, "more", "0.40 (0.30 – 0.60)", "The floor is 0.45.")
    assert figure.line() == "a_vs_b 0.400 ratio 0.5 short"
    assert FIGURE.findall(figure.line()) == [("a_vs_b", "ratio", "0.5", "short")]
    shown = Result("a", "A and B", [figure], [Row("a", "4", "nothing")], [], ["a/c: no c here"]).markdown()
    assert "**`a_vs_b` falls short of its aim.** The floor is 0.45." in shown
    assert "Skipped: a/c: no c here" in shown


async def test_work_that_was_not_done_is_found(create_database: Callable[[str | None], Awaitable[str]]) -> None:
    url = await create_database("hazards")
    before = await Tally.take(url)
    await before.check("idle", 0)
    with pytest.raises(WrongEffect, match="idle: 1 reports made 0 rows in hazards"):
        await before.check("idle", 1)
    with pytest.raises(WrongEffect, match="1 of 1 answered hazards are missing"):
        await check_answers(url, "idle", [("01990a3c-5a7e-7c11-8f4e-0c2f5b7d9a10", "HZ-410503-2026-000001", 0.0)])


def test_a_part_that_runs_alone_replaces_its_own_section(tmp_path: Path) -> None:
    path = tmp_path / "benchmarks.md"
    document.write([Result("a", "First"), Result("b", "Second", notes=["old"])], ["a machine"], ["a", "b"], path)
    document.write([Result("b", "Second", notes=["new"])], ["another machine"], ["a", "b"], path)
    text = path.read_text()
    assert (
        text.index("## First") < text.index("- a machine") < text.index("## Second") < text.index("- another machine")
    )
    assert "new" in text
    assert "old" not in text
