"""The header is found by its words: in any order, in any row, twice the same, merged over two lines."""

import random

import pytest

from services.registry.domain.ledger.columns import find_header, recognise
from services.registry.domain.ledger.sheets import Merge, Sheet
from services.registry.domain.ledger.titles import Column
from tests.support.registry import TITLES

USUAL = [title.strip() for title in TITLES]


def columns_of(titles: list[str]) -> dict[str, Column]:
    return {f"{at}:{titles[at]}": column for column, at in recognise(titles).items()}


def test_the_usual_header() -> None:
    found = recognise(USUAL)
    assert len(found) == len(USUAL)
    assert found[Column.HEAD_PHONE] == 9
    assert found[Column.OFFICER_PHONE] == 11


@pytest.mark.parametrize("seed", range(20))
def test_any_order_when_each_phone_stays_with_its_person(seed: int) -> None:
    blocks = [[title] for title in USUAL if title not in ("主要负责人", "安全管理员", "联系电话")]
    blocks += [["主要负责人", "联系电话"], ["安全管理员", "联系电话"]]
    random.Random(seed).shuffle(blocks)
    titles = [title for block in blocks for title in block]
    found = recognise(titles)
    assert len(found) == len(USUAL)
    assert found[Column.HEAD_PHONE] == found[Column.HEAD] + 1
    assert found[Column.OFFICER_PHONE] == found[Column.OFFICER] + 1


def test_a_phone_that_stands_beside_nobody_is_first_of_the_head_then_of_the_officer() -> None:
    found = recognise(["联系电话", "单位名称", "联系电话", "安全管理员", "备注", "主要负责人"])
    assert (found[Column.HEAD_PHONE], found[Column.OFFICER_PHONE]) == (0, 2)
    found = recognise(["主要负责人", "安全管理员", "联系电话", "联系电话"])
    assert (found[Column.HEAD_PHONE], found[Column.OFFICER_PHONE]) == (2, 3)


@pytest.mark.parametrize(
    ("title", "column"),
    [
        ("企业名称*", Column.NAME),
        ("统一社会信用\n代码", Column.CREDIT_CODE),
        ("所在社区（村）", Column.COMMUNITY),
        ("村(社区)", Column.COMMUNITY),
        ("所属街道(镇)", Column.STREET),
        ("网 格", Column.GRID),
        ("员工人数", Column.HEADCOUNT),
        ("法定代表人", Column.HEAD),
        ("负责人手机号", Column.HEAD_PHONE),
        ("安全员", Column.OFFICER),
        ("安全管理人员联系电话", Column.OFFICER_PHONE),
        ("风险级别", Column.RISK),
        ("企业分类分级", Column.CLASS),
        ("场所类别", Column.VENUE),
        ("许可证号", Column.LICENCE_NUMBER),
        ("证照名称", Column.LICENCE),
        ("许可证有效期至", Column.VALID_UNTIL),
        ("经营地址", Column.ADDRESS),
        ("东经度", Column.LONGITUDE),
        ("备　注", Column.REMARK),
        *(
            (title, Column.COMMUNITY)
            for title in ("社区村", "所属村社区", "村居委会", "所属社区居委会", "行政村", "村/社区")
        ),
        *((title, Column.STREET) for title in ("街道办事处", "属地乡镇(街道)", "所属街道/乡镇", "办事处")),
        *(
            (title, Column.NAME)
            for title in ("市场主体名称", "经营主体名称", "单位/企业名称", "生产经营单位", "企业名")
        ),
        *((title, Column.HEADCOUNT) for title in ("从业人员数", "员工数", "职工总数", "员工总人数", "人员数量")),
        *((title, Column.CLASS) for title in ("分级", "企业分级", "A/B/C/D类", "分级分类", "ABCD分级", "安全生产等级")),
        *((title, Column.VALID_UNTIL) for title in ("有效期止", "有效期(止)", "有效期起止", "许可证期限", "有效至")),
    ],
)
def test_other_words_for_the_same(title: str, column: Column) -> None:
    assert recognise([title]) == {column: 0}


@pytest.mark.parametrize(
    "title", ["有效期起", "有效期(起)", "有效期自", "许可证有效期开始日期", "填报单位", "监管单位", "特种设备"]
)
def test_what_means_something_else(title: str) -> None:
    assert recognise([title]) == {}


def test_of_two_columns_for_the_same_the_plainer_title_counts() -> None:
    assert recognise(["单位", "企业名称", "有效期起", "有效期止"]) == {Column.NAME: 1, Column.VALID_UNTIL: 3}


