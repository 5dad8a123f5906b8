"""Whole ledgers: the sample, districts nobody has seen, and what is and is not a line of data."""

import csv
from collections import Counter
from datetime import date
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from openpyxl import load_workbook

from libs.common.actors import area_path
from services.registry.domain.imports import Outcome, Severity
from services.registry.domain.ledger.lines import Rules
from services.registry.domain.ledger.reading import Ledger, read_ledger
from services.registry.domain.ledger.settling import settle
from services.registry.domain.ledger.sheets import Merge, Sheet
from services.registry.domain.levels import RiskLevel
from services.registry.domain.places import AreaLevel, Gazetteer, KnownArea
from services.registry.domain.records import Contact, Licence
from services.registry.files.workbook import read_workbook
from tests.support.other_districts import district
from tests.support.registry import AREAS, COMMUNITY, FAR_COMMUNITY, GRID, TITLES, Office, credit_code, workbook

SAMPLE = Path(__file__).parents[3] / "deploy" / "sample"


def rules(rows: list[tuple[str, str, str]] | None = None, scope: str = "") -> Rules:
    areas = rows or [(code, name, level) for code, name, level, _ in AREAS]
    known = [KnownArea(code, area_path(code), name, AreaLevel(level)) for code, name, level in areas]
    return Rules(Gazetteer.of(known), {"": frozenset("ABCD")}, scope)


def read(*offices: Office, scope: str = "") -> Ledger:
    return read_ledger(read_workbook(workbook(*offices)), rules(scope=scope))


def test_the_sample_district() -> None:
    with (SAMPLE / "areas.csv").open(encoding="utf-8-sig") as file:
        areas = [(row["code"], row["name"], row["level"]) for row in csv.DictReader(file)]
    ledger = read_ledger(read_workbook((SAMPLE / "enterprises.xlsx").read_bytes()), rules(areas))
    settlement = settle(ledger.lines, [])
    assert settlement.counts == {
        Outcome.CREATED: 3910,
        Outcome.UPDATED: 0,
        Outcome.UNCHANGED: 21,
        Outcome.REJECTED: 65,
    }
    assert Counter(note.code.value for note in settlement.notes) == {
        "bad_check_digit": 18,
        "unknown_community": 12,
        "missing_name": 9,
        "conflicting_duplicate": 7,
        "unknown_class": 11,
        "impossible_date": 8,
    }


@pytest.mark.parametrize("seed", range(12))
def test_districts_nobody_has_seen(seed: int) -> None:
    other = district(seed)
    areas = [tuple(line.split(",")[:3]) for line in other.areas.decode("utf-8-sig").splitlines()[1:]]
    ledger = read_ledger(read_workbook(other.ledger), rules([(a, b, c) for a, b, c in areas]))
    settlement = settle(ledger.lines, [])
    assert len(ledger.lines) == other.rows
    errors = Counter(note.code.value for note in settlement.notes if note.severity is Severity.ERROR)
    assert errors == other.rejected
    assert settlement.counts[Outcome.CREATED] == other.outcomes["created"]
    assert settlement.counts[Outcome.UNCHANGED] == other.outcomes["unchanged"]


def test_everything_that_a_line_says() -> None:
    code = credit_code(1)
    office = Office().add(
        name=" 北关加工厂 ",
        code=f" {code[:8].lower()} {code[8:]}",
        grid=int(GRID),
        行业代码="3311",
        场所类型="工业企业",
        headcount="约３０人",
        head_phone=19900000001,
        risk="较大(橙)",
        grade="ｂ类",
        longitude=36.1,
        latitude=114.4,
        licence="特种行业许可证",
        licence_number="豫安1",
        until="2027年1月2日",
        remark='=HYPERLINK("x")',
    )
    (line,) = read(office).lines
    assert line.faults == ()
    assert [note.code.value for note in line.doubts] == ["exchanged_coordinates"]
    assert (line.spot.sheet, line.spot.row) == ("彰北街道", 4)
    record = line.record
    assert (record.name, record.credit_code, record.community_code) == ("北关加工厂", code, COMMUNITY)
    assert (record.grid_code, record.industry_code, record.venue_type) == (GRID, "3311", "工业企业")
    assert (record.headcount, record.headcount_text) == (30, "约３０人")
    assert record.head == Contact("负责人甲", "19900000001")
    assert record.officer == Contact("安管员乙", "19900000002")
    assert (record.risk_level, record.enterprise_class) == (RiskLevel.ORANGE, "B")
    assert (record.longitude, record.latitude) == (114.4, 36.1)
    assert record.licences == (Licence("特种行业许可证", "豫安1", date(2027, 1, 2)),)
    assert record.remark == '=HYPERLINK("x")'


