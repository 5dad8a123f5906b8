"""Reads an uploaded areas file: comma separated, as spreadsheets save it, in UTF-8 or GB 18030."""

import codecs
import csv
from io import StringIO

from services.registry.domain.errors import EmptyFile, TooManyRows, UnreadableFile, UnsupportedFile

MAX_LINES = 200_000
_TRIED = 4_096  # characters in which the delimiter shows: a title above the header has none
_LONGEST_CHARACTER = 4  # bytes
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_BINARY = bytes(set(range(32)) - {9, 10, 13})


def read_areas_csv(data: bytes) -> list[list[str]]:
    """The records of the file as texts. Raises a FileRefused."""
    if not data.strip():
        raise EmptyFile
    if data.startswith((_ZIP, _OLE)) or data.translate(None, _BINARY) != data:
        raise UnsupportedFile("区划须为 .csv 文件（UTF-8 或 GB 18030），请从表格软件另存为 CSV")
    text = _decoded(data)
    try:
        reader = csv.reader(StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
        rows = []
        for row in reader:
            rows.append(row)
            if len(rows) > MAX_LINES:
                raise TooManyRows(f"一个文件最多{MAX_LINES}行")
    except csv.Error as error:
        raise UnreadableFile("CSV 内容不完整，可能被截断") from error
    return rows


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if data.startswith(codecs.BOM_UTF8) or error.start > len(data) - _LONGEST_CHARACTER:
            raise UnreadableFile("文件不完整：最后一个字符被截断") from error
    try:
        return data.decode("gb18030")
    except UnicodeDecodeError as error:
        raise UnreadableFile("无法识别文件的文字编码，请另存为 UTF-8") from error


def _delimiter(text: str) -> str:
    return max(",;\t", key=text[:_TRIED].count)
