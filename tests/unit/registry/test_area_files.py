"""Areas files: nodes in any order, names that changed, and every line that cannot be right."""

import random
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registry.domain.area_files import AreaSettlement, NodeOnFile, read_area_lines, settle_areas
from services.registry.domain.areas import BadAreaCode, position
from services.registry.domain.errors import NoHeader, UnreadableFile
from services.registry.domain.imports import Outcome
from services.registry.domain.places import AreaLevel
from tests.support.registry import AREAS

HEADER = ["code", "name", "level", "parent"]
ROOT = list(AREAS[0])


def settled(*rows: list[str], known: dict[str, NodeOnFile] | None = None, scope: str = "") -> AreaSettlement:
    lines = read_area_lines([HEADER, *rows], "areas.csv")
    return settle_areas(lines, known or {}, lambda path: path.startswith(scope))


def on_file(*names: tuple[str, str]) -> dict[str, NodeOnFile]:
    return {code: NodeOnFile(uuid4(), name) for code, name in names}


def codes(settlement: AreaSettlement) -> list[str]:
    return [note.code.value for note in settlement.notes]


@pytest.mark.parametrize("seed", range(10))
def test_children_may_come_before_their_parents(seed: int) -> None:
    rows = [list(row) for row in AREAS]
    random.Random(seed).shuffle(rows)
    settlement = settled(*rows)
    assert settlement.counts[Outcome.CREATED] == len(AREAS)
    made = [where.path for where, _ in settlement.created]
    assert made == sorted(made, key=len), "parents are made first"


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_file_cut_inside_a_line_is_refused_before_half_a_name_renames_a_street(cut: int) -> None:
    street = ["410503004000", "彰东街道", "street", "410503000000"]
    with pytest.raises(UnreadableFile):
        settled(ROOT, street[:cut])
    assert settled(ROOT, street).counts[Outcome.CREATED] == 2


def test_again_nothing_changes_and_a_new_name_is_an_update() -> None:
    known = on_file(*((row[0], row[1]) for row in AREAS))
    settlement = settled(*[list(row) for row in AREAS], known=known)
    assert settlement.counts == {**dict.fromkeys(Outcome, 0), Outcome.UNCHANGED: len(AREAS)}
    renamed = settled(["410503001001", "北关新村", "community", "410503001000"], known=known)
    assert renamed.renamed == [(known["410503001001"].id, "北关新村")]
    assert renamed.counts[Outcome.UPDATED] == 1


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (["41050300", "x", "", ""], "bad_area_code"),
        (["410500000000", "某市", "", ""], "bad_area_code"),
        (["410503000001", "跳级社区", "", ""], "bad_area_code"),
        (["410503001001", "—", "community", "410503001000"], "missing_name"),
        (["410503001001", "字" * 101, "community", "410503001000"], "value_too_long"),
        (["410503001001", "北关社区", "street", "410503001000"], "wrong_level"),
        (["410503001001", "北关社区", "community", "410503002000"], "wrong_parent"),
        (["410503009001", "孤儿社区", "community", "410503009000"], "unknown_parent"),
    ],
)
def test_lines_that_cannot_be_right(row: list[str], code: str) -> None:
    settlement = settled(ROOT, ["410503001000", "彰北街道", "street", "410503000000"], row)
    assert codes(settlement) == [code]
    assert settlement.counts[Outcome.CREATED] == 2
    assert (settlement.notes[0].spot.sheet, settlement.notes[0].spot.row) == ("areas.csv", 4)


def test_below_a_rejected_node_nothing_is_made() -> None:
    rows = [["410503001001001", "甲网格", "grid", "410503001001"], ["410503001001", "", "", ""], ROOT]
    rows.append(["410503001000", "彰北街道", "street", "410503000000"])
    settlement = settled(*rows)
    assert codes(settlement) == ["unknown_parent", "missing_name"], "in the order of the file"
    assert settlement.counts[Outcome.CREATED] == 2


def test_one_code_twice() -> None:
    settlement = settled(ROOT, ROOT, [ROOT[0], "别名区", "", ""])
    assert (settlement.counts[Outcome.CREATED], settlement.counts[Outcome.UNCHANGED]) == (1, 1)
    assert codes(settlement) == ["conflicting_duplicate"]


def test_a_street_writes_only_below_itself() -> None:
    known = on_file((ROOT[0], ROOT[1]), ("410503001000", "彰北街道"))
    rows = [ROOT, ["410503001005", "新社区", "", ""], ["410503002000", "红旗路街道", "", ""], [ROOT[0], "x", "", ""]]
    settlement = settled(*rows, known=known, scope="410503001")
    assert codes(settlement) == ["out_of_scope", "conflicting_duplicate"]
    assert [where.code for where, _ in settlement.created] == ["410503001005"]


def test_the_header_is_found_by_its_words() -> None:
    above = [["北关区区划表"], ["名 称", "级别", "区划编码", "上级编码"]]
    rows = [*above, ["北关区", "区县", "４１０５０３００００００", ""], ["", "", ""]]
    (line,) = read_area_lines(rows, "x")
    assert (line.code, line.name, line.level) == ("410503000000", "北关区", "区县")
    assert settle_areas([line], {}, lambda _: True).counts[Outcome.CREATED] == 1
    with pytest.raises(NoHeader):
        read_area_lines([["a", "b"], ["1", "2"]], "x")


@given(st.text(alphabet="01", min_size=10, max_size=16) | st.text(alphabet="0123456789", min_size=12, max_size=15))
def test_a_position_follows_from_the_code_alone(code: str) -> None:
    try:
        where = position(code)
    except BadAreaCode:
        return
    assert where.path.ljust(12, "0") == code
    assert (where.parent_code is None) == (where.level is AreaLevel.DISTRICT)
    if where.parent_code is not None:
        assert where.path.startswith(position(where.parent_code).path)
