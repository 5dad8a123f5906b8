"""A ledger as offices exchange it, from what is on file: one sheet a street, the usual columns, communities merged."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from services.registry.domain.enterprises import Enterprise
from services.registry.domain.ledger.sheets import Merge, Sheet
from services.registry.domain.levels import RISK_LABELS
from services.registry.domain.records import EnterpriseRecord, Licence
from services.registry.domain.text import Cell

TITLES = (
    *("序号", "单位名称", "统一社会信用代码", "所属社区(村)", "网格编码", "行业代码", "场所类型", "地址"),
    *("从业人数(人)", "主要负责人", "联系电话", "安全管理员", "联系电话", "风险等级", "分类", "经度", "纬度"),
    *("许可证名称", "许可证编号", "有效期至", "备注"),
)
_COMMUNITY = TITLES.index("所属社区(村)")
_STREET_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Names:
    """What the nodes are called: streets by path, communities by code."""

    streets: Mapping[str, str]
    communities: Mapping[str, str]


def lay_out(enterprises: Sequence[Enterprise], names: Names, day: date) -> list[Sheet]:
    """The sheets, street by street and community by community. An enterprise with several licences has a line each.

    What an import reads back from them is what is on file.
    """
    if not enterprises:
        return [_sheet("台账", (), names, day)]
    ordered = sorted(enterprises, key=lambda one: (one.record.community_code, one.area_path, one.id))
    return [
        _sheet(names.streets.get(path, path), list(own), names, day)
        for path, own in groupby(ordered, key=lambda one: one.record.community_code[:_STREET_DIGITS])
    ]


def _sheet(street: str, enterprises: Sequence[Enterprise], names: Names, day: date) -> Sheet:
    rows: list[Sequence[Cell]] = [[f"{street}生产经营单位安全生产基础台账"], [f"导出日期:{day.isoformat()}"], TITLES]
    merges = [Merge(at, 0, at, len(TITLES) - 1) for at in range(2)]
    for code, own in groupby(enterprises, key=lambda one: one.record.community_code):
        first = len(rows)
        community = names.communities.get(code, code)
        for one in own:
            rows.extend(_lines(one.record, community, len(rows) - 2))
        if len(rows) - first > 1:
            merges.append(Merge(first, _COMMUNITY, len(rows) - 1, _COMMUNITY))
    return Sheet(street, rows, merges)


def _lines(record: EnterpriseRecord, community: str, number: int) -> Iterator[Sequence[Cell]]:
    licences: Sequence[Licence | None] = record.licences or (None,)
    for nr, licence in enumerate(licences):
        yield (
            number + nr,
            record.name,
            record.credit_code,
            community,
            record.grid_code,
            record.industry_code,
            record.venue_type,
            record.address,
            record.headcount_text or record.headcount,
            record.head.name,
            record.head.phone,
            record.officer.name,
            record.officer.phone,
            RISK_LABELS[record.risk_level] if record.risk_level else None,
            record.enterprise_class,
            record.longitude,
            record.latitude,
            licence.name if licence else None,
            licence.number if licence else None,
            licence.valid_until.isoformat() if licence and licence.valid_until else None,
            record.remark,
        )
