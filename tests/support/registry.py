"""Ledgers and area files as a test wants them: other column orders, other faults, other shapes of the same thing."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import Cell

from services.registry.domain.credit_codes import is_valid

TITLES = (
    *("序号", "单位名称", "统一社会\n信用代码", "所属社区(村)", "网格编码", "行业代码", "场所类型", "从业人数(人)"),
    *("主要负责人", "联系电话", "安全管理员", "联系电话 ", "风险等级", "分类", "经度", "纬度"),
    *("许可证名称", "许可证编号", "有效期至", "备注"),
)
AREAS = (
    ("410503000000", "北关区", "district", ""),
    ("410503001000", "彰北街道", "street", "410503000000"),
    ("410503001001", "北关社区", "community", "410503001000"),
    ("410503001001001", "北关第1网格", "grid", "410503001001"),
    ("410503001001002", "北关第2网格", "grid", "410503001001"),
    ("410503001002", "安居社区", "community", "410503001000"),
    ("410503002000", "红旗路街道", "street", "410503000000"),
    ("410503002001", "北关社区", "community", "410503002000"),
    ("410503002001001", "红旗北关第1网格", "grid", "410503002001"),
)
DISTRICT, STREET, OTHER_STREET = "410503000000", "410503001000", "410503002000"
COMMUNITY, GRID, FAR_COMMUNITY = "410503001001", "410503001001001", "410503002001"


def areas_csv(rows: Sequence[Sequence[str]] = AREAS, header: str = "code,name,level,parent") -> bytes:
    """An areas file with a byte-order mark, as spreadsheets save it."""
    lines = [header, *(",".join(row) for row in rows)]
    return "\r\n".join(lines).encode("utf-8-sig")


def credit_code(number: int, *, kind: str = "91", region: str = "410503") -> str:
    """A valid code; different numbers give different ones."""
    body = f"{kind}{region}MA{number:07d}"
    return next(body + check for check in "0123456789ABCDEFGHJKLMNPQRTUWXY" if is_valid(body + check))


@dataclass
class Office:
    """One sheet of a ledger, as an office would fill it in. `titles` may come in any order."""

    name: str = "彰北街道"
    titles: Sequence[str] = TITLES
    lines: list[Mapping[str, Any] | str] = field(default_factory=list)
    above: Sequence[str] = ("北关区彰北街道生产经营单位安全生产基础台账(2026年)", "填报单位:应急管理办公室")
    merge_communities: bool = False

    def add(self, **fields: Any) -> "Office":
        """A line; names as in `enterprise`, titles for the rest."""
        self.lines.append(enterprise(**fields))
        return self

    def say(self, text: str) -> "Office":
        """A line that is no data: a subtotal, a signature, nothing at all."""
        self.lines.append(text)
        return self


def enterprise(name: str = "便民超市", **fields: Any) -> dict[str, Any]:
    """A line by title; good in every respect unless told otherwise."""
    line: dict[str, Any] = {
        "单位名称": name,
        "统一社会\n信用代码": "",
        "所属社区(村)": "北关社区",
        "网格编码": "",
        "从业人数(人)": 5,
        "主要负责人": "负责人甲",
        "联系电话": "19900000001",
        "安全管理员": "安管员乙",
        "联系电话 ": "19900000002",
        "风险等级": "蓝",
        "分类": "A",
    }
    short = {
        "code": "统一社会\n信用代码",
        "community": "所属社区(村)",
        "grid": "网格编码",
        "headcount": "从业人数(人)",
        "head": "主要负责人",
        "head_phone": "联系电话",
        "officer": "安全管理员",
        "officer_phone": "联系电话 ",
        "risk": "风险等级",
        "grade": "分类",
        "longitude": "经度",
        "latitude": "纬度",
        "licence": "许可证名称",
        "licence_number": "许可证编号",
        "until": "有效期至",
        "remark": "备注",
    }
    return line | {short.get(key, key): value for key, value in fields.items()}


def workbook(*offices: Office) -> bytes:
    """The ledger as the bytes of an .xlsx file."""
    book = Workbook()
    assert book.active is not None
    book.remove(book.active)
    for office in offices:
        sheet = book.create_sheet(office.name)
        for text in office.above:
            sheet.append([text])
            sheet.merge_cells(start_row=sheet.max_row, start_column=1, end_row=sheet.max_row, end_column=8)
        sheet.append(list(office.titles))
        for number, line in enumerate(office.lines, start=1):
            cells = ["", line] if isinstance(line, str) else [line.get(title, "") for title in office.titles]
            if not isinstance(line, str) and "序号" in office.titles:
                cells[list(office.titles).index("序号")] = number
            sheet.append(cells if any(cell != "" for cell in cells) else [])
            for cell in sheet[sheet.max_row]:
                if isinstance(cell, Cell) and isinstance(cell.value, str) and cell.value.startswith("="):
                    cell.data_type = "s"
        if office.merge_communities:
            _merge(sheet, office)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def _merge(sheet: Any, office: Office) -> None:
    """Merges the community cells of neighbouring lines that say the same, as offices do."""
    column = list(office.titles).index("所属社区(村)") + 1
    first = len(office.above) + 2
    start = first
    for row in range(first + 1, first + len(office.lines) + 1):
        same = row < first + len(office.lines) and sheet.cell(row, column).value == sheet.cell(start, column).value
        if not same:
            if row - 1 > start:
                sheet.merge_cells(start_row=start, start_column=column, end_row=row - 1, end_column=column)
            start = row


def changed_part(data: bytes, name: str, old: bytes, new: bytes) -> bytes:
    """The workbook with the first `old` in one of its parts replaced."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as result:
        for part in source.namelist():
            content = source.read(part)
            if part == name:
                assert old in content
                content = content.replace(old, new, 1)
            result.writestr(part, content)
    return target.getvalue()


def bomb(megabytes: int, *, claim: int | None = None) -> bytes:
    """A workbook with one part that inflates to that size; `claim` is what its directory says instead."""
    target = io.BytesIO()
    archive = zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED)
    with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part:
        for _ in range(megabytes):
            part.write(b" " * 1024 * 1024)
    if claim is not None:
        archive.filelist[0].file_size = claim
    archive.close()
    return target.getvalue()
