"""Cursors come back as they went out, and whatever else comes is refused as `invalid_cursor`."""

import base64
import json
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.cursors import decode_cursor, encode_cursor
from libs.common.errors import InvalidCursor

instants = st.datetimes(datetime(1970, 1, 1), datetime(9000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))


def made_of(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@given(instants, st.integers(-(2**63), 2**63 - 1), texts, st.uuids())
def test_round_trip(instant: datetime, number: int, text: str, id: UUID) -> None:
    cursor = encode_cursor((instant, number, text, id))
    assert decode_cursor(cursor, datetime, int, str, UUID) == (instant, number, text, id)
    assert cursor.isascii()
    assert "=" not in cursor


def test_no_cursor_is_no_keys() -> None:
    assert decode_cursor(None, int) is None


@given(st.text() | st.binary().map(lambda b: base64.urlsafe_b64encode(b).decode()))
def test_noise_is_refused(noise: str) -> None:
    with pytest.raises(InvalidCursor):
        decode_cursor(noise, datetime, UUID)


@pytest.mark.parametrize(
    ("value", "types"),
    [
        ([1, 2], (int,)),
        ([], (int,)),
        ({"0": 1}, (int,)),
        (7, (int,)),
        (["1"], (int,)),
        ([True], (int,)),
        ([1.0], (int,)),
        ([2**63], (int,)),
        ([None], (int,)),
        ([None], (str,)),
        ([1], (str,)),
        (["a\x00b"], (str,)),
        (["\ud800"], (str,)),
        (["2026-01-01T00:00:00"], (datetime,)),
        (["2026-13-01T00:00:00+00:00"], (datetime,)),
        (["0001-01-01T00:00:00+14:00"], (datetime,)),
        (["9999-12-31T23:59:59-14:00"], (datetime,)),
        ([1763769600], (datetime,)),
        (["not-a-uuid"], (UUID,)),
    ],
)
def test_other_values_are_refused(value: object, types: tuple[type, ...]) -> None:
    with pytest.raises(InvalidCursor):
        decode_cursor(made_of(value), *types)


def test_deep_nesting_is_refused() -> None:
    deep = base64.urlsafe_b64encode(b"[" * 100_000).decode()
    with pytest.raises(InvalidCursor):
        decode_cursor(deep, int)


def test_a_cursor_of_another_list_is_refused() -> None:
    with pytest.raises(InvalidCursor):
        decode_cursor(encode_cursor((uuid4(),)), datetime, UUID)


def test_instants_come_back_in_utc() -> None:
    east = datetime(2026, 11, 20, 9, tzinfo=timezone(timedelta(hours=8)))
    decoded = decode_cursor(encode_cursor((east,)), datetime)
    assert decoded is not None
    assert decoded[0] == east
