"""The AsyncAPI document says everything about the events, and what it refers to exists."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from libs.common.contracts import CONTRACTS
from libs.common.envelope import new_event, to_message
from tests.contracts.asyncapi import asyncapi, channel_name
from tests.contracts.documents import FROZEN, golden, topics
from tests.contracts.validation import faults

DOCUMENT: dict[str, Any] = yaml.safe_load((FROZEN / "asyncapi.yaml").read_text(encoding="utf-8"))


def references(node: Any) -> Iterator[str]:
    """Every `$ref` in the document."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def dangling(document: dict[str, Any]) -> list[str]:
    """References that lead nowhere."""
    found = []
    for reference in references(document):
        node: Any = document
        for part in reference.removeprefix("#/").split("/"):
            node = node.get(part) if isinstance(node, dict) else None
        if node is None:
            found.append(reference)
    return found


def test_it_is_asyncapi_3() -> None:
    assert re.fullmatch(r"3\.\d+\.\d+", DOCUMENT["asyncapi"])
    assert {"title", "version"} <= set(DOCUMENT["info"])
    assert set(DOCUMENT) <= {
        "asyncapi",
        "id",
        "info",
        "servers",
        "defaultContentType",
        "channels",
        "operations",
        "components",
    }


def test_references_lead_somewhere() -> None:
    assert dangling(DOCUMENT) == []
    assert len(list(references(DOCUMENT))) > 50


def test_a_dangling_reference_is_seen() -> None:
    assert dangling({"a": [{"$ref": "#/components/messages/none"}], "components": {}})


def test_every_topic_is_a_channel_that_someone_announces_on() -> None:
    assert {channel["address"] for channel in DOCUMENT["channels"].values()} == set(topics())
    sent = {
        operation["channel"]["$ref"] for operation in DOCUMENT["operations"].values() if operation["action"] == "send"
    }
    assert sent == {f"#/channels/{channel_name(topic)}" for topic in topics()}


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=lambda c: c.schema_id())
def test_every_event_is_a_message_on_its_channel(contract: Any) -> None:
    listed = DOCUMENT["channels"][channel_name(contract.topic)]["messages"].values()
    assert {"$ref": f"#/components/messages/{contract.schema_id()}"} in listed
    message = DOCUMENT["components"]["messages"][contract.schema_id()]
    assert message["name"] == contract.event_type
    assert message["summary"]
    assert message["examples"]


def test_examples_fit_the_payload_that_the_document_gives() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    for schema_id, message in DOCUMENT["components"]["messages"].items():
        schema = {"$ref": f"#/components/schemas/{schema_id}", "components": {"schemas": schemas}}
        for example in message["examples"]:
            assert faults(example["payload"], schema) == [], (schema_id, example["name"])


def test_the_headers_of_a_real_event_are_the_documented_ones() -> None:
    headers_schema = DOCUMENT["components"]["messageTraits"]["cloudEvent"]["headers"]
    contract = CONTRACTS["hazard-found", 1]
    payload = contract.model_validate(golden()["hazard-found.v1"]["general-at-an-enterprise"])
    event = new_event(payload, key=payload.hazard_id, sequence=1, now=payload.occurred_at, source="hazards")  # type: ignore[attr-defined]
    headers = {name: value.decode() for name, value in to_message(event).headers}
    assert faults(headers, headers_schema) == []
    assert set(headers) <= set(headers_schema["properties"])
    assert faults({**headers, "ce_id": "1"}, headers_schema)
    assert faults({k: v for k, v in headers.items() if k != "sequence"}, headers_schema)


def test_the_document_follows_the_contracts() -> None:
    fewer = asyncapi(list(CONTRACTS.values())[1:], topics(), {})
    assert len(fewer["components"]["messages"]) == len(DOCUMENT["components"]["messages"]) - 1
