"""Golden examples: every event has some, they fit their schema, today's code reads them, and a broken one is refused.

Examples are only added. An old one that no longer fits means that events already in the log can no longer be read.
"""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from libs.common.contracts import CONTRACTS, contract_for
from libs.common.contracts.base import Contract
from tests.contracts.asyncapi import event_schema
from tests.contracts.documents import EXAMPLES, FROZEN, golden
from tests.contracts.validation import faults

GOLDEN = golden()
EACH = [(schema_id, name) for schema_id, examples in GOLDEN.items() for name in examples]
SCHEMAS = [contract.schema_id() for contract in CONTRACTS.values()]


def contract(schema_id: str) -> type[Contract]:
    found = contract_for(schema_id)
    assert found is not None, f"{schema_id} was promised and is no contract any more"
    return found


def frozen_schema(schema_id: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FROZEN / "schemas" / f"{schema_id}.json").read_text(encoding="utf-8"))
    return loaded


@pytest.mark.parametrize("schema_id", SCHEMAS)
def test_every_event_has_several_examples(schema_id: str) -> None:
    assert len(GOLDEN.get(schema_id, {})) >= 4
    assert "required-fields-only" in GOLDEN[schema_id]


def test_every_folder_of_examples_belongs_to_an_event() -> None:
    assert {path.name for path in EXAMPLES.iterdir()} == set(SCHEMAS)


@pytest.mark.parametrize(("schema_id", "name"), EACH)
def test_the_example_fits_the_frozen_schema(schema_id: str, name: str) -> None:
    assert faults(GOLDEN[schema_id][name], frozen_schema(schema_id)) == []


@pytest.mark.parametrize(("schema_id", "name"), EACH)
def test_the_code_of_today_reads_the_example(schema_id: str, name: str) -> None:
    example = GOLDEN[schema_id][name]
    read = contract(schema_id).model_validate_json(json.dumps(example))
    told_again = json.loads(read.model_dump_json(by_alias=True))
    assert {key: _normal(told_again[key]) for key in example} == {key: _normal(value) for key, value in example.items()}


@pytest.mark.parametrize(("schema_id", "name"), EACH)
def test_a_field_of_tomorrow_does_not_disturb(schema_id: str, name: str) -> None:
    example = {**GOLDEN[schema_id][name], "fieldOfTomorrow": {"nested": [1, None, "新增"]}}
    assert faults(example, frozen_schema(schema_id)) == []
    contract(schema_id).model_validate_json(json.dumps(example))


def _normal(value: Any) -> Any:
    """Instants compare as instants: `…30.6Z` and `…30.600000Z` are the same."""
    if isinstance(value, str) and value.endswith("Z") and "T" in value:
        seconds, _, fraction = value[:-1].partition(".")
        return f"{seconds}.{fraction.ljust(6, '0')}Z"
    return value


def broken(schema_id: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """A full example with one fault each: every required field missing, every field of a wrong type, bad formats."""
    schema = event_schema(contract(schema_id))
    full = max(GOLDEN[schema_id].values(), key=lambda e: sum(value is not None for value in e.values()))
    for name in schema["required"]:
        less = copy.deepcopy(full)
        del less[name]
        yield f"{name} is missing", less
    for name, part in schema["properties"].items():
        yield f"{name} is of a wrong type", {**full, name: {"unexpected": True}}
        kinds = {alternative.get("format") for alternative in part.get("anyOf", [part])}
        if kinds & {"uuid", "date", "date-time"}:
            yield f"{name} is no {kinds}", {**full, name: "猫"}
        if "date-time" in kinds:
            yield f"{name} has no zone", {**full, name: "2026-11-20T09:00:00"}


@pytest.mark.parametrize("schema_id", SCHEMAS)
def test_the_schema_refuses_broken_examples(schema_id: str) -> None:
    schema = frozen_schema(schema_id)
    cases = list(broken(schema_id))
    assert len(cases) > 10
    assert [what for what, example in cases if not faults(example, schema)] == []
    assert faults([], schema)
    assert faults({}, schema)


@pytest.mark.parametrize("schema_id", SCHEMAS)
def test_the_code_refuses_what_the_schema_refuses(schema_id: str) -> None:
    accepted = []
    for what, example in broken(schema_id):
        try:
            contract(schema_id).model_validate_json(json.dumps(example))
        except ValidationError:
            continue
        accepted.append(what)
    assert accepted == []
