"""An enterprise under supervision: the aggregate, and what a change of it does beyond changing a field."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from libs.common.actors import area_path
from services.registry.domain.people import ENTERPRISE_ROLES, PostRole
from services.registry.domain.records import Contact, EnterpriseRecord, Licence, merged
from services.registry.domain.text import name_key

MakeId = Callable[[], UUID]


class Status(StrEnum):
    ACTIVE = "active"
    CLOSED = "closed"


STATUS_LABELS = {Status.ACTIVE: "在册", Status.CLOSED: "已注销"}


class GradingKind(StrEnum):
    """What is decided about an enterprise from a day on; the value names the field that it fills."""

    CLASS = "enterprise_class"
    RISK = "risk_level"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class Grading:
    """A class, risk level or status from a day on. The latest day counts; of one day, the last that was recorded."""

    id: UUID
    enterprise_id: UUID
    kind: GradingKind
    value: str
    effective_on: date
    reason: str
    actor_id: str
    recorded_at: datetime


def value_on(gradings: Iterable[Grading], kind: GradingKind, day: date) -> str | None:
    """What an enterprise was graded as on that day; None before its first grading."""
    past = [grading for grading in gradings if grading.kind is kind and grading.effective_on <= day]
    return (
        max(past, key=lambda grading: (grading.effective_on, grading.recorded_at, grading.id)).value if past else None
    )


@dataclass(frozen=True, slots=True)
class ContactPost:
    """A person's open post at an enterprise."""

    role: PostRole
    person_id: UUID


@dataclass(frozen=True, slots=True)
class Enterprise:
    """The file of an enterprise at its version."""

    id: UUID
    version: int
    record: EnterpriseRecord
    created_at: datetime
    changed_at: datetime
    status: Status = Status.ACTIVE
    contacts: tuple[ContactPost, ...] = ()

    @property
    def contact_ids(self) -> list[UUID]:
        """The persons whom it names, the head before the safety officer."""
        order = {role: rank for rank, role in enumerate(ENTERPRISE_ROLES)}
        return [post.person_id for post in sorted(self.contacts, key=lambda post: order.get(post.role, len(order)))]

    @property
    def area_code(self) -> str:
        """The most precise node known: the grid, else the community."""
        return self.record.grid_code or self.record.community_code

    @property
    def area_path(self) -> str:
        """The path of that node."""
        return area_path(self.area_code)


@dataclass(frozen=True, slots=True)
class ContactChange:
    """A contact to write: a person's name or phone corrected, or a new person in the post (`ends` the former)."""

    enterprise_id: UUID
    role: PostRole
    person_id: UUID
    contact: Contact
    is_new: bool
    ends: UUID | None = None


@dataclass(frozen=True, slots=True)
class Amendment:
    """An enterprise before and after a change; `fields` are those of the record that changed."""

    before: Enterprise
    after: Enterprise
    fields: Mapping[str, Any]
    contacts: Sequence[ContactChange] = ()

    @property
    def grades(self) -> dict[GradingKind, str]:
        """The gradings that the changed fields amount to."""
        given = (GradingKind.CLASS, GradingKind.RISK)
        return {kind: str(self.fields[kind.value]) for kind in given if self.fields.get(kind.value) is not None}

    @property
    def licences(self) -> list[Licence]:
        """The licences that are new or renewed."""
        return [licence for licence in self.fields.get("licences", ()) if licence not in self.before.record.licences]


_CONTACT_FIELDS = {"head": PostRole.ENTERPRISE_HEAD, "officer": PostRole.SAFETY_OFFICER}


_NOBODY = Contact()
_FIELDS = tuple(field.name for field in fields(EnterpriseRecord))


def registered(record: EnterpriseRecord, now: datetime, make_id: MakeId) -> Amendment:
    """A new enterprise at version 1, as a change from nothing."""
    blank = Enterprise(make_id(), 0, EnterpriseRecord(record.name, record.community_code), now, now)
    said = ((name, getattr(record, name)) for name in _FIELDS)
    given = {name: value for name, value in said if value is not None and value not in ((), _NOBODY)}
    contacts = _contact_changes(blank, given, make_id)
    posts = tuple(ContactPost(change.role, change.person_id) for change in contacts)
    return Amendment(blank, Enterprise(blank.id, 1, record, now, now, contacts=posts), given, contacts)


def amended(before: Enterprise, changes: Mapping[str, Any], now: datetime, make_id: MakeId) -> Amendment:
    """The enterprise with the fields changed, one version on."""
    contacts = _contact_changes(before, changes, make_id)
    ended = {change.ends for change in contacts}
    posts = [post for post in before.contacts if post.person_id not in ended]
    posts += [ContactPost(change.role, change.person_id) for change in contacts if change.is_new]
    record = merged(before.record, dict(changes))
    after = replace(before, version=before.version + 1, record=record, contacts=tuple(posts), changed_at=now)
    return Amendment(before, after, changes, contacts)


def _contact_changes(before: Enterprise, changes: Mapping[str, Any], make_id: MakeId) -> list[ContactChange]:
    """A post whose holder's name stays keeps its person; another name is another person."""
    found = []
    for field, role in _CONTACT_FIELDS.items():
        if field not in changes:
            continue
        new: Contact = changes[field]
        old: Contact = getattr(before.record, field)
        holder = next((post.person_id for post in before.contacts if post.role is role), None)
        same = holder is not None and (old.name is None or name_key(old.name) == name_key(new.name or ""))
        if holder is not None and same:
            found.append(ContactChange(before.id, role, holder, new, is_new=False))
        elif new != Contact():
            found.append(ContactChange(before.id, role, make_id(), new, is_new=True, ends=holder))
    return found
