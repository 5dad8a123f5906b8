"""The enterprises in store: reading them as aggregates, locking them in id order, writing many at once."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from libs.common.db import Record, Tx
from libs.common.ids import in_order
from services.registry.domain.enterprises import ContactPost, Enterprise, Status
from services.registry.domain.levels import RiskLevel
from services.registry.domain.people import PostRole
from services.registry.domain.records import Contact, EnterpriseRecord, Licence
from services.registry.domain.text import name_key

STATE = """
SELECT e.*, l.licences, c.contacts
FROM enterprises e
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_array(name, number, valid_until) ORDER BY id) AS licences
    FROM licences WHERE enterprise_id = e.id
) l ON true
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_array(o.role, p.id, p.name, p.phone) ORDER BY o.id) AS contacts
    FROM posts o JOIN persons p ON p.id = o.person_id
    WHERE o.enterprise_id = e.id AND o.valid_to IS NULL
) c ON true
"""
_LOCK = "SELECT id FROM enterprises WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE"
_KNOWN = """
SELECT id FROM enterprises
WHERE credit_code = ANY($1::text[])
   OR (community_code, name_key) IN (SELECT * FROM unnest($2::text[], $3::text[]))
ORDER BY id
"""
_COLUMNS: Sequence[tuple[str, str]] = (
    ("id", "uuid"),
    ("version", "int"),
    ("name", "text"),
    ("name_key", "text"),
    ("credit_code", "text"),
    ("community_code", "text"),
    ("grid_code", "text"),
    ("area_path", "text"),
    ("industry_code", "text"),
    ("venue_type", "text"),
    ("address", "text"),
    ("headcount", "int"),
    ("headcount_text", "text"),
    ("risk_level", "text"),
    ("enterprise_class", "text"),
    ("longitude", "float8"),
    ("latitude", "float8"),
    ("remark", "text"),
    ("status", "text"),
    ("changed_at", "timestamptz"),
    ("created_at", "timestamptz"),
)
_CHUNK = 500
_NAMES = ", ".join(name for name, _ in _COLUMNS)
_ARRAYS = ", ".join(f"${nr}::{kind}[]" for nr, (_, kind) in enumerate(_COLUMNS, start=1))
_UPDATE = (
    f"UPDATE enterprises e SET {', '.join(f'{name} = t.{name}' for name, _ in _COLUMNS[1:])} "
    f"FROM unnest({_ARRAYS}) AS t({_NAMES}) WHERE e.id = t.id"
)


async def lock(tx: Tx, ids: Iterable[UUID]) -> dict[UUID, Enterprise]:
    """The enterprises with these ids, locked in id order; those that do not exist are left out."""
    rows = await tx.fetch(_LOCK, in_order(ids))
    return {enterprise.id: enterprise for enterprise in await _read(tx, [row["id"] for row in rows])}


async def find_known(tx: Tx, records: Iterable[EnterpriseRecord], *, locked: bool = False) -> list[Enterprise]:
    """The enterprises that bear the code of one of the records, or its name in its community.

    Locked in id order when asked; otherwise hold the register, so that none appears meanwhile.
    """
    said = list(records)
    codes = sorted({record.credit_code for record in said if record.credit_code})
    identities = sorted({record.identity for record in said})
    places, keys = [place for place, _ in identities], [key for _, key in identities]
    rows = await tx.fetch(f"{_KNOWN} FOR UPDATE" if locked else _KNOWN, codes, places, keys)
    return await _read(tx, [row["id"] for row in rows])


async def _read(tx: Tx, ids: Sequence[UUID]) -> list[Enterprise]:
    """A chunk at a time, so that a whole district does not hold up the event loop."""
    found: list[Enterprise] = []
    for start in range(0, len(ids), _CHUNK):
        chunk = ids[start : start + _CHUNK]
        rows = await tx.fetch(f"{STATE} WHERE e.id = ANY($1::uuid[]) ORDER BY e.id", chunk)
        found += [to_enterprise(row) for row in rows]
    return found


def to_enterprise(row: Record) -> Enterprise:
    """A row of the statement `STATE` as the aggregate."""
    contacts = [
        (PostRole(role), UUID(person), Contact(name, phone)) for role, person, name, phone in row["contacts"] or ()
    ]
    level = row["risk_level"]
    record = EnterpriseRecord(
        name=row["name"],
        community_code=row["community_code"],
        credit_code=row["credit_code"],
        grid_code=row["grid_code"],
        industry_code=row["industry_code"],
        venue_type=row["venue_type"],
        address=row["address"],
        headcount=row["headcount"],
        headcount_text=row["headcount_text"],
        head=_first(contacts, PostRole.ENTERPRISE_HEAD),
        officer=_first(contacts, PostRole.SAFETY_OFFICER),
        risk_level=RiskLevel(level) if level else None,
        enterprise_class=row["enterprise_class"],
        longitude=row["longitude"],
        latitude=row["latitude"],
        licences=tuple(_licence(*parts) for parts in row["licences"] or ()),
        remark=row["remark"],
    )
    posts = tuple(ContactPost(role, person) for role, person, _ in contacts)
    status = Status(row["status"])
    return Enterprise(row["id"], row["version"], record, row["created_at"], row["changed_at"], status, posts)


def _first(contacts: Sequence[tuple[PostRole, UUID, Contact]], role: PostRole) -> Contact:
    return next((contact for held, _, contact in contacts if held is role), Contact())


def _licence(name: str, number: str, valid_until: str | None) -> Licence:
    return Licence(name, number or None, date.fromisoformat(valid_until) if valid_until else None)


def rows_of(enterprises: Sequence[Enterprise]) -> list[tuple[Any, ...]]:
    """Enterprises as `insert` takes them."""
    return [tuple(_row(enterprise).values()) for enterprise in enterprises]


async def insert(tx: Tx, rows: Sequence[tuple[Any, ...]]) -> None:
    """Writes new enterprises."""
    await tx.copy("enterprises", [name for name, _ in _COLUMNS], rows)


async def update(tx: Tx, enterprises: Sequence[Enterprise]) -> None:
    """Writes enterprises as they are now; they are locked."""
    await tx.execute(_UPDATE, *_arrays(enterprises))


def _arrays(enterprises: Sequence[Enterprise]) -> list[list[Any]]:
    rows = [_row(enterprise) for enterprise in enterprises]
    return [[row[name] for row in rows] for name, _ in _COLUMNS]


def _row(enterprise: Enterprise) -> dict[str, Any]:
    """The values of `_COLUMNS`, in that order."""
    record = enterprise.record
    return {
        "id": enterprise.id,
        "version": enterprise.version,
        "name": record.name,
        "name_key": name_key(record.name),
        "credit_code": record.credit_code,
        "community_code": record.community_code,
        "grid_code": record.grid_code,
        "area_path": enterprise.area_path,
        "industry_code": record.industry_code,
        "venue_type": record.venue_type,
        "address": record.address,
        "headcount": record.headcount,
        "headcount_text": record.headcount_text,
        "risk_level": record.risk_level,
        "enterprise_class": record.enterprise_class,
        "longitude": record.longitude,
        "latitude": record.latitude,
        "remark": record.remark,
        "status": enterprise.status,
        "changed_at": enterprise.changed_at,
        "created_at": enterprise.created_at,
    }
