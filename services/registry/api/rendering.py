"""From aggregates to the bytes of an answer; the place where phones are masked."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from fastapi import Response

from libs.common.actors import Actor, area_code
from libs.common.db import Record
from libs.common.errors import Kind
from libs.common.http import ACCEPTED, CREATED, OK, STATUS
from libs.common.idempotency import Answer
from libs.common.models import rfc3339
from libs.common.requests import etag
from services.registry.domain.areas import Area
from services.registry.domain.classes import ClassScheme
from services.registry.domain.enterprises import STATUS_LABELS, Enterprise, Grading
from services.registry.domain.levels import RISK_LABELS
from services.registry.domain.people import ROLE_LABELS, Person, PostRole, masked, may_read_phones
from services.registry.domain.places import LEVEL_LABELS
from services.registry.domain.records import Contact
from services.registry.operations.areas import AreaFiled
from services.registry.operations.commands import Filed
from services.registry.operations.people import PersonFiled, PostFiled


def enterprise(one: Enterprise, *, phones: bool) -> dict[str, Any]:
    """The enterprise as `EnterpriseOut` promises it; `phones` in full or masked."""
    record = one.record
    return {
        "id": str(one.id),
        "version": one.version,
        "name": record.name,
        "creditCode": record.credit_code,
        "areaCode": one.area_code,
        "communityCode": record.community_code,
        "gridCode": record.grid_code,
        "industryCode": record.industry_code,
        "venueType": record.venue_type,
        "address": record.address,
        "headcount": record.headcount,
        "headcountText": record.headcount_text,
        "head": _contact(record.head, phones),
        "officer": _contact(record.officer, phones),
        "contactPersonIds": [str(id) for id in one.contact_ids],
        "riskLevel": record.risk_level,
        "riskLevelLabel": RISK_LABELS[record.risk_level] if record.risk_level else None,
        "enterpriseClass": record.enterprise_class,
        "longitude": record.longitude,
        "latitude": record.latitude,
        "coordinateSystem": "unknown",
        "licences": [
            {
                "name": licence.name,
                "number": licence.number,
                "validUntil": licence.valid_until.isoformat() if licence.valid_until else None,
            }
            for licence in record.licences
        ],
        "remark": record.remark,
        "status": one.status,
        "statusLabel": STATUS_LABELS[one.status],
        "createdAt": rfc3339(one.created_at),
        "changedAt": rfc3339(one.changed_at),
    }


def _contact(contact: Contact, phones: bool) -> dict[str, str | None]:
    return {"name": contact.name, "phone": contact.phone if phones else masked(contact.phone)}


def history(gradings: Iterable[Grading]) -> list[dict[str, Any]]:
    """Decisions on class, risk level and status as `GradingOut` promises them."""
    return [
        {
            "kind": grading.kind,
            "value": grading.value,
            "effectiveOn": grading.effective_on.isoformat(),
            "reason": grading.reason,
            "actorId": grading.actor_id,
            "recordedAt": rfc3339(grading.recorded_at),
        }
        for grading in gradings
    ]


def area(one: Area) -> dict[str, Any]:
    """The node as `AreaOut` promises it."""
    return {
        "id": str(one.id),
        "version": one.version,
        "code": one.position.code,
        "name": one.name,
        "level": one.position.level,
        "levelLabel": LEVEL_LABELS[one.position.level],
        "parentCode": one.position.parent_code,
        "validFrom": one.valid_from.isoformat(),
        "validTo": one.valid_to.isoformat() if one.valid_to else None,
        "posts": [{"personId": str(post.person_id), "role": post.role} for post in one.posts],
    }


def person(one: Person, posts: Sequence[dict[str, Any]], *, phones: bool) -> dict[str, Any]:
    """The person as `PersonOut` promises it; the phone in full or masked."""
    return {
        "id": str(one.id),
        "version": one.version,
        "name": one.name,
        "phone": one.phone if phones else masked(one.phone),
        "areaCode": area_code(one.area_path),
        "enterpriseId": str(one.enterprise_id) if one.enterprise_id else None,
        "posts": [{**post, "roleLabel": ROLE_LABELS[PostRole(post["role"])]} for post in posts],
    }


_JOB_TIMES = {"createdAt": "created_at", "startedAt": "started_at", "finishedAt": "finished_at"}


def class_scheme(scheme: ClassScheme) -> dict[str, Any]:
    """The scheme as `ClassSchemeOut` promises it."""
    return {
        "areaCode": area_code(scheme.area_path) if scheme.area_path else None,
        "effectiveFrom": scheme.effective_from.isoformat(),
        "basis": scheme.basis,
        "classes": [
            {"code": one.code, "label": one.label, "meaning": one.meaning, "rank": one.rank} for one in scheme.classes
        ],
    }


def scheme_set(scheme: ClassScheme) -> Answer:
    """A scheme that was put in place."""
    return Answer(CREATED, to_bytes(class_scheme(scheme)))


def import_job(row: Record) -> dict[str, Any]:
    """The import as `ImportOut` promises it."""
    same = ("version", "kind", "state", "rows", "created", "updated", "unchanged", "rejected", "warnings", "progress")
    problem = row["problem"]
    return {
        "id": str(row["id"]),
        **{name: row[name] for name in same},
        "fileName": row["file_name"],
        "fileBytes": row["file_bytes"],
        "problem": problem
        and {
            "type": f"/problems/{problem['code']}",
            "status": STATUS[Kind.INVALID],
            "errors": [],
            "traceId": "",
            **problem,
        },
        **{name: rfc3339(row[column]) if row[column] else None for name, column in _JOB_TIMES.items()},
    }


def import_note(row: Record) -> dict[str, Any]:
    """What was told about a line as `NoteOut` promises it."""
    return {name: row[name] for name in ("sheet", "row", "column", "code", "message", "severity")}


def page(items: list[dict[str, Any]], next_cursor: str | None, total: int | None) -> Response:
    """One page of a list."""
    return document({"items": items, "nextCursor": next_cursor, "total": total})


def document(content: dict[str, Any], version: int | None = None) -> Response:
    """A document, with its ETag when it has a version."""
    headers = {"ETag": etag(version)} if version is not None else {}
    return Response(to_bytes(content), status_code=OK, headers=headers, media_type="application/json")


def to_bytes(content: dict[str, Any]) -> bytes:
    """The JSON text of an answer."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def enterprise_created(filed: Filed) -> Answer:
    """A new file: 201, where it is, and its ETag."""
    headers = {"Location": f"/v1/enterprises/{filed.enterprise.id}", "ETag": etag(filed.enterprise.version)}
    return Answer(CREATED, to_bytes(_filed(filed.enterprise, filed.actor)), headers)


