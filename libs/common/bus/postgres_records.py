"""Messages as rows of the log in PostgreSQL, and rows as messages."""

from __future__ import annotations

import json
from collections.abc import Sequence

import asyncpg

from libs.common.bus.base import Delivered, Message


def encode_headers(headers: Sequence[tuple[str, bytes]]) -> str:
    """Headers as JSON that a human can read in psql; Latin-1 gives every byte a character."""
    return json.dumps([[name, value.decode("latin-1")] for name, value in headers])


def decode_headers(text: str) -> tuple[tuple[str, bytes], ...]:
    """The inverse of `encode_headers`."""
    return tuple((name, value.encode("latin-1")) for name, value in json.loads(text))


def to_delivered(row: asyncpg.Record) -> Delivered:
    """A message as it was published, with its place."""
    message = Message(row["topic"], row["key"], row["value"], decode_headers(row["headers"]))
    return Delivered(message, row["partition"], row["offset"])
