"""A district of a dozen enterprises as two files, for tests that start a whole system and must not wait long."""

from pathlib import Path

from openpyxl import Workbook

DISTRICT, STREET, COMMUNITY, GRID = "410599000000", "410599001000", "410599001001", "410599001001001"
ENTERPRISES = 12
_AREAS = (
    (DISTRICT, "试点区", "district", ""),
    (STREET, "和平街道", "street", DISTRICT),
    (COMMUNITY, "和平社区", "community", STREET),
    ("410599001002", "向阳社区", "community", STREET),
    (GRID, "和平第1网格", "grid", COMMUNITY),
)
_HEADER = (
    *("序号", "单位名称", "统一社会\n信用代码", "所属社区(村)", "网格编码", "行业代码", "场所类型", "从业人数(人)"),
    *("主要负责人", "联系电话", "安全管理员", "联系电话", "风险等级", "分类", "经度", "纬度"),
    *("许可证名称", "许可证编号", "有效期至", "备注"),
)


def write_district(folder: Path) -> Path:
    """Write `areas.csv` and `enterprises.xlsx` into the folder, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["code,name,level,parent", *(",".join(area) for area in _AREAS)]
    (folder / "areas.csv").write_text("\n".join(lines) + "\n", encoding="utf-8-sig")
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "和平街道"
    sheet.append(["试点区和平街道生产经营单位安全生产基础台账"])
    sheet.append(list(_HEADER))
    for number in range(1, ENTERPRISES + 1):
        community, grid = ("和平社区", GRID) if number % 2 else ("向阳社区", "")
        people = [f"负责人{number}", "19900000001", f"安管员{number}", "19900000002"]
        row = [number, f"和平加工厂{number:02}", "", community, grid, "3311", "工厂", 10 + number, *people]
        sheet.append([*row, "一般(黄)", "B", None, None, None, None, None, None])
    book.save(folder / "enterprises.xlsx")
    return folder
