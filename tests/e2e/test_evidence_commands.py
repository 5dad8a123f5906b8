"""`make bench` still works: every arm of the quick run does its work and is checked. Its figures mean nothing."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest

from deploy.local.settings import ROOT
from tests.bench.parts import PARTS as BENCH
from tests.crash.parts import PARTS as CRASH
from tests.evidence.cluster import connected
from tests.evidence.command import load_parts
from tests.evidence.document import Document
from tests.evidence.effects import Tally, WrongEffect, check_answers
from tests.evidence.figures import Figure, Result, Row
from tests.evidence.forgetting import forgetful, refused
from tests.support.evidence_runs import FIGURE, figures_of

DOCUMENT = ROOT / "docs" / "benchmarks.md"


@pytest.mark.slow
def test_quick_report_runs_every_arm_and_leaves_the_document_alone() -> None:
    before = DOCUMENT.read_text()
    figures = figures_of("bench", "report")
    assert {"report_vs_pgbench", "report_vs_session"} <= figures.keys()
    assert figures["report_control_refused"].verdict == "ok"
    assert DOCUMENT.read_text() == before


def test_a_missed_aim_is_said_in_the_line_and_in_a_paragraph() -> None:
    figure = Figure("a_vs_b", "a ÷ b", 0.4, "ratio", 0.5, "more", "0.40 (0.30 – 0.60)", "The floor is 0.45.")
    assert figure.line() == "a_vs_b 0.400 ratio 0.5 short"
    assert FIGURE.findall(figure.line()) == [("a_vs_b", "0.400", "ratio", "0.5", "short")]
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


async def test_a_control_counts_only_when_its_loss_is_seen() -> None:
    async def sound(_: int) -> None: ...

    async def sick(_: int) -> None:
        raise WrongEffect("sick: 10 reports made 9 rows in hazard_log")

    async def away(_: int) -> None:
        raise WrongEffect("sick: 10 requests were lost")

    async def broken(_: int) -> None:
        raise RuntimeError("9 rows in hazard_log")

    lines = {run: await refused("c", "loses", "rows in hazard_log", run) for run in (sound, sick, away, broken)}
    assert {run: figure.verdict for run, figure in lines.items()} == {
        sound: "short",
        sick: "ok",
        away: "short",
        broken: "short",
    }
    assert "RuntimeError: 9 rows" in lines[broken].paragraph()


async def test_a_forgetful_table_loses_the_first_row_of_ten(
    create_database: Callable[[str | None], Awaitable[str]],
) -> None:
    url = await create_database(None)
    async with connected(url) as connection:
        await connection.execute("CREATE TABLE kept (n int)")
        async with forgetful(url, "kept"):
            await connection.execute("INSERT INTO kept SELECT generate_series(1, 21)")
        await connection.execute("INSERT INTO kept VALUES (22)")
        kept = await connection.fetchval("SELECT array_agg(n ORDER BY n) FROM kept")
    assert kept == [*range(2, 11), *range(12, 21), 22]


def test_a_part_that_runs_alone_replaces_its_own_section(tmp_path: Path) -> None:
    document = Document(tmp_path / "benchmarks.md", "# Head\n")
    document.write(Result("b-side", "Second", notes=["old"]), ["a machine"], ["a", "b-side"])
    document.write(Result("a", "First"), ["a machine"], ["a", "b-side"])
    document.write(Result("b-side", "Second", notes=["new"]), ["another machine"], ["a", "b-side"])
    text = document.path.read_text()
    assert (
        text.index("## First") < text.index("- a machine") < text.index("## Second") < text.index("- another machine")
    )
    assert "new" in text
    assert "old" not in text


@pytest.mark.parametrize(("command", "modules", "function"), [("bench", BENCH, "measure"), ("crash", CRASH, "prove")])
def test_every_part_that_can_be_asked_for_is_there(command: str, modules: Mapping[str, str], function: str) -> None:
    assert all(callable(part) for part in load_parts(modules, function, None).values()), command
