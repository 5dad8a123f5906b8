"""Single cells: what clerks write for a day, a number of people, a phone, a place, a code, a level."""

from datetime import date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registry.domain import credit_codes
from services.registry.domain.ledger import values
from services.registry.domain.levels import RiskLevel, class_code, risk_level
from services.registry.domain.text import Cell, cell_text, clean, name_key, says_nothing
from tests.support.registry import credit_code

FIRST = date(2026, 9, 1)
SCHEME = frozenset("ABCD")


@pytest.mark.parametrize(
    "cell",
    [
        FIRST,
        datetime(2026, 9, 1, 0, 0),  # noqa: DTZ001 - a spreadsheet cell has no zone
        *("2026-9-1", "2026-09-01", "2026.9.1", "2026年9月1日", "2026年9月1号", "2026/9/1", "20260901"),
        *("２０２６－９－１", "２０２６．９．１", "２０２６年９月１日", " 2026 - 9 - 1 ", "2026-09-01 00:00:00"),
        *(20260901.0, 46266.0, "46266", "46266.0", 46266.5, "20260901.0", "'46266"),
        *("2026·9·1", "2026・9・1", "2026 9 1", "２０２６　９　１", "2026 09 01", "2026-09-01T00:00:00Z"),
        *("2026-9-1止", "2026年9月1日前", "2026.9.1到期", "至2026-9-1", "有效期至2026年9月1日", "截止2026-9-1"),
        *("2023.9.2-2026.9.1", "2023年9月2日至2026年9月1日", "2023-09-02—2026-09-01", "20230902-20260901"),
        "有效期2023/9/2~2026/9/1",
    ],
)
def test_a_day_is_a_day_in_whatever_shape(cell: Cell) -> None:
    assert values.day(cell) == FIRST


@pytest.mark.parametrize(
    "cell", ["", " ", None, "/", "—", "无", "长期", "长期有效", "永久", "2023-9-2至长期", "有效期长期"]
)
def test_no_day_is_no_fault(cell: Cell) -> None:
    assert values.day(cell) is None


@pytest.mark.parametrize(
    "cell",
    [
        *("2026-02-30", "2026.13.1", "2025年2月29日", "20260431", "2026-9-31", "0026-9-1"),
        *("2023-9-31至2026-9-1", "2023-9-2至2026-9-31", "2026-2-30止", "2026 2 30", "至" * 30_000, "截止"),
        *("九月", "待定", "2026年9月", 3.5, time(1)),
    ],
)
def test_a_day_that_does_not_exist_is_said_so(cell: Cell) -> None:
    with pytest.raises(values.ImpossibleDay):
        values.day(cell)


@given(st.dates(date(1950, 1, 1), date(2199, 12, 31)), st.sampled_from(["-", ".", "/", "－", "．", "／"]))
def test_every_day_of_the_calendar_is_read_back(day: date, separator: str) -> None:
    assert values.day(f"{day.year}{separator}{day.month}{separator}{day.day}") == day
    assert values.day(f"{day:%Y%m%d}") == day
    assert values.day(f"{day.year}年{day.month:02}月{day.day:02}日") == day


@pytest.mark.parametrize(
    ("cell", "number", "text"),
    [
        (30.0, 30, None),
        ("30", 30, None),
        ("３０", 30, None),
        ("30人", 30, None),
        ("约30人", 30, "约30人"),
        ("30余人", 30, "30余人"),
        ("1,200人", 1200, None),
        ("近３００人左右", 300, "近３００人左右"),
        ("", None, None),
        ("—", None, None),
        ("若干", None, "若干"),
        ("20-30人", None, "20-30人"),
        ("-5", None, "-5"),
    ],
)
def test_headcounts(cell: Cell, number: int | None, text: str | None) -> None:
    assert values.headcount(cell) == values.Headcount(number, text)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (19900000036.0, "19900000036"),
        ("199-0000-0036", "19900000036"),
        ("１９９００００００３６", "19900000036"),
        ("+86 199 0000 0036", "19900000036"),
        ("0372-1234567", "03721234567"),
        ("'19900000036", "19900000036"),
        ("19900000036.0", "19900000036"),
        ("1.99E+10", "1.99E+10"),
        ("无", None),
        ("", None),
        ("见门牌", "见门牌"),
    ],
)
def test_phones(cell: Cell, expected: str | None) -> None:
    assert values.phone(cell) == expected


