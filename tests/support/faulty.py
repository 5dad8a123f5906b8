"""Faulty variants of a sound request body, found by walking its schema: what, bytes, statuses, code, pointer."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

Schema = dict[str, Any]

DEEP = 100_000
BAD_TIMES = {
    "2026-11-20T09:00:00": "naive_time",
    "2026-02-30T09:00:00+08:00": "invalid_time",
    "2026-11-20T25:00:00+08:00": "invalid_time",
    "0001-01-01T00:00:00+14:00": "impossible_time",
    "9999-12-31T23:59:59-12:00": "impossible_time",
    "昨天": "invalid_time",
}


@dataclass(frozen=True)
class Fault:
    """A body that must be refused, how, and where the blame must point (None: wherever)."""

    what: str
    body: bytes
    statuses: frozenset[int]
    code: str | None = None
    pointer: str | None = None


INVALID, MALFORMED, EITHER = frozenset({422}), frozenset({400}), frozenset({400, 422})


def unreadable() -> Iterator[Fault]:
    """Bodies that are no JSON object at all."""
    yield Fault("not JSON", b"{not json", MALFORMED, "invalid_json")
    yield Fault("half of it", b'{"reason": "', MALFORMED, "invalid_json")
    yield Fault("no UTF-8", b'{"reason": "\xff\xfe"}', EITHER)
    yield Fault("a list", b"[]", INVALID)
    yield Fault("a list of objects", b"[{}]", INVALID)
    yield Fault("a number", b"7", INVALID)
    yield Fault("a text", b'"text"', INVALID)
    yield Fault("lists without end", b"[" * DEEP, EITHER)
    yield Fault("nested lists", b"[" * DEEP + b"]" * DEEP, EITHER)
    yield Fault("nested objects", b'{"a":' * DEEP + b"1" + b"}" * DEEP, EITHER)
    yield Fault("a number of 5,000 digits", b'{"x": ' + b"9" * 5000 + b"}", EITHER)
    yield Fault("a lone surrogate as a name", b'{"\\ud800": 1}', EITHER)
    yield Fault("NUL as a name", b'{"\\u0000": 1}', EITHER)
    yield Fault("50,000 unknown fields", json.dumps({f"f{n}": n for n in range(50_000)}).encode(), INVALID)
    yield Fault("a field with a long name", json.dumps({"n" * 200_000: 1}).encode(), INVALID)


def faults_of(example: dict[str, Any], schema: Schema, components: Schema) -> Iterator[Fault]:
    """One fault each in an otherwise sound body, however deep."""
    yield Fault("an unknown field", _dump({**example, "fieldOfNobody": 1}), INVALID, "unknown_field", "/fieldOfNobody")
    yield Fault("a snake_case field", _dump({**example, "some_field": 1}), INVALID, "unknown_field", "/some_field")
    for name, given in schema.get("properties", {}).items():
        kinds = list(alternatives(given, components))
        yield from _inside(example, name, kinds, components)
        yield from _wrong_type(example, name, kinds)
        if any(kind.get("type") == "string" for kind in kinds):
            yield from _bad_texts(example, name, kinds)
        if any(kind.get("format") == "date-time" for kind in kinds):
            for text, code in BAD_TIMES.items():
                yield Fault(f"{name} = {text}", _dump({**example, name: text}), INVALID, code, f"/{name}")
            yield from _each(example, name, (1893456000, "1893456000", "2030-01-01"))
        elif any(kind.get("format") == "date" for kind in kinds):
            yield from _each(example, name, ("2026-02-30", 20000, "20000", "1893456000"))
        elif any(kind.get("type") == "boolean" for kind in kinds):
            yield from _each(example, name, ("yes", "true", 1, 0))
        elif all(kind.get("type") == "integer" for kind in kinds):
            yield from _each(example, name, ("5", 2.5, 10**30, -(10**30)))
        if any(kind.get("type") in {"integer", "number"} for kind in kinds):
            for literal in (b"NaN", b"Infinity", b"-1e999", b"1e400", b"9" * 400):
                yield Fault(f"{name} = {literal[:9].decode()}", _with(example, name, literal), EITHER)
    for name in schema.get("required", []):
        less = {key: value for key, value in example.items() if key != name}
        yield Fault(f"without {name}", _dump(less), INVALID, "required", f"/{name}")
        yield Fault(f"{name} is null", _dump({**example, name: None}), INVALID, None, f"/{name}")


def _inside(example: dict[str, Any], name: str, kinds: list[Schema], components: Schema) -> Iterator[Fault]:
    """The faults of an object in the field, or of the first object of the list in it."""
    value = example.get(name)
    listed = isinstance(value, list)
    inner = value[0] if isinstance(value, list) and value else value
    if not isinstance(inner, dict):
        return
    for kind in kinds:
        for schema in alternatives(kind.get("items", {}), components) if listed else [kind]:
            if set(inner) <= set(schema.get("properties", {})):
                for fault in faults_of(inner, schema, components):
                    body = _with(example, name, b"[" + fault.body + b"]" if listed else fault.body)
                    pointer = f"/{name}{'/0' if listed else ''}{fault.pointer or ''}"
                    yield replace(fault, what=f"{name}: {fault.what}", body=body, pointer=pointer)


def _each(example: dict[str, Any], name: str, values: tuple[Any, ...]) -> Iterator[Fault]:
    for value in values:
        yield Fault(f"{name} = {value!r}", _dump({**example, name: value}), INVALID, None, f"/{name}")


def _wrong_type(example: dict[str, Any], name: str, kinds: list[Schema]) -> Iterator[Fault]:
    types = {kind.get("type") for kind in kinds}
    if None in types:
        return
    if "object" not in types:
        yield Fault(f"{name} is an object", _dump({**example, name: {"a": 1}}), INVALID, None, f"/{name}")
    if "array" not in types:
        yield Fault(f"{name} is a list", _dump({**example, name: [[]]}), INVALID, None, f"/{name}")
    if "boolean" not in types:
        yield Fault(f"{name} is true", _dump({**example, name: True}), INVALID, None, f"/{name}")
    if not types & {"integer", "number"}:
        yield Fault(f"{name} is a number", _dump({**example, name: 3.5}), INVALID, None, f"/{name}")


def _bad_texts(example: dict[str, Any], name: str, kinds: list[Schema]) -> Iterator[Fault]:
    for what, text in {
        "a bell": "坏\u0007值",
        "NUL": "坏\u0000值",
        "a turned text": "坏\u202e值",
        "DEL": "坏\u007f",
    }.items():
        yield Fault(f"{name} holds {what}", _dump({**example, name: text}), INVALID, None, f"/{name}")
    for escape in (b'"\\ud800"', b'"\\udfff\\ud800"'):
        yield Fault(f"{name} is half a character", _with(example, name, escape), EITHER)
    if all(kind.get("enum") for kind in kinds if kind.get("type") == "string"):
        yield Fault(f"{name} is an unknown code", _dump({**example, name: "banana"}), INVALID, None, f"/{name}")
    else:
        yield Fault(f"{name} is endless", _dump({**example, name: "隐" * 100_000}), INVALID, None, f"/{name}")


def alternatives(schema: Schema, components: Schema) -> Iterator[Schema]:
    """The schema, or what it may be instead, without references and nulls."""
    if "$ref" in schema:
        yield from alternatives(components[str(schema["$ref"]).rsplit("/", 1)[-1]], components)
    elif "anyOf" in schema or "oneOf" in schema:
        for each in schema.get("anyOf") or schema["oneOf"]:
            yield from alternatives(each, components)
    elif schema.get("type") != "null":
        yield {**schema, "enum": schema.get("enum") or ([schema["const"]] if "const" in schema else None)}


def _dump(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def _with(example: dict[str, Any], name: str, literal: bytes) -> bytes:
    """The body with a field whose value is written just so, which `json.dumps` would not write."""
    return _dump({**example, name: "<here>"}).replace(b'"<here>"', literal)
