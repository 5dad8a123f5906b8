"""What narrows the lists, as query parameters."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from libs.common.actors import area_path
from libs.common.models import AreaCode, Day, Paging
from services.registry.api.schemas.enterprises import ClassCode
from services.registry.domain.enterprises import Status
from services.registry.domain.imports import Severity
from services.registry.domain.levels import RiskLevel
from services.registry.domain.people import PostRole
from services.registry.domain.places import AreaLevel
from services.registry.views import areas, enterprises, people

Words = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class Listing(Paging):
    """Every list of this service counts when asked."""

    total: bool = False


class EnterpriseFilter(Listing):
    """Of the enterprises in one's scope."""

    area_code: AreaCode | None = Field(default=None, description="该区划及其下")
    credit_code: Words | None = None
    name: Words | None = Field(default=None, description="名称中含有")
    risk_level: RiskLevel | None = None
    enterprise_class: ClassCode | None = None
    status: Status | None = None
    unattended: bool | None = Field(default=None, description="没有责任人的单位")
    has_grid: bool | None = None
    has_credit_code: bool | None = None
    licence_ends_before: Day | None = Field(default=None, description="有许可证在此日之前到期")

    def criteria(self) -> enterprises.Criteria:
        """The same for the view."""
        return enterprises.Criteria(
            area_path=area_path(self.area_code) if self.area_code else None,
            credit_code=self.credit_code,
            name=self.name,
            risk_level=self.risk_level,
            enterprise_class=self.enterprise_class,
            status=self.status,
            unattended=self.unattended,
            has_grid=self.has_grid,
            has_credit_code=self.has_credit_code,
            licence_ends_before=self.licence_ends_before,
        )


class AreaFilter(Listing):
    """Of the nodes in one's scope."""

    area_code: AreaCode | None = Field(default=None, description="该区划及其下")
    parent_code: AreaCode | None = None
    level: AreaLevel | None = None
    name: Words | None = Field(default=None, description="名称中含有")
    unattended: bool | None = Field(default=None, description="没有责任人的区划")

    def criteria(self) -> areas.Criteria:
        """The same for the view."""
        below = area_path(self.area_code) if self.area_code else None
        return areas.Criteria(below, self.parent_code, self.level, self.name, self.unattended)


class PersonFilter(Listing):
    """Of the persons in one's scope."""

    area_code: AreaCode | None = Field(default=None, description="该区划及其下")
    enterprise_id: UUID | None = None
    name: Words | None = Field(default=None, description="姓名中含有")
    role: PostRole | None = None

    def criteria(self) -> people.Criteria:
        """The same for the view."""
        below = area_path(self.area_code) if self.area_code else None
        return people.Criteria(below, self.enterprise_id, self.name, self.role)


class NoteFilter(Listing):
    """Of what an import told about lines: rejected ones unless warnings are asked for."""

    severity: Severity = Severity.ERROR