def test_a_remark_that_was_stored_as_a_formula_is_kept_as_it_was_typed() -> None:
    book = load_workbook(BytesIO(workbook(Office().add())))
    book["彰北街道"].cell(4, list(TITLES).index("备注") + 1).value = '=HYPERLINK("x")'
    target = BytesIO()
    book.save(target)
    assert b"<f>" in ZipFile(target).read("xl/worksheets/sheet1.xml")
    (line,) = read_ledger(read_workbook(target.getvalue()), rules()).lines
    assert line.record.remark == '=HYPERLINK("x")'


def test_what_is_no_data() -> None:
    office = Office().add(name="甲厂").say("小计").say("").add(name="乙厂").say("北关社区小计").say("合 计：2家")
    office.lines.append(dict(zip(TITLES, TITLES, strict=True)))  # the header printed once more
    office.add(name="丙厂").say("填表人:    审核人:    ").say("注：请核对").say("单位负责人：张三")
    assert [line.record.name for line in read(office).lines] == ["甲厂", "乙厂", "丙厂"]
    assert [line.spot.row for line in read(office).lines] == [4, 7, 11]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "小计12家",
            "合计35户",
            "小计 12",
            "居委会小计",
            "北关小计",
            "合 计：2家",
            "合计(35家)",
            "A类小计",
            "合计家数",
        ),
        *("合计35家,其中A类12家", "共12家企业", "小计12家单位"),
        *(
            "填表人 张三",
            "填 表 人  张三  审 核 人 李四",
            "填表人（签字） 张三",
            "单位负责人签字 王五",
            "填表日期 2026年9月",
        ),
    ],
)
def test_sums_and_signatures_are_no_data(text: str) -> None:
    assert [line.record.name for line in read(Office().add(name="甲厂").say(text).add(name="乙厂")).lines] == [
        "甲厂",
        "乙厂",
    ]


@pytest.mark.parametrize(
    "cells",
    [
        ("填表人", "张三", "审核人", "李四"),
        ("填表人:", "张三", "审核人:", "李四", "日期:", "2026"),
        ("制表", "张三", "审核", "李四", "签字", "王五"),
        ("日期", "2026年9月10日", "填报单位", "北关社区", "联系人", "赵六"),
    ],
)
def test_a_signature_over_several_cells_is_no_data(cells: tuple[str, ...]) -> None:
    office = Office().add(name="甲厂")
    office.lines.append(dict(zip(TITLES[1:], cells, strict=False)))
    office.titles = [title for title in TITLES if title != "序号"]
    assert [line.record.name for line in read(office).lines] == ["甲厂"]


@pytest.mark.parametrize(
    "name",
    [
        *("合计量具厂", "小计算机维修部", "总计划印刷厂", "合计(上海)商贸有限公司", "共12家具店", "合计12家具店"),
        *("审核人才服务部", "填表人生书店", "日期食品店", "制表厂", "制 表 厂", "负责人餐饮店", "联系人家政"),
    ],
)
def test_an_enterprise_whose_name_begins_like_a_sum_or_a_signature(name: str) -> None:
    titles = [title for title in TITLES if title != "序号"]
    assert [line.record.name for line in read(Office(titles=titles).add(name=name)).lines] == [name]


def test_a_line_with_a_credit_code_is_an_enterprise_whatever_it_is_called() -> None:
    office = Office(titles=["单位名称", "统一社会\n信用代码", "所属社区(村)", "分类"])
    office.add(name="安阳市合计", code=credit_code(1)).add(name="注:册会计", code=credit_code(2))
    assert [line.record.name for line in read(office).lines] == ["安阳市合计", "注:册会计"]


def test_a_title_in_the_middle_of_a_sheet_is_no_data() -> None:
    rows = [TITLES, ["1", "甲厂"], ["彰北街道台账(续)"], ["2", "乙厂"]]
    sheet = Sheet("彰北街道", rows, [Merge(2, 0, 2, 9)])
    assert [line.record.name for line in read_ledger([sheet], rules()).lines] == ["甲厂", "乙厂"]
    named_first = Sheet(
        "彰北街道", [("单位名称", "备注", "分类", "社区"), ["甲厂", "x"], ["续表"]], [Merge(2, 0, 2, 3)]
    )
    assert [line.record.name for line in read_ledger([named_first], rules()).lines] == ["甲厂"]


