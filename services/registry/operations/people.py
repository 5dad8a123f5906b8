"""Persons and who of them answers for what: new persons, corrections, posts on nodes and at enterprises."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.common.actors import Actor
from libs.common.clock import SHANGHAI
from libs.common.db import Tx
from libs.common.errors import AppError, FieldError, InvalidInput, StaleVersion
from libs.common.ids import new_id
from services.registry.domain.areas import Area, Post
from services.registry.domain.enterprises import ContactPost, Enterprise, amended
from services.registry.domain.errors import AreaNotFound, EnterpriseNotFound, PersonNotFound, PostNotFound, UnknownArea
from services.registry.domain.people import ENTERPRISE_ROLES, Person, PostRole, role_fits
from services.registry.domain.permissions import may_write_at
from services.registry.store import areas, enterprises, people
from services.registry.store.writing import write_changed


@dataclass(frozen=True, slots=True)
class AddPerson:
    """A new person at a place of the tree, or of an enterprise."""

    name: str
    phone: str | None
    area_code: str | None
    enterprise_id: UUID | None
    actor: Actor


@dataclass(frozen=True, slots=True)
class CorrectPerson:
    """Another name or phone."""

    id: UUID
    version: int
    changes: dict[str, str | None]
    actor: Actor


@dataclass(frozen=True, slots=True)
class SetPost:
    """Give (`held`) or end a post; `place` is an area code or the id of an enterprise."""

    place: str | UUID
    person_id: UUID
    role: PostRole
    held: bool
    actor: Actor


@dataclass(frozen=True, slots=True)
class PersonFiled:
    person: Person
    actor: Actor
    posts: Sequence[dict[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class PostFiled:
    """The node or enterprise as it is with the post given or ended."""

    place: Area | Enterprise
    actor: Actor


async def add_persons(tx: Tx, commands: Sequence[AddPerson], now: datetime) -> list[PersonFiled | AppError]:
    """One new person a command."""
    nodes = await areas.in_force(tx, [c.area_code for c in commands if c.area_code])
    employers = await enterprises.lock(tx, [c.enterprise_id for c in commands if c.enterprise_id])
    results: list[PersonFiled | AppError] = []
    for command in commands:
        employer = employers.get(command.enterprise_id) if command.enterprise_id else None
        node = nodes.get(command.area_code) if command.area_code else None
        path = employer.area_path if employer else node.path if node else None
        if path is None or not may_write_at(command.actor, path):
            results.append(EnterpriseNotFound() if command.enterprise_id else _unknown_area())
            continue
        person = Person(new_id(), 1, command.name, command.phone, path, command.enterprise_id)
        results.append(PersonFiled(person, command.actor))
    await people.insert(tx, [result.person for result in results if isinstance(result, PersonFiled)], now)
    return results


def _unknown_area() -> UnknownArea:
    return UnknownArea(errors=[FieldError("/areaCode", "unknown_area", "没有这个区划")])


async def correct_persons(tx: Tx, commands: Sequence[CorrectPerson], now: datetime) -> list[PersonFiled | AppError]:
    """Corrections, each on the version that its caller saw."""
    current = await people.lock(tx, [command.id for command in commands])
    posts = await people.posts_of(tx, list(current))
    results: list[PersonFiled | AppError] = []
    for command in commands:
        person = current.get(command.id)
        if person is None or not may_write_at(command.actor, person.area_path):
            results.append(PersonNotFound())
        elif person.version != command.version:
            results.append(StaleVersion())
        else:
            name, phone = (command.changes.get(key, getattr(person, key)) for key in ("name", "phone"))
            current[command.id] = replace(person, version=person.version + 1, name=name, phone=phone)
            results.append(PersonFiled(current[command.id], command.actor, posts.get(command.id, ())))
    await people.update(tx, [result.person for result in results if isinstance(result, PersonFiled)], now)
    return results


async def set_posts(tx: Tx, commands: Sequence[SetPost], now: datetime) -> list[PostFiled | AppError]:
    """Posts given and ended. The places are locked before the persons, each in the order of their keys."""
    nodes = await areas.lock(tx, [c.place for c in commands if isinstance(c.place, str)])
    employers = await enterprises.lock(tx, [c.place for c in commands if isinstance(c.place, UUID)])
    persons = await people.lock(tx, [command.person_id for command in commands])
    results: list[PostFiled | AppError] = []
    for command in commands:
        try:
            if isinstance(command.place, str):
                area = await _on_node(tx, command, nodes.get(command.place), persons, now)
                nodes[command.place] = area
                results.append(PostFiled(area, command.actor))
            else:
                enterprise = await _at_enterprise(tx, command, employers.get(command.place), persons, now)
                employers[command.place] = enterprise
                results.append(PostFiled(enterprise, command.actor))
        except AppError as error:
            results.append(error)
    return results


async def _on_node(tx: Tx, command: SetPost, area: Area | None, persons: dict[UUID, Person], now: datetime) -> Area:
    if area is None or not may_write_at(command.actor, area.position.path):
        raise AreaNotFound
    _check_person(command, persons)
    if not role_fits(command.role, area.position.level):
        raise InvalidInput(errors=[FieldError("/role", "role_does_not_fit", "这一级区划没有此岗位")])
    post = Post(command.person_id, command.role)
    if (post in area.posts) == command.held:
        _must_hold(command)
        return area
    today = now.astimezone(SHANGHAI).date()
    if command.held:
        await people.give_post(tx, new_id(), command.person_id, command.role, today, area=area.id)
        posts = [*area.posts, post]
    else:
        await people.end_post(tx, command.person_id, command.role, today, area=area.id)
        posts = [held for held in area.posts if held != post]
    after = replace(area, version=area.version + 1, posts=posts)
    await areas.write_changed(tx, [after], now)
    return after


async def _at_enterprise(
    tx: Tx, command: SetPost, enterprise: Enterprise | None, persons: dict[UUID, Person], now: datetime
) -> Enterprise:
    if enterprise is None or not may_write_at(command.actor, enterprise.area_path):
        raise EnterpriseNotFound
    person = _check_person(command, persons)
    if command.role not in ENTERPRISE_ROLES or person.enterprise_id != enterprise.id:
        raise InvalidInput(errors=[FieldError("/role", "role_does_not_fit", "单位的岗位只能由本单位人员担任")])
    post = ContactPost(command.role, command.person_id)
    if (post in enterprise.contacts) == command.held:
        _must_hold(command)
        return enterprise
    today = now.astimezone(SHANGHAI).date()
    if command.held:
        await people.give_post(tx, new_id(), command.person_id, command.role, today, enterprise=enterprise.id)
    else:
        await people.end_post(tx, command.person_id, command.role, today, enterprise=enterprise.id)
    fresh = (await enterprises.lock(tx, [enterprise.id]))[enterprise.id]
    amendment = amended(fresh, {}, now, new_id)
    await write_changed(tx, [amendment], now)
    return amendment.after


def _check_person(command: SetPost, persons: dict[UUID, Person]) -> Person:
    person = persons.get(command.person_id)
    if person is None or not may_write_at(command.actor, person.area_path):
        raise InvalidInput(errors=[FieldError("/personId", "unknown_person", "没有这个人员")])
    return person


def _must_hold(command: SetPost) -> None:
    """A post given twice is given once; one that nobody holds cannot be ended."""
    if not command.held:
        raise PostNotFound
