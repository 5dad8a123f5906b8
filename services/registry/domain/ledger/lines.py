"""One data line of a ledger: its record, and everything that is wrong or doubtful about it."""

from dataclasses import dataclass

from services.registry.domain import credit_codes, levels
from services.registry.domain.classes import Schemes, codes_at
from services.registry.domain.imports import Note, Severity, Spot
from services.registry.domain.ledger import values
from services.registry.domain.ledger.columns import Header
from services.registry.domain.ledger.faults import FAULT_ORDER, Doubt, Fault
from services.registry.domain.ledger.titles import Column
from services.registry.domain.places import Gazetteer, KnownArea
from services.registry.domain.records import Contact, EnterpriseRecord, Licence
from services.registry.domain.text import Cell, cell_text, plain, says_nothing

UNNAMED_LICENCE = "未注明"
NAME_LIMIT, TEXT_LIMIT, REMARK_LIMIT = 200, 200, 2000  # characters


@dataclass(frozen=True, slots=True)
class Line:
    """A data line as read. `record` is what it says as far as that could be made out; `faults` are in order."""

    spot: Spot
    header: Header
    record: EnterpriseRecord
    faults: tuple[Note, ...]
    doubts: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """What the lines are read against: the areas in force, the class schemes by path, and where one may write."""

    gazetteer: Gazetteer
    schemes: Schemes
    scope: str