def test_a_running_number_beside_a_merged_community_is_no_line() -> None:
    office = Office(merge_communities=True).add(name="甲厂").add(name="乙厂")
    office.lines.append({"所属社区(村)": "北关社区"})
    assert [line.record.name for line in read(office).lines] == ["甲厂", "乙厂"]


def test_the_community_is_carried_down_merged_or_not() -> None:
    merged = Office(merge_communities=True).add(name="甲").add(name="乙").add(name="丙", community="安居社区")
    blank = Office().add(name="甲").add(name="乙", community="").say("小计").add(name="丙", community="安居社区")
    blank.add(name="丁", community="")
    assert [line.record.community_code[-3:] for line in read(merged).lines] == ["001", "001", "002"]
    assert [line.record.community_code[-3:] for line in read(blank).lines] == ["001", "001", "002", "002"]


def test_the_sheet_says_which_street() -> None:
    here = read(Office("彰北街道").add(), Office("红旗路街道").add())
    assert [line.record.community_code for line in here.lines] == [COMMUNITY, FAR_COMMUNITY]
    renamed = read(Office("红旗路街道(9月)", above=["台账"]).add(), Office("Sheet2", above=["红旗路街道台账"]).add())
    assert [line.record.community_code for line in renamed.lines] == [FAR_COMMUNITY, FAR_COMMUNITY]
    column = Office("汇总", ("所属街道", *TITLES), above=["台账"]).add(所属街道="红旗路街道").add(所属街道="")
    assert [line.record.community_code for line in read(column).lines] == [FAR_COMMUNITY, FAR_COMMUNITY]


NO_STREET = ["生产经营单位台账"]


@pytest.mark.parametrize("name", ["红旗路", "红旗路9月", "红旗路办", "2红旗路(定稿)", "红旗路街道办", "红旗路企业台账"])
def test_a_sheet_that_leaves_the_word_street_out(name: str) -> None:
    (line,) = read(Office(name, above=NO_STREET).add()).lines
    assert line.record.community_code == FAR_COMMUNITY
    (told,) = read(Office("Sheet1", ("所属街道", *TITLES), above=NO_STREET).add(所属街道="红旗路")).lines
    assert told.record.community_code == FAR_COMMUNITY


def with_streets(*names: str) -> Rules:
    rows = [("410503000000", "北关区", "district")]
    for number, name in enumerate(names, start=1):
        rows.append((f"410503{number:03}000", name, "street"))
        rows.append((f"410503{number:03}001", "北关社区", "community"))
    return rules(rows)


@pytest.mark.parametrize(
    ("sheet", "streets", "found"),
    [
        ("柏庄", ["柏庄镇", "柏庄街道"], None),
        ("柏庄", ["柏庄镇", "红旗路街道"], "410503001001"),
        ("大柏庄镇9月", ["柏庄镇", "大柏庄镇"], "410503002001"),
        ("北关区台账", ["北关街道", "红旗路街道"], None),
        ("北关村", ["北关街道", "红旗路街道"], None),
    ],
)
def test_a_stem_counts_only_where_it_can_mean_one_street(sheet: str, streets: list[str], found: str | None) -> None:
    (line,) = read_ledger(read_workbook(workbook(Office(sheet, above=NO_STREET).add())), with_streets(*streets)).lines
    assert (line.record.community_code or None) == found


def test_a_sheet_that_names_no_street_is_that_of_the_only_street_there_can_be() -> None:
    sheet = Office("Sheet1", above=["北关区各乡镇(街道)台账"]).add()
    assert [line.record.community_code for line in read(sheet, scope="410503002").lines] == [FAR_COMMUNITY]
    assert [line.record.community_code for line in read(sheet, scope="410503002001").lines] == [FAR_COMMUNITY]
    assert [line.record.community_code for line in read(sheet, scope="410503").lines] == [""]
    (alone,) = read_ledger(read_workbook(workbook(sheet)), with_streets("彰北街道")).lines
    assert alone.record.community_code == COMMUNITY
    for other in (Office("火星街道", above=NO_STREET), Office("Sheet1", above=["火星镇生产经营单位台账"])):
        (line,) = read(other.add(), scope="410503002").lines
        assert [note.code.value for note in line.faults] == ["unknown_community"], (
            "a street that is named is not another"
        )


