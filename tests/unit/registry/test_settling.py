"""What a line means for the register: the earlier stands, what is said again changes nothing, the rest is written."""

from itertools import permutations
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registry.domain.imports import Note, Outcome, Severity, Spot
from services.registry.domain.ledger.columns import Header
from services.registry.domain.ledger.faults import Fault
from services.registry.domain.ledger.lines import Line
from services.registry.domain.ledger.settling import OnFile, Settlement, settle
from services.registry.domain.levels import RiskLevel
from services.registry.domain.records import Contact, EnterpriseRecord, Licence
from tests.support.registry import COMMUNITY, GRID, credit_code

HEADER = Header(1, {}, {})
CODE, OTHER_CODE = credit_code(1), credit_code(2)


def line(row: int = 1, name: str = "甲厂", community: str = COMMUNITY, **fields: object) -> Line:
    record = EnterpriseRecord(name=name, community_code=community, **fields)  # type: ignore[arg-type]
    return Line(Spot("彰北街道", row), HEADER, record, (), ())


def on_file(id: UUID | None = None, *, foreign: bool = False, **fields: object) -> OnFile:
    return OnFile(id or uuid4(), line(**fields).record, foreign)  # type: ignore[arg-type]


def counts(settlement: Settlement) -> tuple[int, int, int, int]:
    return tuple(settlement.counts[outcome] for outcome in Outcome)  # type: ignore[return-value]


def codes(settlement: Settlement) -> list[str]:
    return [note.code.value for note in settlement.notes]


def test_a_later_line_under_another_name_conflicts_and_the_earlier_stands() -> None:
    settlement = settle([line(4, credit_code=CODE), line(9, "变更甲厂", credit_code=CODE)], [])
    assert counts(settlement) == (1, 0, 0, 1)
    assert codes(settlement) == ["conflicting_duplicate"]
    assert "第4行" in settlement.notes[0].message
    assert [record.name for record in settlement.created] == ["甲厂"]


def test_a_rejected_line_claims_no_code() -> None:
    first = line(4, credit_code=CODE)
    spoiled = Line(first.spot, HEADER, first.record, (Note(first.spot, "分类", Fault.UNKNOWN_CLASS, "…"),), ())
    settlement = settle([spoiled, line(5, "乙厂", credit_code=CODE)], [])
    assert counts(settlement) == (1, 0, 0, 1)


def test_the_same_again_is_unchanged_however_it_is_written() -> None:
    lines = [
        line(1, "甲厂（北）", credit_code=CODE, headcount=30, headcount_text="约30人"),
        line(2, "甲厂(北) ", credit_code=CODE, headcount=30, remark="已停业"),
        line(3, "乙店"),
        line(4, "乙店", headcount=3),
        line(5, "乙店", community=GRID[:9] + "002"),
    ]
    settlement = settle(lines, [])
    assert counts(settlement) == (3, 0, 2, 0)
    assert settlement.notes == []


def test_a_repeated_line_that_contradicts_is_told_of() -> None:
    lines = [line(1, credit_code=CODE, headcount=30), line(2, credit_code=CODE, headcount=31)]
    settlement = settle(lines, [])
    assert counts(settlement) == (1, 0, 1, 0)
    assert codes(settlement) == ["differs_from_earlier"]
    assert settlement.notes[0].severity is Severity.WARNING
    assert settlement.created[0].headcount == 30


def test_against_the_register() -> None:
    known = on_file(credit_code=CODE, headcount=30, grid_code=GRID, risk_level=RiskLevel.BLUE)
    same = settle([line(credit_code=CODE, headcount=30)], [known])
    assert counts(same) == (0, 0, 1, 0)
    more = settle([line(credit_code=CODE, headcount=31, risk_level=RiskLevel.RED)], [known])
    assert counts(more) == (0, 1, 0, 0)
    (change,) = more.changed
    assert change.id == known.id
    assert change.fields == {"headcount": 31, "headcount_text": None, "risk_level": RiskLevel.RED}
    assert change.record.grid_code == GRID, "what a ledger leaves out stays"
    other_name = settle([line(name="丙厂", credit_code=CODE)], [known])
    assert codes(other_name) == ["conflicting_duplicate"]


def test_a_line_that_repeats_a_rejected_one_is_rejected_too() -> None:
    known = on_file(credit_code=CODE)
    lines = [line(1, "丙厂", credit_code=CODE), line(2, "丙厂", credit_code=CODE), line(3, credit_code=CODE)]
    settlement = settle(lines, [known])
    assert counts(settlement) == (0, 0, 1, 2)


def test_a_code_that_was_missing_is_learned() -> None:
    known = on_file(name="便民店")
    settlement = settle([line(name="便民店", credit_code=CODE)], [known])
    assert counts(settlement) == (0, 1, 0, 0)
    assert settlement.changed[0].fields == {"credit_code": CODE}
    without = settle([line(name="便民店")], [on_file(name="便民店", credit_code=CODE)])
    assert counts(without) == (0, 0, 1, 0)


