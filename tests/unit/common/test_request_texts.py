"""Texts of requests: what no one types is refused wherever it hides; what people do type is not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from libs.common.models import ApiModel, AreaCode, Line, Page, Prose, has_control_characters


class Note(ApiModel):
    title: Line = "标题"
    text: Prose = "内容"
    area_code: AreaCode | None = None
    tags: list[str] = Field(default_factory=list)
    more: dict[str, Any] = Field(default_factory=dict)


def kinds(body: object) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        Note.model_validate(body)
    return [e["type"] for e in caught.value.errors()]


@pytest.mark.parametrize("character", ["\x00", "\x01", "\x1b", "\x7f", "\x85", "\x9f", "\u202e", "\u2066", "\x0b"])
def test_control_characters_are_refused_wherever_they_are(character: str) -> None:
    bad = f"a{character}b"
    assert kinds({"text": bad}) == ["control_characters"]
    assert kinds({"tags": ["fine", bad]}) == ["control_characters"]
    assert kinds({"more": {"a": [{"b": bad}]}}) == ["control_characters"]
    assert kinds({"more": {bad: 1}}) == ["control_characters"]


@pytest.mark.parametrize(
    "text", ["灭火器 🧯", "𠮷野家", "line\nbreak\tand tab\r\n", "𝒜 4-byte", "عربي", "é\u0301", "👨‍👩‍👧"]
)
def test_what_people_type_is_kept(text: str) -> None:
    assert Note(text=f"a{text}b").text == f"a{text}b"


def test_half_a_character_is_refused() -> None:
    assert kinds({"text": "\ud800"}) == ["string_unicode"]


@given(st.text())
def test_whatever_passes_can_be_stored(text: str) -> None:
    try:
        note = Note(text=text)
    except ValidationError:
        return
    assert "\x00" not in note.text
    assert note.text.encode().decode() == note.text
    assert not has_control_characters(note.text)
    assert note.text.strip() == note.text != ""


@pytest.mark.parametrize("blank", ["", "   ", "\t\n", "\u3000"])
def test_blank_is_too_short(blank: str) -> None:
    assert kinds({"title": blank}) == ["string_too_short"]


@pytest.mark.parametrize(
    "code", ["410503", "41050300100x", "4105030010020", "４１０５０３００１０００", "410503001000\n"]
)
def test_what_is_no_area_code_is_refused(code: str) -> None:
    assert kinds({"areaCode": code}) == ["string_pattern_mismatch"]


def test_unknown_fields_are_refused_and_names_are_camel_case() -> None:
    assert kinds({"areacode": "410503001000"}) == ["extra_forbidden"]
    assert Note.model_validate({"areaCode": "410503001000"}).model_dump(exclude_defaults=True) == {
        "areaCode": "410503001000"
    }


def test_a_page_says_where_the_next_begins() -> None:
    assert Page[int](items=[1, 2], next_cursor="abc").model_dump() == {
        "items": [1, 2],
        "nextCursor": "abc",
        "total": None,
    }
