"""The ledger of the sample district made larger: its lines again and again, faults and all, under other names."""

import string
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from stdnum.cn.uscc import calc_check_digit

from deploy.local.settings import ROOT
from services.registry.domain.credit_codes import compact, is_valid
from services.registry.domain.ledger.columns import find_header
from services.registry.domain.ledger.sheets import Merge, Sheet
from services.registry.domain.ledger.titles import Column
from services.registry.domain.text import Cell, cell_text, says_nothing
from services.registry.files.workbook import read_workbook
from services.registry.files.xlsx import write_workbook

SAMPLE = ROOT / "deploy" / "sample"
_DIGITS = string.digits + "ABCDEFGH"


@dataclass(frozen=True)
class LargeLedger:
    """A workbook that holds the lines of the sample `times` over."""

    times: int

    @cached_property
    def content(self) -> bytes:
        """The file, as an export of the registry would write it: one sheet a street."""
        return write_workbook([self._repeated(sheet) for sheet in self._sheets])

    @cached_property
    def areas(self) -> bytes:
        """The area tree that it is read against."""
        return (SAMPLE / "areas.csv").read_bytes()

    @cached_property
    def _sheets(self) -> Sequence[Sheet]:
        return read_workbook((SAMPLE / "enterprises.xlsx").read_bytes())

    def _repeated(self, sheet: Sheet) -> Sheet:
        header = find_header(sheet)
        assert header is not None, f"{sheet.name} has no header"
        first = header.first_data_row
        data, height = sheet.rows[first:], len(sheet.rows) - first
        rows: list[Sequence[Cell]] = list(sheet.rows[:first])
        merges = [merge for merge in sheet.merges if merge.top < first]
        name, code = header.columns[Column.NAME], header.columns[Column.CREDIT_CODE]
        for copy in range(self.times):
            rows += [_under_another_name(row, name, code, copy) for row in data]
            down = copy * height
            merges += [
                Merge(merge.top + down, merge.left, merge.bottom + down, merge.right)
                for merge in sheet.merges
                if merge.top >= first
            ]
        return Sheet(sheet.name, rows, merges)


def _under_another_name(row: Sequence[Cell], name: int, code: int, copy: int) -> Sequence[Cell]:
    """The line of an enterprise of its own; what is no good in it stays no good."""
    said, number = cell_text(row[name]) if name < len(row) else "", cell_text(row[code]) if code < len(row) else ""
    if not copy or says_nothing(said):
        return row
    changed = list(row)
    changed[name] = f"{said}{copy}分店"
    if is_valid(compact(number)):
        changed[code] = _another(compact(number), copy)
    return changed


def _another(code: str, copy: int) -> str:
    """A valid code that belongs to this code and copy alone: two places of the serial number count the copies."""
    body = code[:8] + _DIGITS[copy // len(_DIGITS)] + _DIGITS[copy % len(_DIGITS)] + code[10:17]
    return body + str(calc_check_digit(body))
