"""The envelope of every event: CloudEvents 1.0 in binary mode over a message of the bus."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from libs.common.bus.base import Message
from libs.common.contracts.base import Contract
from libs.common.ids import new_id
from libs.common.logs import trace_id

_UNSTORABLE = re.compile("[\\x00\\ud800-\\udfff]")


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
    headers = {
        "ce_specversion": "1.0",
        "ce_id": str(event.id),
        "ce_source": f"/hazardloop/{event.source}",
        "ce_type": event.type,
        "ce_time": event.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "ce_subject": event.key,
        "ce_dataschema": event.schema,
        "sequence": str(event.sequence),
        "content-type": "application/json",
    }
    if event.traceparent:
        headers["traceparent"] = event.traceparent
    return Message(
        topic=event.topic,
        key=event.key.encode(),
        value=event.body.encode(),
        headers=tuple((name, value.encode()) for name, value in headers.items()),
    )


def from_message(message: Message) -> Event:
    """The event in a message. Raises BadEnvelope with the reason."""
    try:
        headers = {name: value.decode() for name, value in message.headers}
        body = message.value.decode()
        parsed = json.loads(body, parse_constant=_no_number)
        sound = "\\u" not in body or all(map(_storable, _texts(parsed)))
    except (ValueError, RecursionError) as error:
        raise BadEnvelope(f"unreadable: {error}") from error
    if not isinstance(parsed, dict):
        raise BadEnvelope("the body is no JSON object")
    if not sound or not all(map(_storable, headers.values())):
        raise BadEnvelope("the message holds a NUL character or half a character")
    return _event(message.topic, headers, body, parsed)


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


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
    """Whether PostgreSQL keeps the text: no NUL, and no surrogate without its other half."""
    return _UNSTORABLE.search(text) is None


def _event(topic: str, headers: Mapping[str, str], body: str, parsed: dict[str, Any]) -> Event:
    if headers.get("ce_specversion") != "1.0":
        raise BadEnvelope("ce_specversion is not 1.0")
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
        )
    except KeyError as error:
        raise BadEnvelope(f"header {error} is missing") from error
    except ValueError as error:
        raise BadEnvelope(f"a header cannot be read: {error}") from error
    if not 0 <= event.sequence < 2**63:
        raise BadEnvelope("sequence is out of range")
    event._parsed.update(parsed)
    return event