def test_a_code_that_a_later_line_of_the_file_brings_is_learned() -> None:
    lines = [line(1, "鸿运饭店"), line(2, "鸿运饭店", credit_code=CODE), line(3, "别的店", credit_code=CODE)]
    settlement = settle(lines, [])
    assert counts(settlement) == (1, 1, 0, 1)
    assert codes(settlement) == ["conflicting_duplicate"]
    assert [record.credit_code for record in settlement.created] == [CODE]
    known = on_file(name="鸿运饭店")
    (change,) = settle(lines[:2], [known]).changed
    assert (change.id, change.fields) == (known.id, {"credit_code": CODE})


@pytest.mark.parametrize("order", list(permutations((None, CODE, OTHER_CODE))))
def test_where_there_are_two_of_a_name_a_line_without_a_code_is_neither_in_any_order(order: tuple[str | None]) -> None:
    lines = [line(row, "便民店", credit_code=code) for row, code in enumerate(order)]
    settlement = settle(lines, [])
    assert counts(settlement) == (3, 0, 0, 0)
    assert counts(settle(lines, [OnFile(uuid4(), record) for record in settlement.created])) == (0, 0, 3, 0)


_LINES = st.lists(
    st.builds(
        lambda name, community, code, paper: line(
            1,
            name,
            f"{COMMUNITY[:-1]}{community}",
            credit_code=code,
            licences=(Licence("许可证", paper),) if paper else (),
        ),
        st.sampled_from(["甲厂", "乙店"]),
        st.sampled_from("12"),
        st.sampled_from([None, CODE, OTHER_CODE, credit_code(3)]),
        st.sampled_from(["", "1", "2"]),
    ),
    max_size=8,
)


@given(_LINES, _LINES)
def test_a_second_import_of_the_same_file_changes_nothing(before: list[Line], lines: list[Line]) -> None:
    known = [OnFile(uuid4(), record) for record in settle(before, []).created]
    first = settle(lines, known)
    changed = {change.id: change.record for change in first.changed}
    after = [OnFile(one.id, changed.get(one.id, one.record)) for one in known]
    after += [OnFile(uuid4(), record) for record in first.created]
    keys = [one.record.credit_code or one.record.identity for one in after]
    assert len(set(keys)) == len(keys), "the register holds no code twice, and no name twice without one"
    second = settle(lines, after)
    assert (second.created, second.changed) == ([], [])
    assert second.counts[Outcome.REJECTED] == first.counts[Outcome.REJECTED]


def test_two_of_one_name_are_two_by_their_codes() -> None:
    lines = [line(1, "便民店", credit_code=CODE), line(2, "便民店", credit_code=OTHER_CODE), line(3, "便民店")]
    settlement = settle(lines, [])
    assert counts(settlement) == (3, 0, 0, 0), "the third could be either, so it is neither"


def test_moving_to_another_community_leaves_the_grid() -> None:
    known = on_file(credit_code=CODE, grid_code=GRID)
    settlement = settle([line(credit_code=CODE, community="410503001002")], [known])
    assert settlement.changed[0].fields == {"community_code": "410503001002", "grid_code": None}


def test_contacts_and_licences_are_added_to() -> None:
    paper = Licence("食品经营许可证", "1")
    known = on_file(credit_code=CODE, head=Contact("张", "19900000001"), licences=(paper,))
    said = line(credit_code=CODE, head=Contact(None, "19900000009"), licences=(Licence("特种行业许可证", "2"),))
    (change,) = settle([said], [known]).changed
    assert change.fields["head"] == Contact("张", "19900000009")
    assert change.fields["licences"] == (paper, Licence("特种行业许可证", "2"))


def test_a_line_for_each_licence() -> None:
    first, second = Licence("食品经营许可证", "1"), Licence("特种行业许可证", "2")
    lines = [line(1, credit_code=CODE, licences=(first,)), line(2, credit_code=CODE, licences=(second,))]
    settlement = settle([*lines, lines[1]], [])
    assert counts(settlement) == (1, 1, 1, 0)
    assert settlement.notes == []
    assert settlement.created[0].licences == (first, second)
    known = on_file(credit_code=CODE, licences=(first, second))
    assert counts(settle(lines, [known])) == (0, 0, 2, 0)
    changed = settle(lines, [on_file(credit_code=CODE)])
    assert counts(changed) == (0, 2, 0, 0)
    assert [change.fields for change in changed.changed] == [{"licences": (first, second)}]


def test_what_lies_in_another_street_is_not_taken_over() -> None:
    known = on_file(credit_code=CODE, foreign=True)
    settlement = settle([line(1, credit_code=CODE), line(2, "丙厂", credit_code=CODE)], [known])
    assert codes(settlement) == ["out_of_scope", "conflicting_duplicate"]
    assert all("甲厂" not in note.message for note in settlement.notes), "nothing is told of the other street's files"
