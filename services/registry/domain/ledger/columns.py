"""Which column of a sheet holds what: the header is found by its words, wherever it is and in whatever order."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.registry.domain.ledger.sheets import Merge, Sheet
from services.registry.domain.text import cell_text, plain


class Column(StrEnum):
    """What a ledger may say of an enterprise; the value is the usual title."""

    SEQUENCE = "序号"
    STREET = "所属街道"
    NAME = "单位名称"
    CREDIT_CODE = "统一社会信用代码"
    COMMUNITY = "所属社区(村)"
    GRID = "网格编码"
    INDUSTRY = "行业代码"
    VENUE = "场所类型"
    HEADCOUNT = "从业人数"
    ADDRESS = "地址"
    HEAD = "主要负责人"
    HEAD_PHONE = "主要负责人联系电话"
    OFFICER = "安全管理员"
    OFFICER_PHONE = "安全管理员联系电话"
    RISK = "风险等级"
    CLASS = "分类"
    LONGITUDE = "经度"
    LATITUDE = "纬度"
    LICENCE = "许可证名称"
    LICENCE_NUMBER = "许可证编号"
    VALID_UNTIL = "有效期至"
    REMARK = "备注"


_HEAD = r"(主要负责人|企业负责人|单位负责人|法定代表人|法人代表|法人|负责人|业主|经营者)"
_OFFICER = r"(安全(生产)?(管理|负责)(人员|员|人)|安全员|安管员|安全总监)"
_PHONE = r"(联系)?(电话|手机|方式)(号码|号)?"
_NAMED = r"(姓名|名字)?"

# Tried from top to bottom on a title in half-width capitals without blanks, brackets and asterisks.
_TITLES: tuple[tuple[re.Pattern[str], Column], ...] = tuple(
    (re.compile(pattern), column)
    for pattern, column in (
        (r"序号|编号|NO\.?", Column.SEQUENCE),
        (rf"{_HEAD}{_NAMED}(的|及)?{_PHONE}", Column.HEAD_PHONE),
        (rf"{_OFFICER}{_NAMED}(的|及)?{_PHONE}", Column.OFFICER_PHONE),
        (rf"{_OFFICER}{_NAMED}", Column.OFFICER),
        (rf"{_HEAD}{_NAMED}", Column.HEAD),
        (r".*信用代码.*|.*信用编码.*", Column.CREDIT_CODE),
        (r".*网格(编码|编号|代码|号|码)?", Column.GRID),
        (r"(所属|所在)?(街道|乡镇|镇街|街镇|镇|街办|镇办)([/、或](街道|乡|镇|乡镇|办事处))*(名称)?", Column.STREET),
        (r"(所属|所在|属地)?(社区|村|村居)([/、或](社区|村|村居|居委会|村委会))*(名称)?", Column.COMMUNITY),
        (r"(国民经济)?行业(分类)?(代码|编码|类别代码|小类)?", Column.INDUSTRY),
        (r"(场所|单位|企业)(类型|类别|性质|种类)|场所", Column.VENUE),
        (r"(从业|职工|员工|用工|在岗)?(人员)?(人数|数量)|(从业|职工|员工)人员", Column.HEADCOUNT),
        (r"(安全)?风险(等级|级别|分级|颜色)?", Column.RISK),
        (r"(企业|单位|场所|安全|分级|监管)*(分类|类别|等级)(等级|分级|级别)?|ABCD(分类|等级|类)?", Column.CLASS),
        (r".*经度", Column.LONGITUDE),
        (r".*纬度", Column.LATITUDE),
        (r".*(许可证?|证照|资质|执照)(件)?(编号|证号|号码|号)|证号|证书编号", Column.LICENCE_NUMBER),
        (r".*(许可证?|证照|资质|执照)(件)?(名称|种类|类型)?|证书名称", Column.LICENCE),
        (r".*(有效期|到期日|截止日|有效日期|到期时间).*", Column.VALID_UNTIL),
        (r"备注(说明)?|说明", Column.REMARK),
        (r".*(地址|住所|位置)", Column.ADDRESS),
        (r"(生产经营)?(单位|企业|场所|公司|商户|店铺|经营单位|被监管单位)(名称|全称)|名称", Column.NAME),
    )
)
_UNOWNED_PHONE = re.compile(_PHONE)
_ASIDE = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|[*:※]")


@dataclass(frozen=True, slots=True)
class Header:
    """Where the data begins and which column holds what; `titles` are the words to quote in a row error."""

    first_data_row: int
    columns: Mapping[Column, int]
    titles: Mapping[Column, str]

    def title(self, column: Column) -> str:
        """The sheet's own words for the column, without line breaks."""
        return self.titles.get(column, column.value)