class LineReader:
    """Reads one line; collects notes as it goes."""

    def __init__(
        self, rules: Rules, header: Header, spot: Spot, cells: dict[Column, Cell], street: KnownArea | None
    ) -> None:
        self._rules = rules
        self._header = header
        self._spot = spot
        self._cells = cells
        self._street = street
        self._faults: list[Note] = []
        self._doubts: list[Note] = []

    def read(self) -> Line:
        """The line with its notes."""
        community = self._community()
        number = values.headcount(self._cells.get(Column.HEADCOUNT))
        if number.text and number.number is None:
            self._doubt(Column.HEADCOUNT, Doubt.UNREADABLE_HEADCOUNT, "从业人数无法识别为一个数字，已保留原文")
        place = self._place()
        record = EnterpriseRecord(
            name=self._name(),
            community_code=community.code if community else "",
            credit_code=self._credit_code(),
            grid_code=self._grid(community),
            industry_code=self._text(Column.INDUSTRY),
            venue_type=self._text(Column.VENUE),
            address=self._text(Column.ADDRESS),
            headcount=number.number,
            headcount_text=number.text,
            head=self._contact(Column.HEAD, Column.HEAD_PHONE),
            officer=self._contact(Column.OFFICER, Column.OFFICER_PHONE),
            risk_level=self._risk_level(),
            enterprise_class=self._class(community),
            longitude=place.longitude,
            latitude=place.latitude,
            licences=self._licences(),
            remark=self._text(Column.REMARK, REMARK_LIMIT),
        )
        faults = sorted(self._faults, key=lambda note: FAULT_ORDER[note.code.value])
        return Line(self._spot, self._header, record, tuple(faults), tuple(self._doubts))

    def _fault(self, column: Column, code: Fault, message: str) -> None:
        self._faults.append(Note(self._spot, self._header.title(column), code, message))

    def _doubt(self, column: Column, code: Doubt, message: str) -> None:
        self._doubts.append(Note(self._spot, self._header.title(column), code, message, Severity.WARNING))

    def _text(self, column: Column, limit: int = TEXT_LIMIT) -> str | None:
        text = cell_text(self._cells.get(column))
        if len(text) > limit:
            self._fault(column, Fault.VALUE_TOO_LONG, f"“{self._header.title(column)}”超过{limit}字")
        return None if says_nothing(text) else text[:limit]

    def _name(self) -> str:
        name = self._text(Column.NAME, NAME_LIMIT)
        if name is None:
            self._fault(Column.NAME, Fault.MISSING_NAME, "单位名称为空，无法建档")
        return name or ""

    def _community(self) -> KnownArea | None:
        text = cell_text(self._cells.get(Column.COMMUNITY))
        if self._street is None:
            message = f"“{self._spot.sheet[:31]}”不是任何街道(镇)的名称，找不到所属社区"
            self._fault(Column.COMMUNITY, Fault.UNKNOWN_COMMUNITY, message)
            return None
        found = self._rules.gazetteer.community(self._street, text)
        if found is None:
            shown = f"没有名为“{text[:20]}”的社区或村" if text else "所属社区为空"
            self._fault(Column.COMMUNITY, Fault.UNKNOWN_COMMUNITY, f"{self._street.name}：{shown}")
        elif not found.path.startswith(self._rules.scope):
            self._fault(Column.COMMUNITY, Fault.OUT_OF_SCOPE, f"“{self._street.name}”不在导入人员的管辖范围内")
        return found

    def _credit_code(self) -> str | None:
        code = credit_codes.compact(cell_text(self._cells.get(Column.CREDIT_CODE)))
        if not code:
            return None
        if len(code) != credit_codes.LENGTH:
            message = f"统一社会信用代码应为18位，此处为{len(code)}位，请核对或留空"
            self._fault(Column.CREDIT_CODE, Fault.MALFORMED_CREDIT_CODE, message)
            return None
        if not credit_codes.is_valid(code):
            self._fault(Column.CREDIT_CODE, Fault.BAD_CHECK_DIGIT, "统一社会信用代码的校验位不正确，请核对原证照")
            return None
        return code

    def _grid(self, community: KnownArea | None) -> str | None:
        text = plain(cell_text(self._cells.get(Column.GRID)))
        if says_nothing(text):
            return None
        grid = self._rules.gazetteer.grids.get(text)
        if grid is None:
            self._doubt(Column.GRID, Doubt.UNKNOWN_GRID, "没有这个网格，已按未划入网格建档")
        elif community is not None and not grid.path.startswith(community.path):
            self._doubt(Column.GRID, Doubt.GRID_OUTSIDE_COMMUNITY, f"网格不属于“{community.name}”，已按未划入网格建档")
        else:
            return grid.code
        return None

    def _contact(self, name: Column, phone: Column) -> Contact:
        number = values.phone(self._cells.get(phone))
        if number and len(number) > TEXT_LIMIT:
            self._fault(phone, Fault.VALUE_TOO_LONG, f"“{self._header.title(phone)}”超过{TEXT_LIMIT}字")
        return Contact(self._text(name), number)

    def _risk_level(self) -> levels.RiskLevel | None:
        text = cell_text(self._cells.get(Column.RISK))
        level = levels.risk_level(text)
        if level is None and not says_nothing(text):
            message = f"风险等级“{text[:20]}”不是红、橙、黄、蓝之一，已按未评定建档"
            self._doubt(Column.RISK, Doubt.UNKNOWN_RISK_LEVEL, message)
        return level

    def _class(self, community: KnownArea | None) -> str | None:
        if Column.CLASS not in self._cells:
            return None
        text = cell_text(self._cells[Column.CLASS])
        classes = codes_at(self._rules.schemes, community.path if community else self._rules.scope)
        code = levels.class_code(text, classes)
        if code is None:
            scheme = "、".join(sorted(classes))
            self._fault(Column.CLASS, Fault.UNKNOWN_CLASS, f"分类“{text[:20]}”不在分类方案({scheme})之内")
        return code

    def _place(self) -> values.Place:
        place = values.place(self._cells.get(Column.LONGITUDE), self._cells.get(Column.LATITUDE))
        if place.fault == values.EXCHANGED:
            self._doubt(Column.LONGITUDE, Doubt.EXCHANGED_COORDINATES, "经度与纬度填反，已对调后建档，请核对")
        elif place.fault == values.OUTSIDE:
            self._doubt(Column.LONGITUDE, Doubt.COORDINATES_OUTSIDE_COUNTRY, "经纬度不在境内，未采用")
        elif place.fault == values.HALF:
            self._doubt(Column.LONGITUDE, Doubt.INCOMPLETE_COORDINATES, "经纬度不完整或无法识别，未采用")
        return place

    def _licences(self) -> tuple[Licence, ...]:
        name, number = self._text(Column.LICENCE), self._text(Column.LICENCE_NUMBER)
        cell = self._cells.get(Column.VALID_UNTIL)
        try:
            until = values.day(cell)
        except values.ImpossibleDay:
            text = cell_text(cell)[:20]
            self._fault(Column.VALID_UNTIL, Fault.IMPOSSIBLE_DATE, f"“{text}”不是日历上存在的日期")
            until = None
        if name is None and number is None and until is None:
            return ()
        return (Licence(name or UNNAMED_LICENCE, number, until),)
