"""Reads an uploaded workbook into plain sheets, or refuses it with a reason that its sender can act on."""

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple
from xml.etree import ElementTree

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum

from services.registry.domain.errors import TooManyRows, UnreadableFile, UnsupportedFile
from services.registry.domain.ledger.sheets import Merge, Sheet
from services.registry.domain.text import Cell
from services.registry.files.archive import open_archive, repack
from services.registry.files.scan import MAX_ROWS, Extent, measure, measure_filled

MAX_SHEETS = 200
MAX_MERGED_LINES = 1_000_000  # the heights of all merged ranges together
_WORKBOOK = "xl/workbook.xml"
_RELATIONS = "xl/_rels/workbook.xml.rels"
_SHEETS = "xl/worksheets/"
_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


class Share(NamedTuple):
    """Which part of a workbook is read: of so many parts in the order of its sheets, about alike in lines, that one."""

    nr: int = 0
    of: int = 1


WHOLE = Share()


def read_workbook(data: bytes, share: Share = WHOLE) -> list[Sheet]:
    """The worksheets of that share in their order; the whole file is looked at, whatever the share.

    Raises a FileRefused; takes a second or so, so call it in a thread.
    """
    parts = {name: content for name, content in open_archive(data).items() if name.endswith((".xml", ".rels"))}
    if _WORKBOOK not in parts or _RELATIONS not in parts:
        raise UnsupportedFile("压缩包里没有工作簿，请上传 .xlsx 文件")
    if any(b"<!DOCTYPE" in content for content in parts.values()):
        raise UnreadableFile("文件内含有不允许的文档类型声明")
    sheets = {name: xml for name, xml in parts.items() if name.startswith(_SHEETS) and name.endswith(".xml")}
    extents = {name: measure(xml) for name, xml in sheets.items()}
    if _rows(extents) > MAX_ROWS:  # perhaps only of rows that are formatted and empty
        extents = {name: measure_filled(xml) for name, xml in sheets.items()}
    if _rows(extents) > MAX_ROWS:
        raise TooManyRows(f"一个文件最多{MAX_ROWS}行")
    try:
        with CalamineWorkbook.from_filelike(repack(parts)) as workbook:
            return _sheets(workbook, _extents_by_sheet(parts, extents), share)
    except (CalamineError, OSError, ValueError) as error:
        raise UnreadableFile("工作簿内容无法读取，请用 Excel 或 WPS 另存后重试") from error


def _rows(extents: Mapping[str, Extent]) -> int:
    return sum(extent.rows for extent in extents.values())


def _extents_by_sheet(parts: Mapping[str, bytes], extents: Mapping[str, Extent]) -> dict[str, Extent]:
    """Which measured part is behind which sheet name."""
    try:
        book, relations = ElementTree.fromstring(parts[_WORKBOOK]), ElementTree.fromstring(parts[_RELATIONS])
    except ElementTree.ParseError as error:
        raise UnreadableFile from error
    targets = {item.get("Id", ""): item.get("Target", "") for item in relations}
    found = {}
    for element in book.iter():
        if element.tag.rpartition("}")[2] == "sheet":
            target = posixpath.normpath(posixpath.join("/xl", targets.get(element.get(_ID, ""), ""))).lstrip("/")
            found[element.get("name", "")] = extents.get(target, Extent())
    return found


def _sheets(workbook: CalamineWorkbook, extents: Mapping[str, Extent], share: Share) -> list[Sheet]:
    names = [meta.name for meta in workbook.sheets_metadata if meta.typ == SheetTypeEnum.WorkSheet]
    if len(names) > MAX_SHEETS:
        raise TooManyRows(f"一个文件最多{MAX_SHEETS}个工作表")
    sheets = []
    for name in _shared_out(names, extents, share):
        sheet = workbook.get_sheet_by_name(name)
        rows: list[list[Cell]] = [list(row) for row in sheet.to_python(skip_empty_area=False)]
        _keep_formulas(rows, extents.get(name, Extent()).formulas)
        sheets.append(Sheet(name, rows, _merges(sheet, len(rows))))
    return sheets


def _shared_out(names: Sequence[str], extents: Mapping[str, Extent], share: Share) -> Iterator[str]:
    """The sheets whose middle line falls into the share."""
    rows = [extents.get(name, Extent()).rows for name in names]
    doubled = 2 * max(1, sum(rows))
    for name, size, end in zip(names, rows, accumulate(rows), strict=True):
        if min((2 * end - size) * share.of // doubled, share.of - 1) == share.nr:
            yield name


def _merges(sheet: CalamineSheet, rows: int) -> list[Merge]:
    merges = [Merge(a[0], a[1], min(b[0], rows), b[1]) for a, b in sheet.merged_cell_ranges or [] if a[0] < rows]
    if sum(merge.bottom - merge.top for merge in merges) > MAX_MERGED_LINES:
        raise TooManyRows("合并单元格过多")
    return merges


def _keep_formulas(rows: list[list[Cell]], formulas: Mapping[tuple[int, int], str]) -> None:
    """A remark such as `=HYPERLINK("x")` that was stored as a formula without a result stays what was typed."""
    for (row, column), text in formulas.items():
        while len(rows) <= row:
            rows.append([])
        line = rows[row]
        line.extend([""] * (column + 1 - len(line)))
        if line[column] == "":
            line[column] = f"={text}"
