"""What an OpenAPI document must say so that a front-end team can work from it alone: complaints, one a line."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.contracts.validation import faults

Document = dict[str, Any]
Complaints = Iterator[str]

METHODS = ("get", "put", "post", "delete", "patch")
PROBLEM = "application/problem+json"
CAMEL = re.compile(r"^[a-z][a-zA-Z0-9]*$")
CHINESE = re.compile(r"[\u4e00-\u9fff]")


@dataclass(frozen=True)
class Operation:
    """One operation of the document, with the parameters of its path in it."""

    method: str
    path: str
    told: dict[str, Any]
    parameters: list[dict[str, Any]]

    @property
    def name(self) -> str:
        return f"{self.method.upper()} {self.path}"

    def has_parameter(self, place: str, name: str) -> bool:
        return any(p["in"] == place and p["name"].lower() == name.lower() for p in self.parameters)

    @property
    def statuses(self) -> set[str]:
        return set(self.told.get("responses", {}))


def operations(document: Document) -> list[Operation]:
    """All of them."""
    return [
        Operation(method, path, told, [*item.get("parameters", []), *told.get("parameters", [])])
        for path, item in document["paths"].items()
        for method, told in item.items()
        if method in METHODS
    ]


def is_openapi_3_1(document: Document) -> Complaints:
    if not str(document.get("openapi", "")).startswith("3.1"):
        yield f"openapi is {document.get('openapi')}"
    if not CHINESE.search(document["info"].get("title", "")) or not CHINESE.search(
        document["info"].get("description", "")
    ):
        yield "info has no Chinese title and description"


def operations_are_named(document: Document) -> Complaints:
    seen: dict[str, str] = {}
    for operation in operations(document):
        name = operation.told.get("operationId", "")
        if not CAMEL.match(name) or "V1" in name:
            yield f"{operation.name}: operationId {name!r} is no camelCase verb"
        if name in seen:
            yield f"{operation.name}: operationId {name!r} is that of {seen[name]}"
        seen[name] = operation.name
        if not CHINESE.search("".join(operation.told.get("tags", []))):
            yield f"{operation.name}: no Chinese tag"
        if not CHINESE.search(operation.told.get("summary", "")):
            yield f"{operation.name}: no Chinese summary"


def bodies_have_sound_examples(document: Document) -> Complaints:
    for operation in operations(document):
        for media, content in operation.told.get("requestBody", {}).get("content", {}).items():
            if not media.endswith("json"):
                continue
            examples = list(_examples(content, document))
            if not examples:
                yield f"{operation.name}: the body has no example"
            for example in examples:
                for fault in faults(example, {**content["schema"], "components": document.get("components", {})}):
                    yield f"{operation.name}: the example does not fit: {fault}"


def _examples(content: dict[str, Any], document: Document) -> Iterator[Any]:
    if "example" in content:
        yield content["example"]
    yield from (told["value"] for told in content.get("examples", {}).values())
    schema = content.get("schema", {})
    for alternative in schema.get("anyOf", [schema]):
        yield from (follow(alternative.get("$ref", ""), document) or alternative).get("examples", [])


def body_of(operation: Operation, document: Document) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Schema and first example of the JSON body; None when the operation takes none."""
    content = operation.told.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    schema = content["schema"]
    schema = next((a for a in schema.get("anyOf", [schema]) if a.get("type") != "null"), schema)
    return follow(schema.get("$ref", ""), document) or schema, next(_examples(content, document))


def refusals_are_documented(document: Document) -> Complaints:
    for operation in operations(document):
        wanted = {"401", "403", "422"} if operation.method == "post" or operation.parameters else {"401"}
        if any(p["in"] == "path" for p in operation.parameters):
            wanted.add("404")
        if operation.has_parameter("header", "If-Match"):
            wanted |= {"412", "428"}
        if missing := sorted(wanted - operation.statuses):
            yield f"{operation.name}: does not document {', '.join(missing)}"
        for status, told in operation.told.get("responses", {}).items():
            if status.startswith(("4", "5")) and set(told.get("content", {})) != {PROBLEM}:
                yield f"{operation.name}: {status} is no {PROBLEM}"
            elif status.startswith(("4", "5")) and not re.search(r"`[a-z_]+` ", told.get("description", "")):
                yield f"{operation.name}: {status} names no code"


