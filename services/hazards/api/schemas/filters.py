"""What a list may be filtered by. Unknown parameters are refused: a mistyped filter must not show everything."""

from uuid import UUID

from pydantic import ConfigDict, Field

from libs.common.actors import area_path
from libs.common.models import AreaCode, Paging
from services.hazards.domain.lifecycle import State
from services.hazards.domain.vocabulary import Level
from services.hazards.views.hazards import Criteria


class HazardFilter(Paging):
    """Filters of the ledger; all given ones must hold."""

    model_config = ConfigDict(extra="forbid")

    state: State | None = Field(default=None, description="状态")
    level: Level | None = Field(default=None, description="级别")
    area_code: AreaCode | None = Field(default=None, description="区域及其下级")
    enterprise_id: UUID | None = Field(default=None, description="企业")
    overdue: bool | None = Field(default=None, description="是否逾期")
    total: bool = Field(default=False, description="是否同时计数")

    def criteria(self) -> Criteria:
        """The filter as the view reads it."""
        return Criteria(
            state=self.state,
            level=self.level,
            area_path=area_path(self.area_code) if self.area_code else None,
            enterprise_id=self.enterprise_id,
            overdue=self.overdue,
        )
