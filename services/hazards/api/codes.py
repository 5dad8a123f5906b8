"""Routes of the code tables: every code that the API speaks, with its Chinese label."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Path

from libs.common.errors import NotFound
from libs.common.http import problems
from libs.common.models import ApiModel
from libs.common.requests import CurrentActor
from services.hazards.api.wiring import Wired
from services.hazards.domain.escalation import RUNG_LABELS
from services.hazards.domain.lifecycle import CLOCK_LABELS, MOVE_LABELS, STATE_LABELS
from services.hazards.domain.vocabulary import HANDLING_LABELS, LEVEL_LABELS, SOURCE_LABELS
from services.hazards.store.rulebooks import CATEGORIES
from services.hazards.views import policies as views

router = APIRouter(prefix="/v1/code-tables", tags=["代码表"])

_FIXED: Mapping[str, Mapping[str, str]] = {
    "sources": {str(code): label for code, label in SOURCE_LABELS.items()},
    "levels": {str(code): label for code, label in LEVEL_LABELS.items()},
    "states": {str(code): label for code, label in STATE_LABELS.items()},
    "moves": {str(code): label for code, label in MOVE_LABELS.items()},
    "handlings": {str(code): label for code, label in HANDLING_LABELS.items()},
    "clocks": {str(code): label for code, label in CLOCK_LABELS.items()},
    "escalation-tiers": {str(code): label for code, label in RUNG_LABELS.items()},
}


class CodeOut(ApiModel):
    code: str
    label: str


class CodeTableOut(ApiModel):
    name: str
    items: list[CodeOut]


class CodeTablesOut(ApiModel):
    names: list[str]


@router.get("", operation_id="listCodeTables", summary="有哪些代码表", responses=problems())
async def list_code_tables(actor: CurrentActor) -> CodeTablesOut:
    return CodeTablesOut(names=sorted([CATEGORIES, *_FIXED]))


@router.get("/{name}", operation_id="getCodeTable", summary="一个代码表：代码与中文名称", responses=problems(NotFound))
async def get_code_table(
    actor: CurrentActor, name: Annotated[str, Path(description="代码表名称", examples=["categories"])], wiring: Wired
) -> CodeTableOut:
    if name in _FIXED:
        return CodeTableOut(name=name, items=[CodeOut(code=c, label=text) for c, text in _FIXED[name].items()])
    if name != CATEGORIES:
        raise NotFound("没有这个代码表")
    async with wiring.db.transaction() as tx:
        found = await views.codes(tx, name)
    return CodeTableOut(name=name, items=[CodeOut(code=code, label=label) for code, label in found])
