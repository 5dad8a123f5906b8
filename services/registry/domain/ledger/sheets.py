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


_SUBTOTAL = re.compile(
    r".{0,20}(小计|合计|总计|共计|累计)([家户人总]?数)?(:.*|\([^()]*\)|\d+(\.\d+)?[家户个人条项处名]?(企业|单位|商户)?(\W.*)?)?"
    r"|共有?\d+[家户](企业|单位|商户)?(\W.*)?"
)
_FOOTER = re.compile(r"[^\d:][^:]{0,13}:.*")
_FOOTER_CELLS = 4
_SIGNATURE = re.compile(
    r"((单位|企业|社区|村|街道|镇|乡|部门|网格)?(填表|填报|制表|审核|复核|审批|经办|统计|录入|上报|报送|负责|联系)人员?"
    r"|(填表|填报|制表|上报|报送|审核)(日期|时间|单位)|(分管|主管|主要|单位)(领导|负责人)|日期)"
    r"(\(?(签[字名章]|盖章)\)?)?"
)
_BARE_SIGNATURE = re.compile(r"填表|制表|审核|复核|审批|经办|签[字名章]|盖章")
_DATED = re.compile(r"\d{4}年\d{1,2}月(\d{1,2}日)?")
_COLON = re.compile(r"[:：]")
_WORDS_TRIED = 6  # `填 表 人 张三`
_BANNER_COLUMNS = 3


def is_subtotal(texts: Sequence[str]) -> bool:
    """Whether one of the leading texts of a line says that the line is a sum."""
    return any(_SUBTOTAL.fullmatch(plain(text)) for text in texts if text)


def is_footer(texts: Sequence[str]) -> bool:
    """Whether the texts of a line are a signature, such as `填表人: 审核人:` or `填表人 | 张三 | 审核人 | 李四`.

    A word with a colon and little beside it, or a line that begins with the word for one who signs. A name that only
    begins like such a word (`审核人才服务部`) is none.
    """
    if not texts:
        return False
    first = plain(texts[0])
    if _FOOTER.fullmatch(first) and len(texts) <= _FOOTER_CELLS:
        return True
    if _BARE_SIGNATURE.fullmatch(first.rstrip(":")) or (len(texts) == 1 and _DATED.fullmatch(first)):
        return True
    words = [plain(word) for word in _COLON.split(texts[0], maxsplit=1)[0].split()[:_WORDS_TRIED]]
    return any(_SIGNATURE.fullmatch("".join(words[: count + 1])) for count in range(len(words)))