def answers_are_documented(document: Document) -> Complaints:
    for operation in operations(document):
        good = {s: told for s, told in operation.told.get("responses", {}).items() if s.startswith("2")}
        if not good:
            yield f"{operation.name}: no answer is documented"
        for status, told in good.items():
            if status != "204" and not any(content.get("schema") for content in told.get("content", {}).values()):
                yield f"{operation.name}: {status} has no schema"


def names_are_camel_case(document: Document) -> Complaints:
    for name, schema in document.get("components", {}).get("schemas", {}).items():
        for field in schema.get("properties", {}):
            if not CAMEL.match(field):
                yield f"{name}.{field} is not camelCase"
    for operation in operations(document):
        for parameter in operation.parameters:
            if parameter["in"] in {"path", "query"} and not CAMEL.match(parameter["name"]):
                yield f"{operation.name}: {parameter['in']} parameter {parameter['name']} is not camelCase"


def everything_asks_for_a_token(document: Document) -> Complaints:
    schemes = document.get("components", {}).get("securitySchemes", {})
    if not any(s.get("type") == "http" and s.get("scheme") == "bearer" for s in schemes.values()):
        yield "no bearer scheme"
    for operation in operations(document):
        asked = operation.told.get("security", document.get("security", []))
        if not asked or any(not alternative for alternative in asked):
            yield f"{operation.name}: open to everyone"
        elif any(name not in schemes for alternative in asked for name in alternative):
            yield f"{operation.name}: asks for an unknown scheme"


def creation_is_repeatable(document: Document) -> Complaints:
    for operation in operations(document):
        creates = operation.method == "post" and "201" in operation.statuses
        if creates and not operation.has_parameter("header", "Idempotency-Key"):
            yield f"{operation.name}: creates and takes no Idempotency-Key"


LARGEST_PAGE = 1000


def pages_are_bounded(document: Document) -> Complaints:
    for operation in operations(document):
        limits = [p for p in operation.parameters if p["in"] == "query" and p["name"] == "limit"]
        if any(parameter["schema"].get("maximum") != LARGEST_PAGE for parameter in limits):
            yield f"{operation.name}: limit does not end at {LARGEST_PAGE}"
        if "nextCursor" in _answer_fields(operation, document) and not (
            limits and operation.has_parameter("query", "cursor")
        ):
            yield f"{operation.name}: pages without limit and cursor"


def _answer_fields(operation: Operation, document: Document) -> set[str]:
    schema = operation.told["responses"].get("200", {}).get("content", {}).get("application/json", {}).get("schema", {})
    return set((follow(schema.get("$ref", ""), document) or schema).get("properties", {}))


def references_lead_somewhere(document: Document) -> Complaints:
    for reference in _references(document):
        if follow(reference, document) is None:
            yield f"{reference} leads nowhere"
    for unused in {"HTTPValidationError", "ValidationError"} & set(document.get("components", {}).get("schemas", {})):
        yield f"{unused} is the framework's, not ours"


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def follow(reference: str, document: Document) -> dict[str, Any] | None:
    """What the reference names, or None."""
    node: Any = document
    for part in reference.removeprefix("#/").split("/"):
        node = node.get(part.replace("~1", "/")) if isinstance(node, dict) else None
    return node if isinstance(node, dict) else None


RULES: dict[str, Callable[[Document], Complaints]] = {
    rule.__name__: rule
    for rule in (
        is_openapi_3_1,
        operations_are_named,
        bodies_have_sound_examples,
        refusals_are_documented,
        answers_are_documented,
        names_are_camel_case,
        everything_asks_for_a_token,
        creation_is_repeatable,
        pages_are_bounded,
        references_lead_somewhere,
    )
}
