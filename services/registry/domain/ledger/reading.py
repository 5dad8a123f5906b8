"""A whole ledger: every data line of every sheet, read in the order in which a person would read it."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from services.registry.domain import credit_codes
from services.registry.domain.imports import Note, Severity, Spot
from services.registry.domain.ledger.columns import Header, find_header, repeats_header
from services.registry.domain.ledger.faults import Doubt
from services.registry.domain.ledger.lines import Line, LineReader, Rules
from services.registry.domain.ledger.sheets import Sheet, is_footer, is_subtotal
from services.registry.domain.ledger.titles import Column
from services.registry.domain.places import KnownArea
from services.registry.domain.text import Cell, cell_text

_CARRIED_DOWN = (Column.STREET, Column.COMMUNITY)  # a blank below a value means the same again, merged or not
_LEADING_CELLS = 4


@dataclass(frozen=True, slots=True)
class Ledger:
    """What a workbook says. `has_header` is false when no sheet is a ledger at all."""

    lines: Sequence[Line]
    doubts: Sequence[Note]
    has_header: bool


def joined(parts: Sequence[Ledger]) -> Ledger:
    """The ledger whose sheets were read in parts, given in their order."""
    lines = [line for part in parts for line in part.lines]
    doubts = [doubt for part in parts for doubt in part.doubts]
    return Ledger(lines, doubts, any(part.has_header for part in parts))


def read_ledger(sheets: Iterable[Sheet], rules: Rules) -> Ledger:
    """The data lines of all sheets. Title rows, subtotals, blank lines and signature lines are no data."""
    lines: list[Line] = []
    doubts: list[Note] = []
    has_header = False
    for sheet in sheets:
        header = find_header(sheet)
        if header is not None:
            has_header = True
            doubts.extend(_unread(sheet, header))
            lines.extend(_lines(sheet, header, rules))
        elif any(cell_text(cell) for line in sheet.rows for cell in line):
            message = "此工作表中没有找到表头，未读取"
            doubts.append(Note(Spot(sheet.name, 1), "", Doubt.NO_HEADER, message, Severity.WARNING))
    return Ledger(lines, doubts, has_header)


def _unread(sheet: Sheet, header: Header) -> Iterator[Note]:
    for title in header.unread:
        message = f"“{title[:20]}”列没有识别（或与已识别的列重复），未读取"
        yield Note(Spot(sheet.name, header.first_data_row), title, Doubt.COLUMN_NOT_READ, message, Severity.WARNING)


def _lines(sheet: Sheet, header: Header, rules: Rules) -> Iterator[Line]:
    sheet_street = _street_of(sheet, header, rules)
    carried: dict[Column, Cell] = {}
    for row in range(header.first_data_row, len(sheet.rows)):
        cells = {column: sheet.cell(row, at) for column, at in header.columns.items()}
        if not _is_data(sheet, header, row, cells):
            if sheet.is_banner(row):  # the title of the next street, where one sheet holds several
                sheet_street = rules.gazetteer.street(*map(cell_text, sheet.rows[row])) or sheet_street
            continue
        for column in _CARRIED_DOWN:
            if column in cells:
                cells[column] = carried[column] = cells[column] if cell_text(cells[column]) else carried.get(column)
        street = sheet_street
        if own := cell_text(cells.get(Column.STREET)):
            street = rules.gazetteer.street(own)
        yield LineReader(rules, header, Spot(sheet.name, row + 1), cells, street).read()


def _is_data(sheet: Sheet, header: Header, row: int, cells: dict[Column, Cell]) -> bool:
    """Whether a line says something of an enterprise: more than a running number beside a merged community."""
    if not any(cell_text(cell) for column, cell in cells.items() if column not in _FRAME):
        return False
    texts = [text for text in map(cell_text, sheet.rows[row]) if text]
    if sheet.is_banner(row) or repeats_header(sheet, header, row):
        return False
    if len(credit_codes.compact(cell_text(cells.get(Column.CREDIT_CODE)))) == credit_codes.LENGTH:
        return True  # whatever its other words look like: a sum or a signature has no code
    return not (is_footer(texts) or is_subtotal(texts[:_LEADING_CELLS]))


_FRAME = frozenset({Column.SEQUENCE, *_CARRIED_DOWN})


# Some town by its own name, not `各乡镇` or `街道(乡镇)`.
_SOME_STREET = re.compile(r"[^\W\d_乡镇街各全本所属]{2}(街道|镇|乡|办事处)(?![乡镇街])")


def _street_of(sheet: Sheet, header: Header, rules: Rules) -> KnownArea | None:
    """The street whose sheet this is: by the sheet's name, else by the title rows above the header; where they name no
    street at all, the only one that the importer can mean."""
    titles = [text for line in sheet.rows[: header.first_data_row - 1] for cell in line if (text := cell_text(cell))]
    if street := rules.gazetteer.street(sheet.name) or rules.gazetteer.street(*titles):
        return street
    if any(_SOME_STREET.search(text) for text in (sheet.name, *titles)):
        return None
    return rules.gazetteer.street_at(rules.scope)
