"""The header is found by its words: in any order, in any row, twice the same, merged over two lines."""

import random

import pytest

from services.registry.domain.ledger.columns import Column, find_header, recognise
from services.registry.domain.ledger.sheets import Merge, Sheet
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
    ],
)
def test_other_words_for_the_same(title: str, column: Column) -> None:
    assert recognise([title]) == {column: 0}


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
