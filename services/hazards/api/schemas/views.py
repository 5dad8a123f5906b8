"""What each tier sees at a glance."""

from datetime import date
from uuid import UUID

from pydantic import Field

from libs.common.models import ApiModel, LocalTime
from services.hazards.api.schemas.hazards import HazardOut


class LevelTotals(ApiModel):
    """Open hazards of a level (`unset`: not verified yet)."""

    level: str
    level_label: str
    open: int
    overdue: int


class TotalsOut(ApiModel):
    """Figures now. `found` is without void ones and always equals fixedOnSpot + ordered + preHandled."""

    found: int = Field(description="发现（不含作废）")
    fixed_on_spot: int = Field(description="其中现场整改")
    ordered: int = Field(description="其中限期整改")
    pre_handled: int = Field(description="其中先行处置，尚未交办")
    open: int = Field(description="未销号")
    overdue: int = Field(description="逾期")
    closed: int = Field(description="已销号")
    void: int = Field(description="已作废")
    by_state: dict[str, int]
    by_level: list[LevelTotals]


class AreaTotals(ApiModel):
    """Figures of one area below."""

    area_code: str
    name: str
    totals: TotalsOut


class DayOut(ApiModel):
    """What happened on a day in Asia/Shanghai."""

    day: date
    found: int
    closed: int
    missed: int = Field(description="当日逾期")


class StreetViewOut(ApiModel):
    """A street: totals by community, what is overdue first, by level, trend."""

    area_code: str
    name: str
    at: LocalTime
    totals: TotalsOut
    communities: list[AreaTotals]
    hazards: list[HazardOut] = Field(description="整改中的隐患：逾期最久的在前，其余按时限")
    trend: list[DayOut] = Field(description="近 30 日每日发现、销号、逾期")


class CommunityViewOut(ApiModel):
    """A community: what to verify, to assign, to re-inspect, what is overdue by grid."""

    area_code: str
    name: str
    at: LocalTime
    totals: TotalsOut
    to_verify: list[HazardOut] = Field(description="待核实")
    to_assign: list[HazardOut] = Field(description="已核实，待交办")
    to_reinspect: list[HazardOut] = Field(description="待复查")
    overdue: list[HazardOut] = Field(description="逾期，最久的在前")
    overdue_by_grid: list[AreaTotals] = Field(description="各网格的数字，逾期多的在前")


class EnterpriseViewOut(ApiModel):
    """An enterprise: its own hazards, what to fix by when."""

    enterprise_id: UUID
    name: str
    at: LocalTime
    totals: TotalsOut
    to_fix: list[HazardOut] = Field(description="待整改，按时限先后")
    others: list[HazardOut] = Field(description="待核实、待交办、待复查的")
