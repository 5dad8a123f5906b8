"""Import jobs in store: queued with their file, claimed under a lease, ended with their counts and notes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from libs.common.db import Record, Tx, to_json
from libs.common.failpoints import failpoint
from libs.common.ids import new_id
from services.registry.domain.imports import ImportKind, ImportState, Note, Outcome, Severity

LEASE = timedelta(seconds=5)
MAX_ATTEMPTS = 10  # a worker may be killed often; a file that kills it each time must not for ever

_QUEUE = """
INSERT INTO imports (id, version, kind, state, file_name, file_bytes, sha256, actor_id, area_path,
                     rows, created, updated, unchanged, rejected, warnings, progress, attempts, created_at)
VALUES ($1, 1, $2, 'queued', $3, $4, $5, $6, $7, 0, 0, 0, 0, 0, 0, 0, 0, $8)
RETURNING *
"""
_CLAIM = """
WITH oldest AS (SELECT id FROM imports WHERE state IN ('queued', 'running') ORDER BY id LIMIT 1)
UPDATE imports i SET state = 'running', lease = $2, lease_until = $3, attempts = attempts + 1, version = version + 1,
                     started_at = coalesce(started_at, $1), progress = 0
FROM oldest
WHERE i.id = oldest.id AND (i.state = 'queued' OR (i.state = 'running' AND i.lease_until <= $1))
RETURNING i.*
"""
_RENEW = """
UPDATE imports SET lease_until = $3, progress = greatest(progress, $4), rows = greatest(rows, $5)
WHERE id = $1 AND lease = $2 AND state = 'running'
RETURNING id
"""
_FINISH = """
UPDATE imports SET state = $3, version = version + 1, rows = $4, created = $5, updated = $6, unchanged = $7,
                   rejected = $8, warnings = $9, problem = $10, progress = 100, lease = NULL, lease_until = NULL,
                   finished_at = $11
WHERE id = $1 AND lease = $2
"""
_NOTES = """
INSERT INTO import_notes (import_id, severity, nr, sheet, "row", "column", code, message)
SELECT $1, * FROM unnest($2::text[], $3::int[], $4::text[], $5::int[], $6::text[], $7::text[], $8::text[])
"""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that someone with that scope wants imported."""

    kind: ImportKind
    file_name: str
    content: bytes
    sha256: str
    actor_id: str
    area_path: str


@dataclass(frozen=True, slots=True)
class Job:
    """An import that this worker holds. `lease` proves it: whoever claims the job later has another."""

    id: UUID
    kind: ImportKind
    lease: UUID
    attempts: int
    file_name: str
    actor_id: str
    area_path: str
    content: bytes


async def queue(tx: Tx, upload: Upload, now: datetime) -> Record:
    """Writes the job and its file; the row of the job."""
    row = await tx.fetchrow(
        _QUEUE,
        new_id(),
        upload.kind,
        upload.file_name,
        len(upload.content),
        upload.sha256,
        upload.actor_id,
        upload.area_path,
        now,
    )
    assert row is not None
    failpoint("importer.queueing")
    await tx.execute("INSERT INTO import_files (import_id, content) VALUES ($1, $2)", row["id"], upload.content)
    return row


async def claim(tx: Tx, now: datetime) -> Job | None:
    """The oldest unfinished job, now held by the caller for a lease; None when another holds it or none is left.

    Jobs are done one after the other in the order of their arrival: a ledger that was sent after the areas finds them.
    """
    row = await tx.fetchrow(_CLAIM, now, new_id(), now + LEASE)
    if row is None:
        return None
    content: bytes = await tx.fetchval("SELECT content FROM import_files WHERE import_id = $1", row["id"])
    return Job(
        row["id"],
        ImportKind(row["kind"]),
        row["lease"],
        row["attempts"],
        row["file_name"],
        row["actor_id"],
        row["area_path"],
        content,
    )


async def renew(tx: Tx, job: Job, now: datetime, progress: int = 0, rows: int = 0) -> bool:
    """Holds the job for another lease and shows how far it is. False when another worker has it."""
    return await tx.fetchval(_RENEW, job.id, job.lease, now + LEASE, progress, rows) is not None


async def release(tx: Tx, job: Job, now: datetime) -> None:
    """Lets go of a job that could not be carried out now; whoever comes next tries again."""
    await tx.execute("UPDATE imports SET lease_until = $3 WHERE id = $1 AND lease = $2", job.id, job.lease, now)


async def holds(tx: Tx, job: Job) -> bool:
    """Whether the job is still the caller's; if so its row is locked until the transaction ends."""
    sql = "SELECT id FROM imports WHERE id = $1 AND lease = $2 AND state = 'running' FOR UPDATE"
    return await tx.fetchval(sql, job.id, job.lease) is not None


async def finish(
    tx: Tx, job: Job, counts: Mapping[Outcome, int], notes: Sequence[Note], now: datetime, *, rows: int
) -> None:
    """Ends a job that was carried out: counts, what is to be told about lines, and no file any more."""
    await _write_notes(tx, job.id, notes)
    warnings = sum(note.severity is Severity.WARNING for note in notes)
    await _end(tx, job, ImportState.DONE, rows, counts, warnings, None, now)


async def refuse(tx: Tx, job: Job, problem: Mapping[str, Any], now: datetime) -> None:
    """Ends a job whose file was refused as a whole."""
    await _end(tx, job, ImportState.REFUSED, 0, dict.fromkeys(Outcome, 0), 0, problem, now)


async def _end(
    tx: Tx,
    job: Job,
    state: ImportState,
    rows: int,
    counts: Mapping[Outcome, int],
    warnings: int,
    problem: Mapping[str, Any] | None,
    now: datetime,
) -> None:
    await tx.execute(
        _FINISH,
        job.id,
        job.lease,
        state,
        rows,
        counts[Outcome.CREATED],
        counts[Outcome.UPDATED],
        counts[Outcome.UNCHANGED],
        counts[Outcome.REJECTED],
        warnings,
        None if problem is None else to_json(problem),
        now,
    )
    await tx.execute("DELETE FROM import_files WHERE import_id = $1", job.id)


async def _write_notes(tx: Tx, import_id: UUID, notes: Sequence[Note]) -> None:
    for severity in Severity:
        told = [note for note in notes if note.severity is severity]
        if told:
            await tx.execute(
                _NOTES,
                import_id,
                [severity.value] * len(told),
                list(range(1, len(told) + 1)),
                [note.spot.sheet for note in told],
                [note.spot.row for note in told],
                [note.column for note in told],
                [note.code.value for note in told],
                [note.message for note in told],
            )
