"""Writes plain sheets as an .xlsx workbook: texts stay texts, whatever they begin with."""

import re
import zipfile
from collections.abc import Iterator, Sequence
from io import BytesIO
from xml.sax.saxutils import escape, quoteattr

from services.registry.domain.ledger.sheets import Merge, Sheet
from services.registry.domain.text import Cell, cell_text

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_NOT_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NOT_IN_A_NAME = re.compile(r"[\[\]:*?/\\]")
_NAME_LIMIT = 31  # what spreadsheet programs allow


def write_workbook(sheets: Sequence[Sheet]) -> bytes:
    """The workbook's bytes. Numbers are numbers; everything else is an inline text and never a formula.

    Takes a while for a whole district, so call it in a thread.
    """
    names = _names(sheets)
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in _frame(names):
            archive.writestr(name, _DECLARATION + text)
        for number, sheet in enumerate(sheets, start=1):
            archive.writestr(f"xl/worksheets/sheet{number}.xml", _DECLARATION + _worksheet(sheet))
    return target.getvalue()


def _names(sheets: Sequence[Sheet]) -> list[str]:
    """Names that spreadsheet programs accept, each once."""
    names: list[str] = []
    for number, sheet in enumerate(sheets, start=1):
        name = _NOT_IN_A_NAME.sub("_", sheet.name)[:_NAME_LIMIT] or f"Sheet{number}"
        names.append(name if name not in names else f"{name[: _NAME_LIMIT - 6]}({number})")
    return names


def _frame(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Every part but the sheets themselves."""
    numbers = range(1, len(names) + 1)
    parts = "".join(
        f'<Override PartName="/xl/worksheets/sheet{nr}.xml" ContentType="{_KIND}.worksheet+xml"/>' for nr in numbers
    )
    yield (
        "[Content_Types].xml",
        f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>{parts}</Types>',
    )
    yield (
        "_rels/.rels",
        f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" Type="{_OFFICE}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
    )
    listed = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{nr}" r:id="rId{nr}"/>'
        for nr, name in zip(numbers, names, strict=True)
    )
    yield "xl/workbook.xml", f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{listed}</sheets></workbook>'
    related = "".join(
        f'<Relationship Id="rId{nr}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{nr}.xml"/>' for nr in numbers
    )
    yield (
        "xl/_rels/workbook.xml.rels",
        f'<Relationships xmlns="{_PACKAGE}/relationships">{related}</Relationships>',
    )


def _worksheet(sheet: Sheet) -> str:
    rows = "".join(f'<row r="{nr}">{"".join(_cells(nr, row))}</row>' for nr, row in enumerate(sheet.rows, start=1))
    merges = "".join(f'<mergeCell ref="{_range(merge)}"/>' for merge in sheet.merges)
    merged = f'<mergeCells count="{len(sheet.merges)}">{merges}</mergeCells>' if merges else ""
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{rows}</sheetData>{merged}</worksheet>'


def _cells(number: int, row: Sequence[Cell]) -> Iterator[str]:
    for at, cell in enumerate(row):
        if isinstance(cell, int | float) and not isinstance(cell, bool):
            yield f'<c r="{_column(at)}{number}"><v>{cell}</v></c>'
        elif text := cell_text(cell):
            safe = escape(_NOT_XML.sub("", text))
            yield f'<c r="{_column(at)}{number}" t="inlineStr"><is><t xml:space="preserve">{safe}</t></is></c>'


def _column(at: int) -> str:
    letters = ""
    while at >= 0:
        letters = chr(65 + at % 26) + letters
        at = at // 26 - 1
    return letters


def _range(merge: Merge) -> str:
    return f"{_column(merge.left)}{merge.top + 1}:{_column(merge.right)}{merge.bottom + 1}"
