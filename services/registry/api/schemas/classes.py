"""Class schemes as callers send and receive them."""

from datetime import date
from typing import Annotated

from pydantic import ConfigDict, Field

from libs.common.models import ApiModel, AreaCode, Day, Line
from services.registry.api.schemas.enterprises import ClassCode


class ClassBody(ApiModel):
    """One class; `rank` 1 is the one that asks for least attention."""

    code: ClassCode
    label: Line
    meaning: Line
    rank: Annotated[int, Field(strict=True, ge=1, le=100)]


class ClassSchemeIn(ApiModel):
    """All classes of a place from a day on; the scheme that held there ends on that day."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "areaCode": "410503001000",
                    "effectiveFrom": "2027-01-01",
                    "basis": "区安委办通知",
                    "classes": [
                        {"code": "1", "label": "一级", "meaning": "风险低", "rank": 1},
                        {"code": "2", "label": "二级", "meaning": "风险高", "rank": 2},
                    ],
                }
            ]
        }
    )

    area_code: AreaCode
    effective_from: Day
    basis: Line
    classes: Annotated[list[ClassBody], Field(min_length=1, max_length=20)]


class ClassSchemeOut(ApiModel):
    """The scheme that holds: its place (null: everywhere), its first day, its classes by rank."""

    area_code: str | None
    effective_from: date
    basis: str
    classes: list[ClassBody]
