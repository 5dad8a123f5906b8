"""The envelope of every event: CloudEvents 1.0 in binary mode over a message of the bus."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from pydantic_core import from_json

from libs.common.bus.base import Message
from libs.common.contracts.base import Contract
from libs.common.ids import new_id
from libs.common.logs import trace_id

_PLAIN_JSON = "application/json"
_JSON = re.compile(r"application/([a-z0-9.+-]+\+)?json\s*(;|$)", re.IGNORECASE)


class BadEnvelope(ValueError):
    """The message is no event of ours: a header is missing or cannot be read, or the body is no JSON object."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. `key` is the aggregate's id, `sequence` its version, `time` when it happened (UTC)."""

    id: UUID
    type: str
    source: str
    topic: str
    key: str
    sequence: int
    time: datetime
    schema: str
    body: str
    traceparent: str | None = None
    _parsed: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def data(self) -> dict[str, Any]:
        """The payload as a dictionary."""
        if not self._parsed:
            self._parsed.update(json.loads(self.body))
        return self._parsed


def new_event(payload: Contract, *, key: str | UUID, sequence: int, now: datetime, source: str) -> Event:
    """The event that carries the payload. `source` is the service's name, such as `hazards`."""
    return Event(
        id=new_id(),
        type=payload.event_type,
        source=source,
        topic=payload.topic,
        key=str(key),
        sequence=sequence,
        time=now,
        schema=payload.schema_id(),
        body=payload.model_dump_json(by_alias=True),
        traceparent=trace_id.get() or None,
    )


def to_message(event: Event) -> Message:
    """The event as a message: JSON body, CloudEvents attributes as `ce_` headers."""
    kind = event.source, event.type, event.schema
    return encoded(
        event.topic,
        event.key.encode(),
        event.body.encode(),
        str(event.id).encode(),
        kind,
        str(event.sequence).encode(),
        f"{event.time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z".encode(),
        event.traceparent,
    )


def encoded(
    topic: str,
    key: bytes,
    body: bytes,
    id: bytes,
    kind: tuple[str, str, str],
    sequence: bytes,
    time: bytes,
    traceparent: str | None,
) -> Message:
    """The message of an event whose texts are encoded already; `kind` is its source, type and schema.

    `time` is UTC as in RFC 3339, with six digits after the second.
    """
    source, type_, schema = _kind(*kind)
    headers: tuple[tuple[str, bytes], ...] = (
        ("ce_specversion", b"1.0"),
        ("ce_id", id),
        source,
        type_,
        ("ce_time", time),
        ("ce_subject", key),
        schema,
        ("sequence", sequence),
        ("content-type", b"application/json"),
    )
    if traceparent:
        headers += (("traceparent", traceparent.encode()),)
    return Message(topic, key, body, headers)


@lru_cache(maxsize=256)
def _kind(source: str, type_: str, schema: str) -> tuple[tuple[str, bytes], tuple[str, bytes], tuple[str, bytes]]:
    """The headers that all events of a kind have in common, encoded once."""
    return (
        ("ce_source", f"/hazardloop/{source}".encode()),
        ("ce_type", type_.encode()),
        ("ce_dataschema", schema.encode()),
    )


def from_message(message: Message) -> Event:
    """The event in a message. Raises BadEnvelope with the reason."""
    try:
        headers = {name: value.decode() for name, value in message.headers}
        body = message.value.decode()
        parsed = from_json(message.value, allow_inf_nan=False)  # a third of what `json` takes; refuses half a character
        sound = "\\u" not in body or all(map(_storable, _texts(parsed)))
    except ValueError as error:
        raise BadEnvelope(f"unreadable: {error}") from error
    if not isinstance(parsed, dict):
        raise BadEnvelope("the body is no JSON object")
    if not sound or not _storable("".join(headers.values())):
        raise BadEnvelope("the message holds a NUL character")
    event = _event(message.topic, headers, body, parsed)
    if event.key.encode() != message.key:  # it is in some partition, and its order among its like is anybody's guess
        raise BadEnvelope("the key of the message is not its ce_subject")
    return event


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("ce_time has no zone")
    try:
        return found.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("ce_time is beyond the calendar") from error


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _storable(text: str) -> bool:
    """Whether PostgreSQL keeps the text, which was UTF-8 before."""
    return "\0" not in text


def _event(topic: str, headers: Mapping[str, str], body: str, parsed: dict[str, Any]) -> Event:
    if headers.get("ce_specversion") != "1.0":
        raise BadEnvelope("ce_specversion is not 1.0")
    content_type = headers.get("content-type", _PLAIN_JSON)
    if content_type != _PLAIN_JSON and not _JSON.match(content_type):
        raise BadEnvelope("the content type is not JSON")
    try:
        event = Event(
            id=UUID(headers["ce_id"]),
            type=headers["ce_type"],
            source=headers["ce_source"].removeprefix("/hazardloop/"),
            topic=topic,
            key=headers["ce_subject"],
            sequence=int(headers["sequence"]),
            time=_instant(headers["ce_time"]),
            schema=headers["ce_dataschema"],
            body=body,
            traceparent=headers.get("traceparent"),
            _parsed=parsed,
        )
    except KeyError as error:
        raise BadEnvelope(f"header {error} is missing") from error
    except ValueError as error:
        raise BadEnvelope(f"a header cannot be read: {error}") from error
    if not 0 <= event.sequence < 2**63:
        raise BadEnvelope("sequence is out of range")
    return event