def test_one_sheet_with_the_streets_one_below_the_other() -> None:
    rows: list[list[str]] = [["全区台账"], list(TITLES)]
    merges = []
    for street in ("彰北街道", "红旗路街道"):
        merges.append(Merge(len(rows), 0, len(rows), 9))
        rows += [[f"{street}台账"], ["1", "甲厂", "", "北关社区"]]
    ledger = read_ledger([Sheet("汇总", rows, merges)], rules())
    assert [line.record.community_code for line in ledger.lines] == [COMMUNITY, FAR_COMMUNITY]


def test_a_community_with_its_street_before_it() -> None:
    office = Office().add(community="彰北街道北关社区").add(community="彰北街道/北关社区").add(community=" 北关社区　")
    assert [line.record.community_code for line in read(office).lines] == [COMMUNITY] * 3
    (far,) = read(Office().add(community="红旗路街道北关社区")).lines
    assert far.record.community_code == ""


def test_a_sheet_of_no_street_rejects_its_lines() -> None:
    ledger = read(Office("火星街道", above=["台账"]).add(name="甲").add(name="乙"), Office().add(name="丙"))
    assert [[note.code.value for note in line.faults] for line in ledger.lines] == [
        ["unknown_community"],
        ["unknown_community"],
        [],
    ]


def test_sheets_without_a_header_are_told_of_and_passed_over() -> None:
    ledger = read(Office().add(), Office("填表说明", titles=["请按格式填写"], above=[]))
    assert len(ledger.lines) == 1
    assert [note.code.value for note in ledger.doubts] == ["no_header"]
    assert not read(Office("填表说明", titles=["请按格式填写"], above=[])).has_header


def test_a_column_that_is_not_read_is_told_of_once_and_changes_no_count() -> None:
    ledger = read(Office(titles=[*TITLES, "注册资本"]).add(name="甲厂", 注册资本="5万").add(name="乙厂"))
    (note,) = ledger.doubts
    assert (note.spot.row, note.column, note.code.value) == (3, "注册资本", "column_not_read")
    assert note.severity is Severity.WARNING
    assert settle(ledger.lines, []).counts[Outcome.CREATED] == 2


def test_of_several_faults_the_first_in_order_is_reported() -> None:
    office = Office().add(name="—", community="外区", code="91410503MA0000001X", grade="E", until="2026-02-30")
    office.add(community="外区", code="91410503MA0000001X", grade="E").add(code=credit_code(1)[:-1], grade="E")
    office.add(grade="E", until="2026-02-30")
    settlement = settle(read(office).lines, [])
    assert [note.code.value for note in settlement.notes] == [
        "missing_name",
        "unknown_community",
        "malformed_credit_code",
        "unknown_class",
    ]
    assert settlement.counts[Outcome.REJECTED] == 4


def test_notes_quote_the_header_and_speak_chinese() -> None:
    wrong = "0" if credit_code(1)[-1] != "0" else "1"
    (note,) = settle(read(Office().add(code=credit_code(1)[:-1] + wrong)).lines, []).notes
    assert (note.spot.sheet, note.spot.row, note.column) == ("彰北街道", 4, "统一社会信用代码")
    assert note.code.value == "bad_check_digit"
    assert "校验位" in note.message


def test_grids_that_do_not_fit_are_left_out_with_a_doubt() -> None:
    office = Office().add(name="甲", grid="410503001009001").add(name="乙", grid="410503002001001")
    lines = read(office).lines
    assert [line.record.grid_code for line in lines] == [None, None]
    assert [note.code.value for line in lines for note in line.doubts] == ["unknown_grid", "grid_outside_community"]


def test_an_importer_writes_only_within_the_own_scope() -> None:
    ledger = read(Office("彰北街道").add(), Office("红旗路街道").add(), scope="410503001")
    assert [[note.code.value for note in line.faults] for line in ledger.lines] == [[], ["out_of_scope"]]


def test_a_ledger_without_a_class_column_leaves_the_class_open() -> None:
    titles = [title for title in TITLES if title != "分类"]
    (line,) = read(Office(titles=titles).add()).lines
    assert line.faults == ()
    assert line.record.enterprise_class is None
