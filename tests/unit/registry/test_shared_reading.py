"""A large ledger is read in shares by several processes, and nobody can tell from what was read."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.registry.domain import errors
from services.registry.domain.ledger.lines import Rules
from services.registry.domain.ledger.reading import read_ledger
from services.registry.domain.places import Gazetteer
from services.registry.files import reader
from services.registry.files.workbook import Share, read_workbook
from tests.support.registry import Office, workbook

RULES = Rules(Gazetteer(), {"": frozenset("ABCD")}, "")


def _book(lines: list[int]) -> bytes:
    """A workbook with a sheet for each number, with so many lines."""
    offices = [Office(f"表{nr}") for nr in range(len(lines))]
    for office, count in zip(offices, lines, strict=True):
        for line in range(count):
            office.add(name=f"{office.name}第{line}家")
    return workbook(*offices)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=7), st.integers(1, 4))
def test_shares_follow_one_another_and_leave_no_sheet_out(lines: list[int], of: int) -> None:
    data = _book(lines)
    assert [sheet for nr in range(of) for sheet in read_workbook(data, Share(nr, of))] == read_workbook(data)


def test_two_shares_of_even_sheets_are_alike() -> None:
    data = _book([20, 20, 20, 20])
    assert [len(read_workbook(data, Share(nr, 2))) for nr in range(2)] == [2, 2]


async def test_a_large_file_is_read_by_two_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    data, asked = _book([5, 3, 9]), []
    read_share = reader._read_share

    async def noted(data: bytes, rules: Rules, share: Share) -> object:
        asked.append(share)
        return await read_share(data, rules, share)

    monkeypatch.setattr(reader, "_read_share", noted)
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    alone = await reader.read_ledger_apart(data, RULES)
    assert asked == [Share(0, 1)]
    monkeypatch.setattr(reader, "_LARGE_BYTES", len(data))
    shared = await reader.read_ledger_apart(data, RULES)
    assert asked[1:] == [Share(0, 2), Share(1, 2)]
    assert shared == alone == read_ledger(read_workbook(data), RULES)


async def test_one_refused_share_refuses_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_LARGE_BYTES", 0)
    with pytest.raises(errors.UnsupportedFile, match="xlsx"):
        await reader.read_ledger_apart(b"hello", RULES)
