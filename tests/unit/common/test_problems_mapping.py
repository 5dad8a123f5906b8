"""Every refusal has one status, one stable code and a Chinese title; what pydantic finds becomes codes, never input."""

import json
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from libs.common import errors
from libs.common.errors import AppError, FieldError, Kind
from libs.common.http import STATUS, problem_document, problems, render_problem
from libs.common.models import ApiModel, LocalTime
from libs.common.problems import field_errors, refusal


def _all_errors() -> list[type[AppError]]:
    found, todo = [], [AppError]
    while todo:
        found.append(todo.pop())
        todo += found[-1].__subclasses__()
    return [error for error in found if error.__module__ == errors.__name__]


class Colour(StrEnum):
    RED = "red"


class Inner(ApiModel):
    amount: int = Field(ge=0, le=9)


class Order(ApiModel):
    """One field for everything that can be wrong."""

    name: str = Field(min_length=2, max_length=4, pattern="^[a-z]+$")
    colour: Colour = Colour.RED
    kind: Literal["a"] = "a"
    at: LocalTime | None = None
    id: UUID | None = None
    rate: float = Field(default=0, allow_inf_nan=False)
    items: list[Inner] = Field(default_factory=list)


def found_in(body: object) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as caught:
        Order.model_validate(body)
    findings = [{**e, "loc": ("body", *e["loc"])} for e in caught.value.errors()]
    return [(f.pointer, f.code) for f in field_errors(findings)]


def test_every_kind_has_a_status() -> None:
    assert set(STATUS) == set(Kind)


@pytest.mark.parametrize("error", _all_errors())
def test_every_error_is_a_problem(error: type[AppError]) -> None:
    status, headers, document = render_problem(error())
    assert headers["Content-Type"] == "application/problem+json"
    assert document["status"] == status == STATUS[error.kind]
    assert document["code"] == error.code
    assert document["type"] == f"/problems/{error.code}"
    assert any("\u4e00" <= c <= "\u9fff" for c in str(document["title"]))
    assert ("Retry-After" in headers) == (status == 503)
    assert ("WWW-Authenticate" in headers) == (status == 401)


def test_codes_are_stable_and_distinct() -> None:
    codes = {error.code for error in _all_errors()}
    assert codes >= {"not_found", "stale_version", "precondition_required", "idempotency_key_reused", "invalid_cursor"}
    alike = {errors.Contended, errors.Overloaded}  # both say no more than `busy` to a caller
    assert len({error.code for error in _all_errors() if error not in alike}) == len(_all_errors()) - len(alike)


def test_details_and_fields_are_kept() -> None:
    document = problem_document(errors.InvalidInput("说明", [FieldError("/funds", "required", "此项必填")]))
    assert document["detail"] == "说明"
    assert document["errors"] == [{"pointer": "/funds", "code": "required", "message": "此项必填"}]


def test_problems_document_each_code_under_its_status() -> None:
    documented = problems(errors.NotFound, errors.StaleVersion)
    assert "`stale_version`" in documented[412]["description"]
    assert set(documented) >= {400, 401, 403, 404, 412, 413, 422, 503}
    examples = documented[404]["content"]["application/problem+json"]["examples"]
    assert examples["not_found"]["value"]["status"] == 404


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, [("/name", "required")]),
        ({"name": "abc", "nmae": 1}, [("/nmae", "unknown_field")]),
        ({"name": 5}, [("/name", "wrong_type")]),
        ({"name": None}, [("/name", "wrong_type")]),
        ({"name": "a"}, [("/name", "too_short")]),
        ({"name": "abcde"}, [("/name", "too_long")]),
        ({"name": "ABC"}, [("/name", "wrong_format")]),
        ({"name": "abc", "colour": "blue"}, [("/colour", "unknown_code")]),
        ({"name": "abc", "kind": "b"}, [("/kind", "unknown_code")]),
        ({"name": "abc", "at": "2026-02-30T00:00:00+08:00"}, [("/at", "invalid_time")]),
        ({"name": "abc", "at": "2026-02-03T00:00:00"}, [("/at", "naive_time")]),
        ({"name": "abc", "at": "2026-02-03"}, [("/at", "naive_time")]),
        ({"name": "abc", "at": "0001-01-01T00:00:00Z"}, [("/at", "impossible_time")]),
        ({"name": "abc", "at": 1763769600}, [("/at", "invalid_time")]),
        ({"name": "abc", "at": "1763769600"}, [("/at", "invalid_time")]),
        ({"name": "abc", "id": "nobody"}, [("/id", "wrong_format")]),
        ({"name": "abc", "rate": float("nan")}, [("/rate", "out_of_range")]),
        ({"name": "abc", "items": [{"amount": 1}, {"amount": 10}]}, [("/items/1/amount", "out_of_range")]),
        ({"name": "abc", "items": [{"amount": "x"}]}, [("/items/0/amount", "wrong_type")]),
        ({"name": "abc", "items": [{"amount": 1.5}]}, [("/items/0/amount", "wrong_type")]),
        ({"name": "a\x00b"}, [("/name", "wrong_format")]),
        ([], [("", "wrong_type")]),
        ("text", [("", "wrong_type")]),
        (None, [("", "wrong_type")]),
    ],
)
def test_findings_become_codes_with_pointers(body: object, expected: list[tuple[str, str]]) -> None:
    assert found_in(body) == expected


@pytest.mark.parametrize("name", ["a b", "<script>", "x" * 65, "夹带", "a/b", "", "\n", "abc\n"])
def test_a_made_up_name_is_not_repeated(name: str) -> None:
    assert found_in({"name": "abc", name: 1}) == [("", "unknown_field")]
    assert found_in({"name": "abc", "items": [{"amount": 1, name: 1}]}) == [("/items/0", "unknown_field")]


def test_half_a_character_in_a_name_is_not_repeated_either() -> None:
    assert found_in({"name": "abc", "\ud800": 1}) == [("", "control_characters")]


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
)


@given(st.dictionaries(st.sampled_from(["name", "colour", "at", "id", "items", "rate"]) | st.text(), json_values))
def test_whatever_is_sent_the_problem_can_be_written(body: dict[str, Any]) -> None:
    try:
        Order.model_validate(body)
    except ValidationError as error:
        findings = [{**e, "loc": ("body", *e["loc"])} for e in error.errors()]
        json.dumps(problem_document(refusal(findings)), ensure_ascii=False).encode()


def test_a_query_parameter_keeps_its_place() -> None:
    found = field_errors([{"type": "int_parsing", "loc": ("query", "limit")}])
    assert found == [FieldError("/query/limit", "wrong_type", "类型不正确")]


def test_local_time_goes_out_with_the_offset_of_shanghai() -> None:
    order = Order.model_validate({"name": "abc", "at": "2026-11-20T01:00:00Z"})
    assert isinstance(order.at, datetime)
    assert json.loads(order.model_dump_json())["at"] == "2026-11-20T09:00:00+08:00"
