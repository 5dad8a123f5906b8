"""The ledger of an area, as a file that offices can go on with."""

import asyncio
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Response

from libs.common.clock import SHANGHAI
from libs.common.http import OK, problems
from libs.common.models import AreaCode
from services.registry.api.deps import Administrator
from services.registry.api.wiring import Wired
from services.registry.domain import errors
from services.registry.domain.ledger.layout import lay_out
from services.registry.files.xlsx import write_workbook
from services.registry.views import areas, exports

router = APIRouter(prefix="/v1/areas", tags=["导出"])

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@router.get(
    "/{areaCode}/ledger",
    operation_id="exportLedger",
    summary="导出该区划及其下的单位台账（.xlsx，每个街道一张工作表，可原样导入）",
    response_class=Response,
    responses={
        OK: {"content": {XLSX: {"schema": {"type": "string", "format": "binary"}}}, "description": "工作簿"},
        **problems(errors.NotAnAdministrator, errors.AreaNotFound, errors.TooManyRows),
    },
)
async def export_ledger(
    actor: Administrator,
    code: Annotated[AreaCode, Path(alias="areaCode", description="12位区划编码或15位网格编码")],
    wiring: Wired,
) -> Response:
    async with wiring.db.transaction() as tx:
        area = await areas.one(tx, actor.scope, code)
        found = await exports.enterprises(tx, actor.scope, area.position.path)
        names = await exports.names(tx, found)
    today = wiring.clock.now().astimezone(SHANGHAI).date()
    content = await asyncio.to_thread(lambda: write_workbook(lay_out(found, names, today)))
    name = quote(f"{area.name}单位台账{today:%Y%m%d}.xlsx")
    headers = {"Content-Disposition": f"attachment; filename=ledger.xlsx; filename*=UTF-8''{name}"}
    return Response(content, media_type=XLSX, headers=headers)
