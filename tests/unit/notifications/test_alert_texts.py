"""What a person reads: Chinese, with number, place, level and deadline, whatever the place is called."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from services.notifications.domain.audience import Tier
from services.notifications.domain.errors import BadTemplate
from services.notifications.domain.texts import check_template, moment, render
from tests.unit.notifications.test_alert_cases import HAZARD

TEMPLATE = "【{level}】{number}，地点：{place}，期限：{deadline}，请{tier}处理。"
AREA = "彰北街道北关社区"


def test_the_text_has_number_place_level_and_deadline_in_local_time() -> None:
    text = render(TEMPLATE, HAZARD, Tier.COMMUNITY, AREA)
    assert text == (
        "【一般隐患】HZ-410503-2026-000001，地点：彰北街道北关社区 楼梯间，期限：2026年9月30日 23:59，请社区处理。"
    )


def test_what_is_not_known_is_said_so() -> None:
    bare = replace(HAZARD, level=None, place=None, due_at=None)
    text = render(TEMPLATE, bare, Tier.GRID, AREA)
    assert "尚未定级" in text
    assert "期限：尚未确定" in text


def test_before_an_order_the_deadline_is_that_of_the_authority() -> None:
    act_by = datetime(2026, 9, 25, 2, 30, tzinfo=UTC)
    reported = replace(HAZARD, state="reported", due_at=None, act_by=act_by)
    assert "2026年9月25日 10:30" in render(TEMPLATE, reported, Tier.GRID, AREA)


def test_a_drill_says_so_first() -> None:
    assert render(TEMPLATE, replace(HAZARD, simulated=True), Tier.GRID, AREA).startswith("【演练】")


def test_braces_in_a_place_stay_what_they_are() -> None:
    odd = replace(HAZARD, place="{number} 厂 {0.__class__} 🏭𠮷", enterprise_name="{tier}")
    text = render(TEMPLATE, odd, Tier.GRID, AREA)
    assert "{number} 厂 {0.__class__} 🏭𠮷" in text
    assert "{tier}" in text


@pytest.mark.parametrize(
    "text",
    [
        "{number} {place} {level}",
        "{number} {place} {level} {deadline} {phone}",
        "{number.__class__} {place} {level} {deadline}",
        "{number!r} {place} {level} {deadline}",
        "{number:>9999999999} {place} {level} {deadline}",
        "{0} {number} {place} {level} {deadline}",
        "{} {number} {place} {level} {deadline}",
        "{number} {place} {level} {deadline",
        "{number} {place} {level} {deadline}}",
        "{number[0]} {place} {level} {deadline}",
    ],
)
def test_a_template_with_other_placeholders_is_refused(text: str) -> None:
    with pytest.raises(BadTemplate):
        check_template(text)


def test_a_good_template_is_accepted() -> None:
    check_template(TEMPLATE)
    check_template("{{说明}} {number} {place} {level} {deadline}")


def test_a_moment_is_written_as_people_write_it() -> None:
    assert moment(datetime(2026, 12, 31, 16, 5, tzinfo=UTC)) == "2027年1月1日 00:05"
