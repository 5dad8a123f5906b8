"""Walks the XML of a worksheet before the fast parser may: how far its cells reach, and what its formulas say."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

from services.registry.domain.errors import TooManyRows, UnreadableFile

MAX_ROWS = 60_000  # a sheet; the largest ledger of a district has a few thousand
MAX_AREA = 4_000_000  # cells of the rectangle around everything that is filled in
_REFERENCE = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
_FORMULA_LIMIT = 8_192


@dataclass
class Extent:
    """What one worksheet holds. Rows and columns are zero-based; formulas are kept without their `=`."""

    rows: int = 0
    columns: int = 0
    formulas: dict[tuple[int, int], str] = field(default_factory=dict)


def measure(xml: bytes) -> Extent:
    """Measures a worksheet part. Raises TooManyRows, or UnreadableFile when it is not well-formed or brings a DTD.

    A parser that lays out the rectangle around all cells takes any amount of memory for two cells far apart: that is
    refused here, where it costs nothing. A plain worksheet without formulas is measured by its cell references alone,
    without a call a cell; whatever is written in another way, or seems too large, is walked through.
    """
    extent = _measured_by_references(xml)
    if extent is None:
        return measure_filled(xml)
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse_doctype
    _parse(parser, xml)
    return extent


_CELL = re.compile(rb'<c r="([A-Z]{1,3})([1-9][0-9]{0,6})"')
_DECLARED = re.compile(
    rb"""(?:<\?xml version=["']1.0["'] encoding=["'](?i:utf-8)["'](?: standalone=["'](?:yes|no)["'])?\?>\s*)?"""
    rb"<worksheet[\s>]"
)
# What the references alone do not tell: comments and CDATA, formulas, prefixed elements, cells without a reference.
_UNUSUAL = re.compile(rb"<!|<f[\s/>]|<[^\s<>/]+:(?:c|f|is|row|v)[\s/>]|<c[\t\r\n/>]")


def _measured_by_references(xml: bytes) -> Extent | None:
    """The extent if every cell is written as spreadsheet programs write it; None when this cannot be told at a glance.

    Cells that are there but empty count as well: the extent is never too small.
    """
    if not _DECLARED.match(xml) or xml.count(b"<?") > 1 or _UNUSUAL.search(xml):
        return None
    references = _CELL.findall(xml)
    if len(references) != xml.count(b"<c "):
        return None
    rows = max(map(int, {row for _, row in references}), default=0)
    columns = max((_column(letters.decode()) for letters in {letters for letters, _ in references}), default=0)
    return None if rows > MAX_ROWS or rows * columns > MAX_AREA else Extent(rows, columns)


def _column(letters: str) -> int:
    """The one-based number of the column of those letters."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def measure_filled(xml: bytes) -> Extent:
    """The same, cell by cell: formatted cells that hold nothing do not count."""
    walker = _Walker()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = walker.start
    parser.EndElementHandler = walker.end
    walker.parser = parser
    _parse(parser, xml)
    return walker.extent


def _parse(parser: expat.XMLParserType, xml: bytes) -> None:
    try:
        parser.Parse(xml, True)
    except expat.ExpatError as error:
        raise UnreadableFile("工作表内容不完整") from error


def _refuse_doctype(*_: object) -> None:
    raise UnreadableFile("文件内含有不允许的文档类型声明")


class _Walker:
    """Handlers of expat. Positions that a cell does not state follow from its neighbours, as the format says."""

    parser: expat.XMLParserType

    def __init__(self) -> None:
        self.extent = Extent()
        self._row = -1
        self._column = -1
        self._formula: list[str] = []

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        local = name.rpartition(":")[2]
        if local == "c":
            self._enter_cell(attributes.get("r"))
        elif local in ("v", "is"):
            self._count()
        elif local == "row":
            stated = attributes.get("r", "")
            self._row = int(stated) - 1 if stated.isascii() and stated.isdigit() and len(stated) < 9 else self._row + 1
            self._column = -1
        elif local == "f":
            self._formula = []
            self.parser.CharacterDataHandler = self._formula.append

    def end(self, name: str) -> None:
        if self.parser.CharacterDataHandler is not None and name.rpartition(":")[2] == "f":
            self.parser.CharacterDataHandler = None
            if text := "".join(self._formula)[:_FORMULA_LIMIT]:
                self._count()
                self.extent.formulas[self._row, self._column] = text

    def _enter_cell(self, reference: str | None) -> None:
        match = _REFERENCE.fullmatch(reference or "")
        if match is None:
            self._column += 1
            return
        self._row = int(match[2]) - 1
        column = 0
        for letter in match[1]:
            column = column * 26 + ord(letter) - 64
        self._column = column - 1

    def _count(self) -> None:
        extent = self.extent
        extent.rows = max(extent.rows, self._row + 1)
        extent.columns = max(extent.columns, self._column + 1)
        if extent.rows > MAX_ROWS:
            raise TooManyRows(f"一个工作表最多{MAX_ROWS}行")
        if extent.rows * extent.columns > MAX_AREA:
            raise TooManyRows("表格范围过大：请删除远处的零星单元格")
