"""Every kind of bad event that a run puts among the good: each a message that no reader can or should make sense of.

A kind takes a good event of an aggregate of its own and spoils it. `MENDED` are those that a fix of the reader heals;
what `break_readers` breaks, `mend_readers` mends.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from types import MappingProxyType
from typing import Any, Final

from libs.common.bus.base import Message
from libs.common.contracts import hazards, registry
from libs.common.envelope import Event, new_event, to_message
from tests.crash.good_events import NOW, PATHS, GoodEvents, a_hazard, an_area, an_enterprise
from tests.evidence.cluster import connected

Spoil = Callable[[Event, Random], Message]


def _headers(**changes: bytes | None) -> Spoil:
    """The message with headers replaced or left out; `_` in a name stands for a dash in `content_type`."""

    def spoil(event: Event, _: Random) -> Message:
        message = to_message(event)
        heads = dict(message.headers)
        for name, value in changes.items():
            name = "content-type" if name == "content_type" else name
            heads.pop(name, None)
            if value is not None:
                heads[name] = value
        return message._replace(headers=tuple(heads.items()))

    return spoil


def _body(value: bytes) -> Spoil:
    return lambda event, _: to_message(event)._replace(value=value)


def _key(value: bytes) -> Spoil:
    return lambda event, _: to_message(event)._replace(key=value)


def _fields(**changes: Any) -> Spoil:
    """The payload with fields replaced, or left out (...)."""

    def spoil(event: Event, _: Random) -> Message:
        body = {**json.loads(event.body), **changes}
        kept = {name: value for name, value in body.items() if value is not ...}
        return to_message(replace(event, body=json.dumps(kept, ensure_ascii=False), _parsed={}))

    return spoil


def _endless_path(event: Event, dice: Random) -> Message:
    digits = "".join(dice.choices("0123456789", k=60_000))
    return _fields(areaPath=digits)(event, dice)


def _as(**changes: str) -> Spoil:
    return lambda event, _: to_message(replace(event, **changes))  # type: ignore[arg-type]


# On the registry's topics both services are readers, on that of the hazards the notifications alone.
ENTERPRISES: Final[Mapping[str, Spoil]] = MappingProxyType(
    {
        "broken JSON": _body(b'{"id": "0198'),
        "empty body": _body(b""),
        "a list for a body": _body(b"[]"),
        "a number for a body": _body(b"17"),
        "body no UTF-8": _body(b'{"name": "\xff\xfe"}'),
        "half a character": _body(b'{"name": "\\ud800"}'),
        "NUL character": _body(b'{"name": "\\u0000"}'),
        "NaN": _body(b'{"version": NaN}'),
        "nested too deeply": _body(b'{"a":' * 50_000 + b"1" + b"}" * 50_000),
        "a number of 5,000 digits": _body(b'{"version": ' + b"9" * 5_000 + b"}"),
        "no headers": _headers(
            **dict.fromkeys(
                (
                    *("ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_subject", "ce_dataschema"),
                    *("sequence", "content_type"),
                )
            )
        ),
        "without id": _headers(ce_id=None),
        "id no UUID": _headers(ce_id=b"17"),
        "without type": _headers(ce_type=None),
        "without subject": _headers(ce_subject=None),
        "without sequence": _headers(sequence=None),
        "sequence no number": _headers(sequence=b"seven"),
        "sequence below zero": _headers(sequence=b"-1"),
        "sequence beyond 64 bits": _headers(sequence=b"9223372036854775808"),
        "without schema": _headers(ce_dataschema=None),
        "impossible date": _headers(ce_time=b"2026-02-30T09:00:00Z"),
        "time without zone": _headers(ce_time=b"2026-11-20T09:00:00"),
        "time beyond the calendar": _headers(ce_time=b"0001-01-01T00:00:00+14:00"),
        "another CloudEvents": _headers(ce_specversion=b"0.3"),
        "header no UTF-8": _headers(ce_source=b"\xff"),
        "header with NUL": _headers(ce_type=b"enterprise\x00registered"),
        "another content type": _headers(content_type=b"text/xml"),
        "another's key": _key(b"somebody-else"),
        "empty object": _body(b"{}"),
        "field missing": _fields(name=...),
        "null for a text": _fields(name=None),
        "text for a number": _fields(version="one"),
        "version beyond 64 bits": _fields(version=10**30),
        "id in the payload no UUID": _fields(id="17"),
        "an object for a text": _fields(name={"a": 1}),
        "a megabyte of noise": lambda event, dice: _body(dice.randbytes(850_000))(event, dice),
        "unknown version of the schema": _as(schema="enterprise-registered.v9"),
        "schema of another kind": _as(schema="area-changed.v1"),
    }
)
HAZARDS: Final[Mapping[str, Spoil]] = MappingProxyType(
    {
        "no key": _key(b""),
        "occurred on an impossible date": _fields(occurredAt="2026-02-30T09:00:00Z"),
        "occurred without zone": _fields(occurredAt="2026-11-20T09:00:00"),
        "due before the calendar begins": _fields(dueAt="0001-01-01T00:00:00+14:00"),
        "oversize path": _endless_path,
        "a list for a place": _fields(place=["二号车间"]),
        "hazard of a later version": _as(schema="hazard-found.v2"),
        "unknown kind without the common fields": _as(type="hazard-sung", schema="hazard-sung.v1", body='{"a": 1}'),
        "half a character in the place": lambda event, _: _body(event.body.replace("二号", "\\ud800").encode())(
            event, _
        ),
    }
)
AREAS: Final[Mapping[str, Spoil]] = MappingProxyType(
    {
        "posts no list": _fields(posts={"a": 1}),
        "valid from an impossible day": _fields(validFrom="2026-02-30"),
        "post without a person": _fields(posts=[{"role": "grid_chief"}]),
    }
)
MENDED: Final = (
    "enterprise of a risk level not entered yet (foreign key)",
    "area that the reader chokes on",
    "hazard that the reader chokes on",
)
KINDS: Final = (*ENTERPRISES, *HAZARDS, *AREAS, *MENDED)

_NEW_LEVEL, _ODD_NAME = "violet", "生僻"
_BREAK_HAZARDS = f"""
CREATE TABLE risk_levels (code text PRIMARY KEY);
INSERT INTO risk_levels VALUES ('red'), ('orange'), ('yellow'), ('blue');
ALTER TABLE enterprises ADD CONSTRAINT known_level FOREIGN KEY (risk_level) REFERENCES risk_levels (code);
CREATE FUNCTION choke() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'this name was not thought of'; END $$;
CREATE TRIGGER choke BEFORE INSERT ON areas FOR EACH ROW WHEN (NEW.name = '{_ODD_NAME}') EXECUTE FUNCTION choke();
"""
_MEND_HAZARDS = f"INSERT INTO risk_levels VALUES ('{_NEW_LEVEL}'); DROP TRIGGER choke ON areas;"
_BREAK_NOTIFICATIONS = f"ALTER TABLE hazards ADD CONSTRAINT thought_of CHECK (place <> '{_ODD_NAME}')"
_MEND_NOTIFICATIONS = "ALTER TABLE hazards DROP CONSTRAINT thought_of"


async def break_readers(urls: Mapping[str, str]) -> None:
    """The readers get faults of their own: each refuses something that is in order."""
    await _on(urls, _BREAK_HAZARDS, _BREAK_NOTIFICATIONS)


async def mend_readers(urls: Mapping[str, str]) -> None:
    """The faults are mended."""
    await _on(urls, _MEND_HAZARDS, _MEND_NOTIFICATIONS)


def bad_event(kind: str, good: GoodEvents, dice: Random) -> Message:
    """One message of that kind."""
    id, path = good.new_id(), dice.choice(PATHS[1:])
    if kind in ENTERPRISES:
        return ENTERPRISES[kind](_fresh(an_enterprise(id, path, 1), good), dice)
    if kind in HAZARDS:
        return HAZARDS[kind](_fresh(_a_find(good, path), good), dice)
    if kind in AREAS:
        return AREAS[kind](_fresh(an_area(id, f"410599{dice.randrange(1000):03}", 1), good), dice)
    if kind == MENDED[0]:
        return _fields(riskLevel=_NEW_LEVEL)(_fresh(an_enterprise(id, path, 1), good), dice)
    if kind == MENDED[1]:
        return _fields(name=_ODD_NAME)(_fresh(an_area(id, "410598001", 1), good), dice)
    return _fields(place=_ODD_NAME)(_fresh(_a_find(good, path), good), dice)


def readers(message: Message, kind: str) -> tuple[str, ...]:
    """Which services must have it among their dead letters."""
    if message.topic == hazards.TOPIC:
        return ("notifications",)
    return ("hazards",) if kind in MENDED else ("hazards", "notifications")


def _a_find(good: GoodEvents, path: str) -> hazards.HazardChanged:
    return a_hazard(hazards.HazardFound, good.new_id(), 900_000, 1, "reported", path)


def _fresh(payload: hazards.HazardChanged | registry.EnterpriseState | registry.AreaChanged, good: GoodEvents) -> Event:
    id = payload.hazard_id if isinstance(payload, hazards.HazardChanged) else payload.id
    event = new_event(payload, key=id, sequence=1, now=NOW, source=payload.topic.split(".")[0])
    return replace(event, id=good.new_id(), traceparent=None)


async def _on(urls: Mapping[str, str], hazards_sql: str, notifications_sql: str) -> None:
    for name, sql in (("hazards", hazards_sql), ("notifications", notifications_sql)):
        async with connected(urls[name]) as connection:
            await connection.execute(sql)
