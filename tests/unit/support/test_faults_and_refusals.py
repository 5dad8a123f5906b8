"""The judges of bad input: they find every kind of fault to send, and complain about every kind of wrong answer."""

import json
from typing import Any

import httpx
import pytest

from tests.support.faulty import faults_of, unreadable
from tests.support.refusals import Expected, wrong_with

PROBLEM: dict[str, Any] = {
    "type": "/problems/invalid_input",
    "title": "提交的内容有误",
    "status": 422,
    "detail": "提交的内容有误",
    "code": "invalid_input",
    "errors": [{"pointer": "/dueAt", "code": "naive_time", "message": "时间须带时区"}],
    "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
}
EXPECTED = Expected(frozenset({422}), "naive_time", "/dueAt")


def answer(status: int = 422, media: str = "application/problem+json", **changes: Any) -> httpx.Response:
    document = {name: value for name, value in {**PROBLEM, **changes}.items() if value is not ...}
    return httpx.Response(status, headers={"content-type": media}, content=json.dumps(document).encode())


def test_a_good_refusal_is_left_alone() -> None:
    assert wrong_with(answer(), EXPECTED) == []


@pytest.mark.parametrize(
    "response",
    [
        answer(201),
        answer(500),
        answer(media="application/json"),
        answer(traceId=...),
        answer(traceId=""),
        answer(input="x"),
        answer(status_code=422, status=400),
        answer(type="about:blank"),
        answer(detail="“坏”不是时间"),
        answer(errors=[]),
        answer(errors=[{"pointer": "/level", "code": "naive_time", "message": "…"}]),
        answer(errors=[{"pointer": "/dueAt", "code": "wrong_type", "message": "…"}]),
        answer(errors=[{"pointer": "/dueAt", "code": "naive_time"}]),
        answer(
            errors=[{"pointer": f"/f{n}", "code": "unknown_field", "message": "没有这个字段"} for n in range(9_999)]
        ),
    ],
)
def test_a_bad_refusal_is_not(response: httpx.Response) -> None:
    assert wrong_with(response, EXPECTED)


SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["level"],
    "properties": {
        "level": {"$ref": "#/components/schemas/Level"},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "dueAt": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
        "on": {"type": "string", "format": "date"},
        "count": {"type": "integer"},
        "roll": {"type": "boolean"},
        "steps": {"type": "array", "items": {"$ref": "#/components/schemas/Step"}},
    },
}
COMPONENTS = {
    "Level": {"type": "string", "enum": ["general", "major"]},
    "Step": {"type": "object", "required": ["tier"], "properties": {"tier": {"type": "string"}}},
}
EXAMPLE = {"level": "major", "note": "x", "dueAt": None, "count": 1, "roll": True, "steps": [{"tier": "street"}]}


@pytest.mark.parametrize(
    "what",
    [
        "an unknown field",
        "a snake_case field",
        "without level",
        "level is null",
        "level is an unknown code",
        "level is a number",
        "note holds a bell",
        "note holds NUL",
        "note is half a character",
        "note is endless",
        "dueAt = 2026-11-20T09:00:00",
        "dueAt = 1893456000",
        "on = '2026-02-30'",
        "count = '5'",
        "count = NaN",
        "roll = 'yes'",
        "steps is an object",
        "steps: an unknown field",
        "steps: without tier",
    ],
)
def test_this_fault_is_tried(what: str) -> None:
    assert what in {fault.what for fault in faults_of(EXAMPLE, SCHEMA, COMPONENTS)}


def test_every_fault_is_another_body() -> None:
    bodies = [fault.body for fault in faults_of(EXAMPLE, SCHEMA, COMPONENTS)]
    assert len(bodies) == len(set(bodies)) > 60
    assert json.dumps(EXAMPLE, ensure_ascii=False).encode() not in bodies


def test_a_fault_inside_points_inside() -> None:
    inside = {f.what: f.pointer for f in faults_of(EXAMPLE, SCHEMA, COMPONENTS) if f.what.startswith("steps: ")}
    assert inside["steps: without tier"] == "/steps/0/tier"
    assert len(list(unreadable())) > 10
