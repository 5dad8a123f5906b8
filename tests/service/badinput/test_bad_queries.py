"""Every list and every reading, asked badly: a mistyped filter must not show everything, and no 500 at all."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.contracts.documents import FROZEN, SERVICES
from tests.contracts.openapi_rules import Operation, operations
from tests.support.faulty import alternatives
from tests.support.live import PEOPLES_ROLES, Live
from tests.support.refusals import Expected, wrong_with
from tests.support.residents import Residents

Open = Callable[[str], tuple[Live, Residents]]

DOCUMENTS = {service: json.loads((FROZEN / "openapi" / f"{service}.json").read_text()) for service in SERVICES}
READING = [
    pytest.param(service, operation, id=f"{service}-{operation.told['operationId']}")
    for service in SERVICES
    for operation in operations(DOCUMENTS[service])
    if operation.method == "get"
]
INVALID = frozenset({422})
CURSORS = ("banana", "e30", "bnVsbA", "W10", "eyJhIjoxfQ", "=", "🔥", "A" * 5_000, "WyIwMDAiLCAiMDAwIl0")


def ask(live: Open, service: str, operation: Operation, **parameters: Any) -> httpx.Response:
    started, residents = live(service)
    headers = {"Authorization": f"Bearer {started.token(roles=PEOPLES_ROLES)}"}
    return httpx.get(started.address + residents.address(operation), params=parameters, headers=headers, timeout=20)


@pytest.mark.parametrize(("service", "operation"), READING)
def test_a_sound_request_is_answered(service: str, operation: Operation, live: Open) -> None:
    assert ask(live, service, operation).status_code in {200, 404}


@pytest.mark.parametrize(("service", "operation"), READING)
def test_unknown_parameters_are_refused(service: str, operation: Operation, live: Open) -> None:
    for name in ("fieldOfNobody", "Limit"):
        response = ask(live, service, operation, **{name: "1"})
        assert wrong_with(response, Expected(INVALID, "unknown_field", f"/query/{name}")) == [], name


@pytest.mark.parametrize(("service", "operation"), READING)
def test_what_is_left_blank_is_left_out(service: str, operation: Operation, live: Open) -> None:
    blank = {p["name"]: "" for p in operation.parameters if p["in"] == "query"}
    asked, plain = ask(live, service, operation, **blank), ask(live, service, operation)
    assert (asked.status_code, asked.headers["content-type"]) == (plain.status_code, plain.headers["content-type"])
    response = ask(live, service, operation, fieldOfNobody="")
    assert wrong_with(response, Expected(INVALID, "unknown_field", "/query/fieldOfNobody")) == []


@pytest.mark.parametrize(("service", "operation"), READING)
def test_values_that_do_not_fit_are_refused(service: str, operation: Operation, live: Open) -> None:
    components = DOCUMENTS[service]["components"]["schemas"]
    for parameter in (p for p in operation.parameters if p["in"] == "query"):
        name = parameter["name"]
        for value in _unfit(list(alternatives(parameter["schema"], components))):
            response = ask(live, service, operation, **{name: value})
            assert wrong_with(response, Expected(INVALID, None, f"/query/{name}")) == [], (name, value)
        control = ask(live, service, operation, **{name: "a\x00b"})
        assert wrong_with(control, Expected(frozenset({400}), "malformed_request")) == [], name


def _unfit(kinds: list[dict[str, Any]]) -> list[str]:
    """Texts that none of the kinds takes."""
    types = {kind.get("type") for kind in kinds}
    if types == {"integer"}:
        return ["0", "-1", "1.5", "abc", "9" * 30, "１", "1e3"]
    if types == {"boolean"}:
        return ["2", "maybe"]
    if any(
        kind["enum"] or kind.get("format") in {"uuid", "date", "date-time"} or kind.get("pattern") for kind in kinds
    ):
        return ["banana", "0" * 5_000, "2026-02-30", "🔥"]
    return []


@pytest.mark.parametrize(("service", "operation"), [p for p in READING if p.values[1].has_parameter("query", "cursor")])  # type: ignore[union-attr]
def test_cursors_of_nobody_are_refused(service: str, operation: Operation, live: Open) -> None:
    for cursor in CURSORS:
        response = ask(live, service, operation, cursor=cursor)
        assert wrong_with(response, Expected(INVALID)) == [], cursor


@pytest.mark.parametrize(("service", "operation"), [p for p in READING if p.values[1].has_parameter("query", "limit")])  # type: ignore[union-attr]
def test_a_page_may_be_large(service: str, operation: Operation, live: Open) -> None:
    assert ask(live, service, operation, limit=1000).status_code in {200, 404}
    assert (
        wrong_with(ask(live, service, operation, limit=1001), Expected(INVALID, "out_of_range", "/query/limit")) == []
    )


@pytest.mark.parametrize(("service", "operation"), [p for p in READING if p.values[1].has_parameter("query", "limit")])  # type: ignore[union-attr]
def test_a_page_of_one_ends(service: str, operation: Operation, live: Open) -> None:
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(200):
        page = ask(live, service, operation, limit=1, **({"cursor": cursor} if cursor else {})).json()
        if "nextCursor" not in page:
            return  # a list within a view, no page of its own
        seen += [json.dumps(item, sort_keys=True) for item in page["items"]]
        cursor = page["nextCursor"]
        if cursor is None:
            break
    assert cursor is None
    assert len(seen) == len(set(seen))