def enterprise_changed(filed: Filed) -> Answer:
    """The file after a change, and its ETag."""
    return Answer(OK, to_bytes(_filed(filed.enterprise, filed.actor)), {"ETag": etag(filed.enterprise.version)})


def _filed(one: Enterprise, actor: Actor) -> dict[str, Any]:
    return enterprise(one, phones=may_read_phones(actor))


def area_created(filed: AreaFiled) -> Answer:
    """A new node: 201, where it is, and its ETag."""
    code, version = filed.area.position.code, filed.area.version
    return Answer(CREATED, to_bytes(area(filed.area)), {"Location": f"/v1/areas/{code}", "ETag": etag(version)})


def area_changed(filed: AreaFiled) -> Answer:
    """The node after a change, and its ETag."""
    return Answer(OK, to_bytes(area(filed.area)), {"ETag": etag(filed.area.version)})


def person_created(filed: PersonFiled) -> Answer:
    """A new person: 201, where, and the ETag."""
    headers = {"Location": f"/v1/persons/{filed.person.id}", "ETag": etag(filed.person.version)}
    return Answer(CREATED, to_bytes(person(filed.person, (), phones=True)), headers)


def person_changed(filed: PersonFiled) -> Answer:
    """The person after a correction, and the ETag."""
    return Answer(OK, to_bytes(person(filed.person, filed.posts, phones=True)), {"ETag": etag(filed.person.version)})


def post_set(filed: PostFiled) -> Answer:
    """The node or the enterprise with the post given or ended, and its ETag."""
    place = filed.place
    content = area(place) if isinstance(place, Area) else _filed(place, filed.actor)
    return Answer(OK, to_bytes(content), {"ETag": etag(place.version)})


def import_queued(row: Record) -> Answer:
    """A job that waits: 202 and where to look."""
    headers = {"Location": f"/v1/imports/{row['id']}", "ETag": etag(row["version"])}
    return Answer(ACCEPTED, to_bytes(import_job(row)), headers)
