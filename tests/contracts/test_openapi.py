"""The three OpenAPI documents are good enough to generate a client from, and every rule for them is seen to refuse."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.contracts.documents import FROZEN, SERVICES
from tests.contracts.openapi_rules import PROBLEM, RULES, Document, operations


def frozen(service: str) -> Document:
    loaded: Document = json.loads((FROZEN / "openapi" / f"{service}.json").read_text(encoding="utf-8"))
    return loaded


def refusal(code: str) -> dict[str, Any]:
    return {"description": f"`{code}` 说明", "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}}


SOUND: Document = {
    "openapi": "3.1.0",
    "info": {"title": "示例", "description": "示例服务", "version": "1.0.0"},
    "paths": {
        "/v1/things": {
            "get": {
                "operationId": "listThings",
                "tags": ["示例"],
                "summary": "列出",
                "security": [{"Bearer": []}],
                "parameters": [
                    {"in": "query", "name": "limit", "schema": {"type": "integer", "maximum": 1000}},
                    {"in": "query", "name": "cursor", "schema": {"type": "string"}},
                ],
                "responses": {
                    "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Things"}}}},
                    **{s: refusal("code") for s in ("401", "403", "422")},
                },
            },
        },
        "/v1/things/{thingId}/moves": {
            "post": {
                "operationId": "moveThing",
                "tags": ["示例"],
                "summary": "移动",
                "security": [{"Bearer": []}],
                "parameters": [
                    {"in": "path", "name": "thingId", "schema": {"type": "string"}},
                    {"in": "header", "name": "If-Match", "schema": {"type": "string"}},
                    {"in": "header", "name": "Idempotency-Key", "schema": {"type": "string"}},
                ],
                "requestBody": {
                    "content": {
                        "application/json": {
                            "schema": {"$ref": "#/components/schemas/Thing"},
                            "examples": {"one": {"value": {"placeName": "三号楼"}}},
                        }
                    }
                },
                "responses": {
                    "201": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}},
                    **{s: refusal("code") for s in ("401", "403", "404", "412", "422", "428")},
                },
            },
        },
    },
    "components": {
        "schemas": {
            "Thing": {"type": "object", "required": ["placeName"], "properties": {"placeName": {"type": "string"}}},
            "Things": {"type": "object", "properties": {"items": {"type": "array"}, "nextCursor": {"type": "string"}}},
            "Problem": {"type": "object", "properties": {"code": {"type": "string"}}},
        },
        "securitySchemes": {"Bearer": {"type": "http", "scheme": "bearer"}},
    },
}

Change = Callable[[Any, Any, Any], object]  # document, GET /v1/things, POST /v1/things/{thingId}/moves

BROKEN: dict[str, list[Change]] = {
    "is_openapi_3_1": [lambda d, g, p: d.update(openapi="3.0.3"), lambda d, g, p: d["info"].update(title="Things")],
    "operations_are_named": [
        lambda d, g, p: g.pop("operationId"),
        lambda d, g, p: g.update(operationId="list_things_v1_things_get"),
        lambda d, g, p: g.update(operationId="moveThing"),
        lambda d, g, p: g.update(tags=[]),
        lambda d, g, p: g.update(tags=["things"]),
        lambda d, g, p: g.update(summary="List Things"),
    ],
    "bodies_have_sound_examples": [
        lambda d, g, p: p["requestBody"]["content"]["application/json"].pop("examples"),
        lambda d, g, p: p["requestBody"]["content"]["application/json"]["examples"]["one"].update(value={"x": 1}),
    ],
    "refusals_are_documented": [
        lambda d, g, p: g["responses"].pop("401"),
        lambda d, g, p: p["responses"].pop("404"),
        lambda d, g, p: p["responses"].pop("412"),
        lambda d, g, p: p["responses"].pop("428"),
        lambda d, g, p: p["responses"].update(
            {"422": {"description": "`code` x", "content": {"application/json": {}}}}
        ),
        lambda d, g, p: p["responses"]["404"].update(description="Not Found"),
    ],
    "answers_are_documented": [
        lambda d, g, p: g["responses"].pop("200"),
        lambda d, g, p: g["responses"].update({"200": {"description": "OK"}}),
        lambda d, g, p: g["responses"]["200"].update(content={"application/json": {"schema": {}}}),
    ],
    "names_are_camel_case": [
        lambda d, g, p: d["components"]["schemas"]["Thing"]["properties"].update(area_code={}),
        lambda d, g, p: g["parameters"].append({"in": "query", "name": "area_code", "schema": {}}),
        lambda d, g, p: p["parameters"][0].update(name="thing_id"),
    ],
    "everything_asks_for_a_token": [
        lambda d, g, p: g.pop("security"),
        lambda d, g, p: g.update(security=[{"Bearer": []}, {}]),
        lambda d, g, p: g.update(security=[{"Other": []}]),
        lambda d, g, p: d["components"].pop("securitySchemes"),
    ],
    "creation_is_repeatable": [lambda d, g, p: p["parameters"].pop(2)],
    "pages_are_bounded": [
        lambda d, g, p: g["parameters"][0]["schema"].pop("maximum"),
        lambda d, g, p: g["parameters"][0]["schema"].update(maximum=500),
        lambda d, g, p: g["parameters"].pop(1),
    ],
    "references_lead_somewhere": [
        lambda d, g, p: d["components"]["schemas"].pop("Problem"),
        lambda d, g, p: d["components"]["schemas"].update(HTTPValidationError={"type": "object"}),
    ],
}


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("rule", RULES)
def test_the_document_keeps_the_rule(service: str, rule: str) -> None:
    found = list(RULES[rule](frozen(service)))
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(("rule", "change"), [(rule, change) for rule, changes in BROKEN.items() for change in changes])
def test_the_rule_refuses(rule: str, change: Change) -> None:
    document = copy.deepcopy(SOUND)
    paths = document["paths"]
    change(document, paths["/v1/things"]["get"], paths["/v1/things/{thingId}/moves"]["post"])
    assert list(RULES[rule](document))


@pytest.mark.parametrize("rule", RULES)
def test_a_sound_document_passes(rule: str) -> None:
    assert list(RULES[rule](SOUND)) == []


def test_every_rule_has_a_document_that_it_refuses() -> None:
    assert set(BROKEN) == set(RULES)


@pytest.mark.parametrize("service", SERVICES)
def test_there_are_operations_to_look_at(service: str) -> None:
    assert len(operations(frozen(service))) >= 5


NAMES_OTHERS_RELY_ON = {
    "registry": [
        "POST /v1/imports/enterprises",
        "POST /v1/imports/areas",
        "GET /v1/imports/{}",
        "GET /v1/imports/{}/errors",
        "GET /v1/enterprises",
        "GET /v1/enterprises/{}",
    ],
    "hazards": [
        "POST /v1/hazards",
        "POST /v1/hazards/batch",
        *(
            f"POST /v1/hazards/{{}}/{move}"
            for move in (
                "verifications",
                "rejections",
                "on-spot-fixes",
                "assignments",
                "orders",
                "rectifications",
                "reinspections",
                "reopenings",
            )
        ),
        "GET /v1/hazards",
        "GET /v1/hazards/{}",
        "GET /v1/hazards/{}/log",
        "GET /v1/views/street/{}",
        "GET /v1/views/community/{}",
        "GET /v1/views/enterprise/{}",
    ],
    "notifications": ["GET /v1/alerts", "GET /v1/alerts/{}", "POST /v1/alerts/{}/acknowledgements"],
}


@pytest.mark.parametrize("service", SERVICES)
def test_the_names_that_others_rely_on_are_there(service: str) -> None:
    offered = {f"{o.method.upper()} {_nameless(o.path)}" for o in operations(frozen(service))}
    assert not set(NAMES_OTHERS_RELY_ON[service]) - offered


def _nameless(path: str) -> str:
    return "/".join("{}" if part.startswith("{") else part for part in path.split("/"))
