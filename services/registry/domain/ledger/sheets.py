"""A sheet of a workbook as plain cells, its merged ranges, and which of its lines hold no data."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from services.registry.domain.text import Cell, cell_text, plain


@dataclass(frozen=True, slots=True)
class Merge:
    """A merged range, zero-based and inclusive; its value is in the top left cell."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True)
class Sheet:
    """One sheet. `rows` start at the first line of the sheet, so that index 0 is what the spreadsheet calls row 1."""

    name: str
    rows: Sequence[Sequence[Cell]]
    merges: Sequence[Merge] = ()

    def cell(self, row: int, column: int) -> Cell:
        """The cell's value, carried down from the top of its merged range; None beyond the end of the line."""
        line = self.rows[row] if row < len(self.rows) else ()
        own = line[column] if column < len(line) else None
        if own in (None, "") and (top := self._carried.get((row, column))) is not None:
            return self.cell(top, column)
        return own

    def is_banner(self, row: int) -> bool:
        """Whether the line is one text across several columns: a title printed once more, or a heading in between."""
        return row in self._banners and sum(1 for cell in self.rows[row] if cell_text(cell)) == 1

    @cached_property
    def _banners(self) -> frozenset[int]:
        return frozenset(merge.top for merge in self.merges if merge.right - merge.left + 1 >= _BANNER_COLUMNS)

    @cached_property
    def _carried(self) -> Mapping[tuple[int, int], int]:
        """The line that a cell of a tall merged range takes its value from."""
        return {
            (row, merge.left): merge.top
            for merge in self.merges
            for row in range(merge.top + 1, min(merge.bottom + 1, len(self.rows)))
        }


_SUBTOTAL = re.compile(r"(本页|本表|全.{0,8}|.{0,20}(社区|村|街道|镇|乡|网格))?(小计|合计|总计|共计|累计)([::(].*)?")
_FOOTER = re.compile(r"[^\d:][^:]{0,13}:.*")
_FOOTER_CELLS = 4
_BANNER_COLUMNS = 3


def is_subtotal(texts: Sequence[str]) -> bool:
    """Whether one of the leading texts of a line says that the line is a sum."""
    return any(_SUBTOTAL.fullmatch(plain(text)) for text in texts if text)


def is_footer(texts: Sequence[str]) -> bool:
    """Whether the texts of a line are a signature such as `填表人: 审核人:`: a word with a colon, little beside it."""
    return 0 < len(texts) <= _FOOTER_CELLS and bool(_FOOTER.fullmatch(plain(texts[0])))