def header_of(titles: list[str], *rows: list[str]) -> dict[Column, str]:
    header = find_header(
        Sheet("彰北街道", [["单位名称", "社区", "地址", *titles], *(["厂", "北关社区", "x", *row] for row in rows)])
    )
    assert header is not None
    return {column: titles[at - 3] for column, at in header.columns.items() if at > 2}


def test_whether_a_column_holds_the_class_or_the_kind_is_told_by_its_values() -> None:
    letters, trades = ["A", "b类", "待定", "E"], ["餐饮", "工厂", "商店", ""]
    assert header_of(["企业类别"], ["E"]) == {Column.CLASS: "企业类别"}
    assert header_of(["企业类别"], ["工厂"]) == {Column.VENUE: "企业类别"}
    rows = [list(pair) for pair in zip(trades, letters, strict=True)]
    for kind, grade in (("场所类型", "单位类别"), ("企业分类", "企业等级"), ("类别", "分级"), ("分类", "类别")):
        assert header_of([kind, grade], *rows) == {Column.VENUE: kind, Column.CLASS: grade}
    assert header_of(["分类"], ["甲"]) == {Column.CLASS: "分类"}, (
        "a class column stays one however badly it is filled in"
    )
    assert header_of(["等级"], ["重大(红)"], ["蓝"]) == {Column.RISK: "等级"}


def test_titles_that_are_not_understood_are_kept_to_be_told() -> None:
    rows = [
        ["单位名称", "社区", "分类", "地址", "注册资本", "成立日期", "名称"],
        ["甲厂", "北关", "A", "x", "5万", "", "甲"],
    ]
    header = find_header(Sheet("彰北街道", rows))
    assert header is not None
    assert header.unread == ["注册资本", "名称"], "an empty column says nothing that could be lost"


def test_a_header_over_two_lines_that_nobody_merged() -> None:
    top = ["序号", "单位名称", "所属社区", "主要负责人", "", "安全管理员", "", "分类"]
    bottom = ["", "", "", "姓名", "联系电话", "姓名", "联系电话", ""]
    header = find_header(Sheet("彰北街道", [top, bottom, ["1", "甲厂"]]))
    assert header is not None
    assert header.first_data_row == 2
    assert (header.columns[Column.HEAD], header.columns[Column.HEAD_PHONE]) == (3, 4)
    assert (header.columns[Column.OFFICER], header.columns[Column.OFFICER_PHONE]) == (5, 6)


def test_a_group_above_the_titles_that_says_nothing_of_the_columns() -> None:
    top = ["序号", "基本情况", "", "", "", "备注"]
    bottom = ["", "单位名称", "行业代码", "所属社区", "分类", ""]
    merges = [Merge(0, 0, 1, 0), Merge(0, 1, 0, 4), Merge(0, 5, 1, 5)]
    header = find_header(Sheet("彰北街道", [top, bottom, ["1", "甲厂"]], merges))
    assert header is not None
    assert header.first_data_row == 2
    assert [header.columns[column] for column in (Column.NAME, Column.INDUSTRY, Column.CLASS)] == [1, 2, 4]


def test_titles_and_remarks_are_no_header() -> None:
    above = [["北关区单位安全生产基础台账"], ["填报单位: 办公室", "", "", "2026年"], ["说明:单位名称须填全称"]]
    rows = [*above, USUAL, ["1", "甲厂"]]
    header = find_header(Sheet("彰北街道", rows))
    assert header is not None
    assert header.first_data_row == 4
    assert header.title(Column.CREDIT_CODE) == "统一社会信用代码"
    assert header.title(Column.ADDRESS) == "地址"
    assert find_header(Sheet("说明", [["填表说明"], ["一、单位名称", "二、行业"]])) is None
    assert find_header(Sheet("空", [])) is None


def test_a_header_merged_over_two_lines() -> None:
    top = ["序号", "单位名称", "所属社区", "主要负责人", "", "安全管理员", "", "分类"]
    bottom = ["", "", "", "姓名", "联系电话", "姓名", "联系电话", ""]
    merges = [Merge(1, at, 2, at) for at in (0, 1, 2, 7)] + [Merge(1, 3, 1, 4), Merge(1, 5, 1, 6)]
    header = find_header(Sheet("彰北街道", [["台账"], top, bottom, ["1", "甲厂"]], merges))
    assert header is not None
    assert header.first_data_row == 3
    assert header.columns[Column.HEAD] == 3
    assert header.columns[Column.HEAD_PHONE] == 4
    assert header.columns[Column.OFFICER] == 5
    assert header.columns[Column.OFFICER_PHONE] == 6
    assert header.title(Column.HEAD_PHONE) == "主要负责人联系电话"
