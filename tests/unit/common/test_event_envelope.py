"""An event survives the wire as it is; everything that is no event of ours is refused with its reason."""

import dataclasses
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any, ClassVar
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from libs.common.bus.base import Message
from libs.common.contracts.base import Contract
from libs.common.envelope import BadEnvelope, Event, from_message, new_event, to_message
from libs.common.logs import trace_id

NOW = datetime(2026, 11, 20, 1, 2, 3, 456789, tzinfo=UTC)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))


class ThingSeen(Contract):
    event_type: ClassVar[str] = "thing-seen"
    schema_version: ClassVar[int] = 2
    topic: ClassVar[str] = "toys.seen"

    thing_id: UUID
    label: str
    amounts: list[int] = Field(default_factory=list)


def an_event(label: str = "标签 🧯", **changes: Any) -> Event:
    made = new_event(ThingSeen(thing_id=uuid4(), label=label), key=uuid4(), sequence=7, now=NOW, source="toys")
    return dataclasses.replace(made, **changes)


def a_message(value: bytes | None = None, headers: Mapping[str, str | None] = MappingProxyType({})) -> Message:
    """A good message, with headers replaced or left out (None)."""
    good = to_message(an_event())
    kept = {name: content for name, content in good.headers if name not in headers}
    kept |= {name: content.encode() for name, content in headers.items() if content is not None}
    key = (headers.get("ce_subject") or good.key.decode()).encode()
    return Message(good.topic, key, good.value if value is None else value, tuple(kept.items()))


@given(texts, st.lists(st.integers(-(2**53), 2**53)), st.integers(0, 2**63 - 1), st.datetimes(timezones=st.just(UTC)))
def test_round_trip(label: str, amounts: list[int], sequence: int, time: datetime) -> None:
    payload = ThingSeen(thing_id=uuid4(), label=label, amounts=amounts)
    event = new_event(payload, key=uuid4(), sequence=sequence, now=time, source="toys")
    back = from_message(to_message(event))
    assert back == event
    assert ThingSeen.model_validate(back.data) == payload


def test_the_wire_is_cloudevents_in_binary_mode() -> None:
    trace_id.set("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    event = an_event()
    message = to_message(event)
    headers = dict(message.headers)
    assert headers == {
        "ce_specversion": b"1.0",
        "ce_id": str(event.id).encode(),
        "ce_source": b"/hazardloop/toys",
        "ce_type": b"thing-seen",
        "ce_time": b"2026-11-20T01:02:03.456789Z",
        "ce_subject": event.key.encode(),
        "ce_dataschema": b"thing-seen.v2",
        "sequence": b"7",
        "content-type": b"application/json",
        "traceparent": b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }
    assert message.key == event.key.encode()
    assert json.loads(message.value).keys() == {"thingId", "label", "amounts"}
    trace_id.set("")


def test_times_go_out_in_utc() -> None:
    event = an_event(time=NOW.astimezone(timezone(timedelta(hours=8))))
    assert dict(to_message(event).headers)["ce_time"] == b"2026-11-20T01:02:03.456789Z"
    assert from_message(to_message(event)).time == NOW


def test_ids_rise_with_time() -> None:
    ids = [an_event().id for _ in range(1000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 1000
    assert {i.version for i in ids} == {7}


def test_unknown_fields_and_headers_are_no_fault() -> None:
    value = json.dumps({"thingId": str(uuid4()), "label": "x", "added": {"later": 1}}).encode()
    event = from_message(a_message(value, {"extra": "header"}))
    assert ThingSeen.model_validate(event.data).label == "x"


@pytest.mark.parametrize("label", ["\\u0000", "\\ud800", "back\\slash", "\\\\u0000"])
def test_a_text_that_only_looks_like_an_escape_is_kept(label: str) -> None:
    event = an_event(label)
    assert from_message(to_message(event)).data["label"] == label


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ce_specversion", None),
        ("ce_specversion", "0.3"),
        ("ce_id", None),
        ("ce_id", "not-a-uuid"),
        ("ce_type", None),
        ("ce_type", "a\x00b"),
        ("ce_source", None),
        ("ce_subject", None),
        ("ce_dataschema", None),
        ("ce_time", None),
        ("ce_time", "yesterday"),
        ("ce_time", "2026-11-20T01:02:03"),
        ("ce_time", "0001-01-01T00:00:00+14:00"),
        ("sequence", None),
        ("sequence", "seven"),
        ("sequence", "-1"),
        ("sequence", str(2**63)),
        ("sequence", "9" * 5000),
        ("content-type", "text/xml"),
        ("content-type", "application/jsonp"),
    ],
)
def test_a_header_at_fault_is_named(name: str, value: str | None) -> None:
    with pytest.raises(BadEnvelope) as caught:
        from_message(a_message(headers={name: value}))
    assert str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\xff\xfe",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"17",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": "\\u0000"}',
        b'{"a\\u0000": 1}',
        b'{"a": ["\\ud800"]}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
)
def test_a_body_at_fault_is_refused(value: bytes) -> None:
    with pytest.raises(BadEnvelope):
        from_message(a_message(value))


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/cloudevents+json", None])
def test_json_under_any_of_its_names_is_taken(kind: str | None) -> None:
    from_message(a_message(headers={"content-type": kind}))


@pytest.mark.parametrize("key", [b"", b"another", b"\xff"])
def test_a_message_under_another_key_is_refused(key: bytes) -> None:
    with pytest.raises(BadEnvelope, match="key"):
        from_message(to_message(an_event())._replace(key=key))


def test_a_header_that_is_no_text_is_refused() -> None:
    good = to_message(an_event())
    with pytest.raises(BadEnvelope):
        from_message(good._replace(headers=(*good.headers, ("x", b"\xff"))))


@given(st.binary(max_size=200), st.lists(st.tuples(st.text(), st.binary(max_size=50)), max_size=5))
def test_noise_is_never_anything_but_a_bad_envelope(value: bytes, headers: list[tuple[str, bytes]]) -> None:
    with pytest.raises(BadEnvelope):
        from_message(Message("t", b"k", value, tuple(headers)))
