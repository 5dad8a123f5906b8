"""The checker that keeps event schemas compatible accepts growth and refuses each way of breaking a reader."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.contracts.growth import Schema, breaches

OLD: Schema = {
    "title": "AreaChanged",
    "type": "object",
    "required": ["id", "level"],
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "level": {"type": "string", "enum": ["street", "grid"]},
        "dueAt": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}], "default": None},
        "posts": {"type": "array", "items": {"$ref": "#/$defs/Post"}, "default": []},
    },
    "$defs": {"Post": {"type": "object", "required": ["role"], "properties": {"role": {"type": "string"}}}},
}


def changed(change: Callable[[Any], object]) -> Schema:
    """A copy of the schema with one change."""
    new = copy.deepcopy(OLD)
    change(new)
    return new


GROWTH: dict[str, Callable[[Any], object]] = {
    "nothing": lambda s: None,
    "words": lambda s: s.update(title="Area", description="says more"),
    "a new optional field": lambda s: s["properties"].update(note={"type": "string"}),
    "a new optional field inside": lambda s: s["$defs"]["Post"]["properties"].update(since={"type": "string"}),
    "another order": lambda s: s.update(properties=dict(reversed(s["properties"].items())), required=["level", "id"]),
    "a definition under another name": lambda s: (
        s["$defs"].update(Duty=s["$defs"].pop("Post")),
        s["properties"]["posts"].update(items={"$ref": "#/$defs/Duty"}),
    ),
}

BREACHES: dict[str, Callable[[Any], object]] = {
    "a field goes": lambda s: s["properties"].pop("dueAt"),
    "a field is renamed": lambda s: s["properties"].update(due=s["properties"].pop("dueAt")),
    "a type changes": lambda s: s["properties"].update(id={"type": "integer"}),
    "a format changes": lambda s: s["properties"]["id"].update(format="email"),
    "null is no longer allowed": lambda s: s["properties"].update(dueAt={"type": "string", "format": "date-time"}),
    "null is allowed now": lambda s: s["properties"].update(
        id={"anyOf": [{"type": "string", "format": "uuid"}, {"type": "null"}]}
    ),
    "an alternative changes": lambda s: s["properties"]["dueAt"]["anyOf"].__setitem__(0, {"type": "integer"}),
    "a new field is required": lambda s: (
        s["properties"].update(note={"type": "string"}),
        s["required"].append("note"),
    ),
    "an optional field becomes required": lambda s: s["required"].append("dueAt"),
    "a required field becomes optional": lambda s: s["required"].remove("level"),
    "a value goes": lambda s: s["properties"]["level"].update(enum=["street"]),
    "a value is new": lambda s: s["properties"]["level"].update(enum=["street", "grid", "district"]),
    "a length is limited": lambda s: s["properties"]["level"].update(maxLength=3),
    "unknown fields are refused": lambda s: s.update(additionalProperties=False),
    "a field inside goes": lambda s: s["$defs"]["Post"].update(properties={}, required=[]),
    "items change": lambda s: s["properties"]["posts"].update(items={"type": "string"}),
    "a list is limited": lambda s: s["properties"]["posts"].update(maxItems=1),
    "it is no object any more": lambda s: s.update(type="array", items={}),
}


@pytest.mark.parametrize("name", GROWTH)
def test_growth_is_accepted(name: str) -> None:
    assert breaches(OLD, changed(GROWTH[name])) == []


@pytest.mark.parametrize("name", BREACHES)
def test_a_breach_is_refused(name: str) -> None:
    assert breaches(OLD, changed(BREACHES[name]))