_SEARCHED_LINES = 40
_LEAST_COLUMNS = 4


def find_header(sheet: Sheet) -> Header | None:
    """The first line that names the enterprise and at least three other things; None when the sheet has none.

    A header that is merged over two lines (`主要负责人` above `姓名` and `联系电话`) is read as one.
    """
    for top in range(min(_SEARCHED_LINES, len(sheet.rows))):
        bottom = max((m.bottom for m in sheet.merges if m.top == top and m.bottom > m.top), default=top)
        titles = _titles(sheet, top, min(bottom, top + 2))
        columns = recognise(titles)
        if Column.NAME in columns and len(columns) >= _LEAST_COLUMNS:
            quoted = {column: "".join(titles[at].split()) for column, at in columns.items()}
            return Header(min(bottom, top + 2) + 1, columns, quoted)
    return None


def _titles(sheet: Sheet, top: int, bottom: int) -> list[str]:
    """The words above each column, those of merged groups first."""
    width = max((len(line) for line in sheet.rows[top : bottom + 1]), default=0)
    wide = {(row, at): (m.top, m.left) for m in sheet.merges for row, at in _cells(m, top, bottom)}
    titles = []
    for at in range(width):
        words: list[str] = []
        for row in range(top, bottom + 1):
            source = wide.get((row, at), (row, at))
            word = cell_text(sheet.cell(*source))
            if word and word not in words:
                words.append(word)
        titles.append("".join(words))
    return titles


def _cells(merge: Merge, top: int, bottom: int) -> list[tuple[int, int]]:
    if merge.bottom < top or merge.top > bottom:
        return []
    return [
        (row, at)
        for row in range(max(merge.top, top), min(merge.bottom, bottom) + 1)
        for at in range(merge.left, min(merge.right, merge.left + 64) + 1)
    ]


def recognise(titles: Sequence[str]) -> dict[Column, int]:
    """The columns behind the titles; of two that mean the same the first counts."""
    found: dict[Column, int] = {}
    phones: list[int] = []
    for at, title in enumerate(titles):
        bare = _ASIDE.sub("", plain(title))
        if not bare:
            continue
        if _UNOWNED_PHONE.fullmatch(bare):
            phones.append(at)
        elif column := _meaning(bare):
            found.setdefault(column, at)
    _give_phones(found, phones)
    return found


def _meaning(bare: str) -> Column | None:
    return next((column for pattern, column in _TITLES if pattern.fullmatch(bare)), None)


def _give_phones(found: dict[Column, int], phones: Sequence[int]) -> None:
    """Of columns that are only called `联系电话` the first belongs to the head, the second to the safety officer,
    unless each of them stands at once behind one of the two: then it is that one's."""
    owners = {Column.HEAD: Column.HEAD_PHONE, Column.OFFICER: Column.OFFICER_PHONE}
    beside = {found[person] + 1: phone for person, phone in owners.items() if person in found}
    free = [phone for phone in owners.values() if phone not in found]
    if all(beside.get(at) in free for at in phones):
        found.update({beside[at]: at for at in phones})
    else:
        found.update(dict(zip(free, phones, strict=False)))


def repeats_header(sheet: Sheet, header: Header, row: int) -> bool:
    """Whether a line is the header printed once more, as at a page break."""
    return _meaning(_ASIDE.sub("", plain(cell_text(sheet.cell(row, header.columns[Column.NAME]))))) is Column.NAME
