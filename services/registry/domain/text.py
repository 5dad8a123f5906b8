"""Text as clerks type it, made comparable: full-width forms, stray blanks, control characters, placeholders."""

import unicodedata
from datetime import date, datetime, time, timedelta
from functools import lru_cache

Cell = str | int | float | bool | date | datetime | time | timedelta | None
"""What a spreadsheet cell may hold."""

_REMEMBERED = 2048  # texts: in a ledger the same street, trade and licence come again line after line
_TEXT_MARK = "'"
_NOT_SAYING_ANYTHING = frozenset({"无", "暂无", "没有", "N/A", "NA", "NULL", "NONE", "NIL"})


def cell_text(cell: Cell) -> str:
    """The cell as one line of clean text: numbers without `.0`, no control characters, blanks at the ends removed."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return clean(cell)
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


@lru_cache(maxsize=_REMEMBERED)
def clean(text: str) -> str:
    """One line without control and invisible characters; everything visible stays as it was typed."""
    if text.isprintable():
        return text.strip()
    kept = (" " if char.isspace() else char for char in text if char.isspace() or char.isprintable())
    return "".join(kept).strip()


@lru_cache(maxsize=_REMEMBERED)
def plain(text: str) -> str:
    """Half-width (NFKC), upper case, without any blank and without the apostrophe that made a number a text: for
    comparing and parsing, never for showing."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return "".join(text.split()).lstrip(_TEXT_MARK).upper()


@lru_cache(maxsize=_REMEMBERED)
def says_nothing(text: str) -> bool:
    """Whether a cell is empty, a dash or another placeholder, such as `/`, `—` or `无`."""
    return not any(char.isalnum() for char in text) or plain(text) in _NOT_SAYING_ANYTHING


def name_key(name: str) -> str:
    """What makes two spellings of a name the same name: full-width brackets and inner blanks do not count."""
    return plain(name).casefold()
