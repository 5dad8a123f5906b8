"""Parts of a run are told as they end: what ends, fails or skips a later one costs nothing that was measured."""

import signal
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest

from tests.evidence import command
from tests.evidence.command import run_parts
from tests.evidence.document import Document
from tests.evidence.figures import Figure, Result

ORDER = ["first", "second"]
PartRun = Callable[..., Awaitable[Result]]


@pytest.fixture
def document(tmp_path: Path) -> Document:
    return Document(tmp_path / "figures.md", "# Figures\n")


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts run without a server: what is told here is their order."""

    async def alone(name: str, run: PartRun, taken: str) -> tuple[Result, list[str]]:
        result = await run()
        return result, [result.taken or taken]

    monkeypatch.setattr(command, "_on_a_cluster", alone)
    monkeypatch.setattr(signal, "signal", lambda *_: None)


def measured(part: str, value: float = 1.0, taken: str = "") -> PartRun:
    async def run() -> Result:
        figure = Figure(f"{part}_figure", "a figure", value, "ms", None, "less")
        return Result(part, part.title(), [figure], taken=taken)

    return run


def play(parts: Mapping[str, PartRun], document: Document) -> int:
    return run_parts(parts, "6 rounds", document, ORDER)


def test_the_lines_of_a_part_are_there_before_the_next_begins(
    document: Document, capsys: pytest.CaptureFixture[str]
) -> None:
    printed, written = [], []

    async def second() -> Result:
        printed.append(capsys.readouterr().out)
        written.append(document.path.read_text())
        return await measured("second")()

    assert play({"first": measured("first"), "second": second}, document) == 0
    assert "first_figure 1.000 ms - ok" in printed[0]
    assert "## First" in printed[0]
    assert "first_figure" in written[0]


def test_whoever_ends_a_run_keeps_what_was_finished(document: Document, capsys: pytest.CaptureFixture[str]) -> None:
    async def second() -> Result:
        raise KeyboardInterrupt

    assert play({"first": measured("first"), "second": second}, document) == 1
    told = capsys.readouterr().out
    assert "first_figure 1.000 ms - ok" in told
    assert "STOPPED in second" in told
    assert "first_figure" in document.path.read_text()


def test_a_part_that_fails_does_not_keep_the_others_from_being_told(
    document: Document, capsys: pytest.CaptureFixture[str]
) -> None:
    async def first() -> Result:
        raise RuntimeError("an arm stood still")

    assert play({"first": first, "second": measured("second")}, document) == 1
    told = capsys.readouterr().out
    assert "FAILED first" in told
    assert "second_figure 1.000 ms - ok" in told


def test_a_part_that_is_skipped_leaves_its_section(document: Document, capsys: pytest.CaptureFixture[str]) -> None:
    async def skipped() -> Result:
        return Result("first", "First", skipped=["first: there is no Java here"])

    assert play({"first": measured("first", 7.5)}, document) == 0
    assert play({"first": skipped}, document) == 0
    assert "SKIPPED first: there is no Java here" in capsys.readouterr().out
    assert "7.5 ms" in document.path.read_text()


def test_a_part_says_itself_how_it_was_taken(document: Document) -> None:
    assert play({"first": measured("first"), "second": measured("second", taken="600 s of crowd")}, document) == 0
    text = document.path.read_text()
    assert "- 6 rounds\n" in text
    assert "- 600 s of crowd\n" in text
