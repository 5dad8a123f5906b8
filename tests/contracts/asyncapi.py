"""The AsyncAPI 3.0 document of all events, and the JSON schema of each, from the contract models."""

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic.alias_generators import to_camel, to_pascal

from libs.common.contracts.base import Contract

Schema = dict[str, Any]

TITLES = {
    "registry.areas": "行政区划与网格",
    "registry.enterprises": "企业",
    "hazards.hazards": "隐患",
    "notifications.alerts": "告警",
}

_HEADERS: Schema = {
    "type": "object",
    "required": [
        "ce_specversion",
        "ce_id",
        "ce_source",
        "ce_type",
        "ce_time",
        "ce_subject",
        "ce_dataschema",
        "sequence",
    ],
    "properties": {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": {"type": "string", "format": "uuid", "description": "事件编号；同一事件可能送达多次，以此去重"},
        "ce_source": {"type": "string", "format": "uri-reference", "examples": ["/hazardloop/hazards"]},
        "ce_type": {"type": "string", "description": "发生了什么", "examples": ["hazard-found"]},
        "ce_time": {"type": "string", "format": "date-time", "description": "发生时间（UTC）"},
        "ce_subject": {"type": "string", "format": "uuid", "description": "对象的编号，与消息的键相同"},
        "ce_dataschema": {"type": "string", "description": "数据结构及其版本", "examples": ["hazard-found.v1"]},
        "sequence": {"type": "string", "pattern": "^[0-9]+$", "description": "对象的版本；同一对象的事件按此排序"},
        "traceparent": {"type": "string", "description": "W3C 跟踪标识"},
        "content-type": {"type": "string", "const": "application/json"},
    },
}


def event_schema(contract: type[Contract], ref_template: str = "#/$defs/{model}") -> Schema:
    """What a reader of the event may rely on.

    A field with a default is optional: events written before it was added lack it.
    """
    schema = contract.model_json_schema(by_alias=True, ref_template=ref_template, mode="validation")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": contract.schema_id(),
        **schema,
        "title": contract.schema_id(),
        "description": inspect.cleandoc(contract.__doc__ or ""),
    }


def asyncapi(
    contracts: Iterable[type[Contract]],
    topics: Mapping[str, Mapping[str, Any]],
    examples: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """The document: a channel per topic, a message per contract, and what we send on each."""
    listed = list(contracts)
    channels = {
        channel_name(name): _channel(name, options, [c for c in listed if c.topic == name])
        for name, options in topics.items()
    }
    schemas: Schema = {}
    for contract in listed:
        schema = event_schema(contract, ref_template="#/components/schemas/{model}")
        schemas.update(schema.pop("$defs", {}))
        schemas[contract.schema_id()] = {k: v for k, v in schema.items() if not k.startswith("$")}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "隐患闭环：事件",
            "version": "1.0.0",
            "description": (
                "三个服务对外公布的全部事件。信封为 CloudEvents 1.0（二进制模式），数据为 JSON。"
                "每条事件至少送达一次：以 ce_id 去重，以 sequence 排序。同一版本内只增加字段，读者应忽略不认识的字段。"
            ),
        },
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {
                "host": "{brokers}",
                "protocol": "kafka",
                "description": "Apache Kafka 4",
                "variables": {"brokers": {"default": "127.0.0.1:9092"}},
            }
        },
        "channels": channels,
        "operations": {
            f"announce{to_pascal(name)}": {
                "action": "send",
                "channel": {"$ref": f"#/channels/{name}"},
                "summary": f"公布：{channel['title']}",
            }
            for name, channel in channels.items()
        },
        "components": {
            "messages": {c.schema_id(): _message(c, examples.get(c.schema_id(), {})) for c in listed},
            "messageTraits": {"cloudEvent": {"headers": _HEADERS}},
            "schemas": dict(sorted(schemas.items())),
        },
    }


def channel_name(topic: str) -> str:
    """`registry.areas` → `registryAreas`."""
    return to_camel(topic.replace(".", "_").replace("-", "_"))


def _channel(name: str, options: Mapping[str, Any], contracts: list[type[Contract]]) -> dict[str, Any]:
    kafka = {"topic": name, "partitions": options.get("partitions", 8), "bindingVersion": "0.5.0"}
    if options.get("compacted"):
        kafka["topicConfiguration"] = {"cleanup.policy": ["compact"]}
    return {
        "address": name,
        "title": TITLES.get(name, name),
        "description": "键为对象的编号，同一对象的事件在同一分区内按版本先后排列。",
        "messages": {to_camel(c.event_type.replace("-", "_")) + f"V{c.schema_version}": _ref(c) for c in contracts},
        "bindings": {"kafka": kafka},
    }


def _ref(contract: type[Contract]) -> dict[str, str]:
    return {"$ref": f"#/components/messages/{contract.schema_id()}"}


def _message(contract: type[Contract], examples: Mapping[str, Any]) -> dict[str, Any]:
    said = inspect.cleandoc(contract.__doc__ or "")
    return {
        "name": contract.event_type,
        "title": contract.schema_id(),
        "summary": said.split("\n\n")[0].replace("\n", " "),
        "contentType": "application/json",
        "traits": [{"$ref": "#/components/messageTraits/cloudEvent"}],
        "payload": {"$ref": f"#/components/schemas/{contract.schema_id()}"},
        "bindings": {"kafka": {"key": {"type": "string", "format": "uuid"}, "bindingVersion": "0.5.0"}},
        "examples": [{"name": name, "payload": payload} for name, payload in examples.items()],
    }
