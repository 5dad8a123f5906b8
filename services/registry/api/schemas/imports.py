"""Imports as callers receive them."""

from uuid import UUID

from libs.common.models import ApiModel, LocalTime, Problem
from services.registry.domain.imports import ImportKind, ImportState, Severity


class ImportOut(ApiModel):
    """An import. `rows` = created + updated + unchanged + rejected once it is done; `progress` in per cent.

    `refused`: the file as a whole was not accepted, nothing of it was written, `problem` says why.
    """

    id: UUID
    version: int
    kind: ImportKind
    state: ImportState
    file_name: str
    file_bytes: int
    rows: int
    created: int
    updated: int
    unchanged: int
    rejected: int
    warnings: int
    progress: int
    problem: Problem | None
    created_at: LocalTime
    started_at: LocalTime | None
    finished_at: LocalTime | None


class NoteOut(ApiModel):
    """What an import told about one line: `row` as the spreadsheet shows it, `column` the header's own text."""

    sheet: str
    row: int
    column: str
    code: str
    message: str
    severity: Severity
