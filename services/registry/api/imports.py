"""Routes of imports: send a file, follow the job, read what was wrong with which line."""

import hashlib
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, File, Header, Path, Query, Request, Response, UploadFile

from libs.common.actors import Actor
from libs.common.errors import FieldError, IdempotencyKeyReused, InvalidCursor, InvalidInput
from libs.common.http import ACCEPTED, problems, respond
from libs.common.idempotency import Claim
from libs.common.models import Page, has_control_characters
from services.registry.api import rendering
from services.registry.api.deps import Administrator
from services.registry.api.schemas.filters import Listing, NoteFilter
from services.registry.api.schemas.imports import ImportOut, NoteOut
from services.registry.api.wiring import Wired, Wiring
from services.registry.domain.errors import ImportNotFound, NotAnAdministrator
from services.registry.domain.imports import ImportKind
from services.registry.store.imports import Upload
from services.registry.views import imports as views

router = APIRouter(prefix="/v1/imports", tags=["导入"])

ImportId = Annotated[UUID, Path(alias="importId", description="导入任务的标识")]
_FileField = Annotated[UploadFile, File(description="文件本身")]
SentKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,200}$",
        description="同一个键和文件只导入一次，重复提交得到同一答复；1–200 个可见字符",
    ),
]
_NAME_LIMIT = 200


async def _only_file(request: Request, file: _FileField) -> UploadFile:
    """The one thing sent: a second file, taken for imported, would be lost in silence."""
    for place, (name, _) in enumerate((await request.form()).multi_items()):
        if name != "file":
            raise InvalidInput(errors=[FieldError("", "unknown_field", "只接受字段 file")])
        if place > 0:
            raise InvalidInput(errors=[FieldError("/file", "too_long", "一次只导入一个文件")])
    return file


SentFile = Annotated[UploadFile, Depends(_only_file)]

_START = problems(NotAnAdministrator, IdempotencyKeyReused)


@router.post(
    "/enterprises",
    operation_id="importEnterprises",
    summary="导入生产经营单位台账（.xlsx，每个街道一张工作表）",
    description="答复 202 后在后台处理。街道管理员只能导入本街道的单位。文件不完整或过大时任务的状态为 refused。",
    status_code=ACCEPTED,
    response_model=ImportOut,
    responses=_START,
)
async def import_enterprises(actor: Administrator, file: SentFile, wiring: Wired, key: SentKey = None) -> Response:
    return await _start(ImportKind.ENTERPRISES, actor, file, key, wiring)


@router.post(
    "/areas",
    operation_id="importAreas",
    summary="导入区划（.csv：code,name,level,parent）",
    description="答复 202 后在后台处理。行的先后不限；同名同码的行不变，改名的行更新。",
    status_code=ACCEPTED,
    response_model=ImportOut,
    responses=_START,
)
async def import_areas(actor: Administrator, file: SentFile, wiring: Wired, key: SentKey = None) -> Response:
    return await _start(ImportKind.AREAS, actor, file, key, wiring)


async def _start(kind: ImportKind, actor: Actor, file: UploadFile, key: str | None, wiring: Wiring) -> Response:
    content = await file.read()
    name = file.filename or kind.value
    if len(name) > _NAME_LIMIT or has_control_characters(name):
        raise InvalidInput(errors=[FieldError("/file", "wrong_format", "文件名过长或含有控制字符")])
    digest = hashlib.sha256(content).hexdigest()
    claim = Claim(actor.id, key, hashlib.sha256(f"import {kind} {digest}".encode()).digest()) if key else None
    upload = Upload(kind, name, content, digest, actor.id, actor.scope.area_path)
    return respond(await wiring.queue_import.submit(upload, claim))


@router.get(
    "",
    operation_id="listImports",
    summary="导入任务，新的在前",
    response_model=Page[ImportOut],
    responses=problems(InvalidCursor, NotAnAdministrator),
)
async def list_imports(actor: Administrator, asked: Annotated[Listing, Query()], wiring: Wired) -> Response:
    async with wiring.db.transaction() as tx:
        found = await views.page(tx, actor.scope, asked.cursor, asked.limit, with_total=asked.total)
    return rendering.page([rendering.import_job(row) for row in found.items], found.next_cursor, found.total)


@router.get(
    "/{importId:uuid}",
    operation_id="getImport",
    summary="一个导入任务的进度和结果",
    response_model=ImportOut,
    responses=problems(ImportNotFound, NotAnAdministrator),
)
async def get_import(actor: Administrator, import_id: ImportId, wiring: Wired) -> Response:
    async with wiring.db.transaction() as tx:
        row = await views.one(tx, actor.scope, import_id)
    return rendering.document(rendering.import_job(row), row["version"])


@router.get(
    "/{importId:uuid}/errors",
    operation_id="listImportErrors",
    summary="被拒绝的行（severity=warning 时为已收下但须核对的行）",
    response_model=Page[NoteOut],
    responses=problems(ImportNotFound, InvalidCursor, NotAnAdministrator),
)
async def list_import_errors(
    actor: Administrator, import_id: ImportId, asked: Annotated[NoteFilter, Query()], wiring: Wired
) -> Response:
    async with wiring.db.transaction() as tx:
        found = await views.notes(
            tx, actor.scope, import_id, asked.severity, asked.cursor, asked.limit, with_total=asked.total
        )
    return rendering.page([rendering.import_note(row) for row in found.items], found.next_cursor, found.total)
