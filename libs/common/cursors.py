"""Keyset cursors: where a page ended, opaque to the caller and checked on the way back in."""

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from libs.common.errors import InvalidCursor

Key = str | int | datetime | UUID


def encode_cursor(keys: Sequence[Key]) -> str:
    """The sort keys of the last row of a page as an opaque text."""
    plain = [k.isoformat() if isinstance(k, datetime) else str(k) if isinstance(k, UUID) else k for k in keys]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None, *types: type) -> tuple[Key, ...] | None:
    """The sort keys in a cursor, None without one. Raises InvalidCursor unless there is one value of each type."""
    if cursor is None:
        return None
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)))
        if not isinstance(values, list) or len(values) != len(types):
            raise InvalidCursor
        return tuple(_typed(value, kind) for value, kind in zip(values, types, strict=True))
    except (binascii.Error, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise InvalidCursor from error


def _typed(value: object, kind: type) -> Key:
    if kind is datetime:
        instant = datetime.fromisoformat(str(value))
        if instant.tzinfo is None:
            raise ValueError("naive")
        return instant.astimezone(UTC)
    if kind is UUID:
        return UUID(str(value))
    if kind is int and type(value) is int and -(2**63) <= value < 2**63:
        return value
    if kind is str and isinstance(value, str) and "\x00" not in value:
        value.encode()
        return value
    raise ValueError("type")