def test_places() -> None:
    good = values.Place(114.37, 36.13)
    assert values.place(114.37, 36.13) == good
    assert values.place("１１４．３７", "36.13°") == good
    assert values.place(36.13, 114.37) == values.Place(114.37, 36.13, values.EXCHANGED)
    assert values.place("", "—") == values.Place()
    assert values.place(114.37, "") == values.Place(fault=values.HALF)
    assert values.place(11437.0, 3613.0) == values.Place(fault=values.OUTSIDE)
    assert values.place(float("nan"), float("inf")) == values.Place(fault=values.OUTSIDE)


@pytest.mark.parametrize("code", ["91110000600037341L", "91350100M000100Y43"])
def test_the_vectors_of_the_standard_are_valid(code: str) -> None:
    assert credit_codes.is_valid(code)


@given(st.integers(0, 9_999_999), st.sampled_from(["91", "92", "12", "N2", "Y1", "G1"]), st.integers(0, 16))
def test_a_code_stands_until_one_of_its_characters_changes(number: int, kind: str, at: int) -> None:
    code = credit_code(number, kind=kind)
    assert credit_codes.is_valid(code)
    other = "1" if code[at] != "1" else "2"
    assert not credit_codes.is_valid(code[:at] + other + code[at + 1 :])


@pytest.mark.parametrize("text", ["", "无", "/", "办理中", "-", "——", "正在办理", "暂无", "N/A", "０", "(无)"])
def test_what_stands_for_no_code(text: str) -> None:
    assert credit_codes.compact(text) == ""


@pytest.mark.parametrize(
    "text", ["办理中(9月)", "办理中（2026年）", "9月办理", "正在办理2026.9", "未办理 12", "暂无(个体)"]
)
def test_no_code_yet_with_a_date_beside(text: str) -> None:
    assert credit_codes.compact(text) == ""


@pytest.mark.parametrize("text", ["91410503", "办理中914105030", "914105(9月)", "个体(91410503MA00000)", "统9"])
def test_a_part_of_a_code_is_not_taken_for_none(text: str) -> None:
    assert credit_codes.compact(text)


def test_what_is_said_beside_a_code_is_no_part_of_it() -> None:
    assert (
        credit_codes.compact(f"{credit_code(1)}（三证合一）")
        == credit_codes.compact(f"({credit_code(1)})")
        == credit_code(1)
    )


@pytest.mark.parametrize("text", ["９１４１０５０３", " 9141 0503 ", "9141-0503", "'91410503", "91410503\n"])
def test_spellings_of_one_code(text: str) -> None:
    assert credit_codes.compact(text) == "91410503"


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("红", RiskLevel.RED),
        ("重大(红)", RiskLevel.RED),
        ("重大（红）", RiskLevel.RED),
        ("较大风险", RiskLevel.ORANGE),
        ("一般(黄)", RiskLevel.YELLOW),
        ("黄色", RiskLevel.YELLOW),
        ("低风险", RiskLevel.BLUE),
        ("blue", RiskLevel.BLUE),
        ("低(红)", None),
        ("紫", None),
        ("", None),
    ],
)
def test_risk_levels(text: str, level: RiskLevel | None) -> None:
    assert risk_level(text) is level


@pytest.mark.parametrize(
    "text",
    [
        "b",
        "B",
        "B级",
        "Ｂ",
        "b类",
        "ｂ类",
        " B 级 ",
        "B类企业",
        "B（一般）",
        "(B)",
        "【B】",
        "类别B",
        "B等级",
        "B级企业",
        "分类:B",
        "B类(一般)企业",
    ],
)
def test_spellings_of_a_class(text: str) -> None:
    assert class_code(text, SCHEME) == "B"


@pytest.mark.parametrize(
    "text", ["E", "Ｅ", "甲", "甲类", "待定", "", "AB", "A/B", "1", "—", "E(一般)", "A(B)", "B(A)", "类别E", "(E)"]
)
def test_what_is_no_class(text: str) -> None:
    assert class_code(text, SCHEME) is None


def test_texts() -> None:
    assert cell_text(3.0) == "3"
    assert clean("  一\n二\u200b\x07 ") == "一 二"
    assert name_key("Ａ 厂（北）") == name_key("a厂(北)")
    assert name_key("'甲厂") == name_key("甲厂"), "the apostrophe that makes a cell a text"
    assert name_key("甲厂") != name_key("乙厂")
    assert all(says_nothing(text) for text in ("", "—", " / ", "……", "无"))
    assert not says_nothing("0")
