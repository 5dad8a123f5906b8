"""How a case begins: what a report needs, where it belongs, and the first line of its history."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.common.actors import Actor, Tier
from libs.common.errors import FieldError
from services.hazards.domain.clocks import starts
from services.hazards.domain.decide import Decision, LogEntry, role_of
from services.hazards.domain.errors import PlaceMissing, SourceNotAllowed, UnknownArea, UnknownEnterprise, WrongRole
from services.hazards.domain.events import HazardEvent
from services.hazards.domain.facts import Facts
from services.hazards.domain.finding import known_category
from services.hazards.domain.lifecycle import BIRTH, ClockKind
from services.hazards.domain.rulebook import Rulebook, Subject
from services.hazards.domain.vocabulary import Handling, Level, Source


@dataclass(frozen=True, slots=True)
class Report:
    """What someone says: at an enterprise, or at a place in an area."""

    source: Source
    description: str
    enterprise_id: UUID | None = None
    area_path: str | None = None
    place: str | None = None
    category: str | None = None
    suggested_level: Level | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """Where the report belongs, as the copy of the registry knows it."""

    area_path: str
    enterprise_id: UUID | None = None
    enterprise_name: str | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """What a new case is given: its id and its public number."""

    id: UUID
    number: str


def check_report(report: Report, enterprise: Site | None, area: Site | None, actor: Actor, rules: Rulebook) -> Site:
    """Where the report belongs. Raises what is wrong with it; `enterprise` and `area` are what the copy has of them.

    What is outside the caller's scope is refused as if it did not exist.
    """
    if role_of(BIRTH.who, actor) is None:
        raise WrongRole
    if actor.tier is Tier.ENTERPRISE and report.source is not Source.SELF_INSPECTION:
        raise SourceNotAllowed(errors=[FieldError("/source", "source_not_allowed", "企业只能上报自查隐患")])
    if report.category is not None:
        known_category(report.category, rules)
    if report.enterprise_id is not None:
        return _at_enterprise(report, enterprise, area, actor)
    if report.area_path is None or not (report.place and report.place.strip()):
        raise PlaceMissing(errors=_place_errors(report))
    if area is None or not actor.scope.covers(area.area_path, None):
        raise UnknownArea(errors=[FieldError("/areaCode", "unknown_area", "没有找到该区域")])
    return area


def open_case(report: Report, site: Site, identity: Identity, actor: Actor, now: datetime, rules: Rulebook) -> Decision:
    """The first decision on a hazard: version 1, reported, its verification clock running."""
    subject = Subject(site.area_path, report.suggested_level, report.category)
    verify_by = rules.deadline(ClockKind.VERIFICATION, subject, now, now)
    facts = Facts(
        id=identity.id,
        number=identity.number,
        version=1,
        state=BIRTH.target,
        level=None,
        suggested_level=report.suggested_level,
        category=report.category,
        source=report.source,
        description=report.description,
        place=report.place,
        area_path=site.area_path,
        enterprise_id=site.enterprise_id,
        enterprise_name=site.enterprise_name,
        handling=Handling.PRE_HANDLED,
        round=0,
        due_at=None,
        due_provisional=False,
        overdue_since=None,
        missed_deadlines=0,
        act_by=verify_by.at if verify_by else None,
        act_overdue_since=None,
        escalation_rung=0,
        escalation_tier=None,
        ladder=None,
        basis=None,
        order_terms=None,
        submitted_by=None,
        submitted_at=None,
        reported_by=actor.id,
        reported_at=now,
        closed_at=None,
        changed_at=now,
    )
    return Decision(
        facts=facts,
        entry=_first_entry(facts, actor, now),
        event=HazardEvent(BIRTH.announces, facts, now),
        stops=BIRTH.stops,
        starts=starts(BIRTH, facts, now),
    )


def _at_enterprise(report: Report, enterprise: Site | None, area: Site | None, actor: Actor) -> Site:
    if enterprise is None or not actor.scope.covers(enterprise.area_path, enterprise.enterprise_id):
        raise UnknownEnterprise(errors=[FieldError("/enterpriseId", "unknown_enterprise", "没有找到该企业")])
    if report.area_path is None:
        return enterprise
    if area is None or not _same_branch(area.area_path, enterprise.area_path):
        raise UnknownArea("该企业不在所填区域", [FieldError("/areaCode", "unknown_area", "该企业不在所填区域")])
    return enterprise


def _same_branch(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _place_errors(report: Report) -> list[FieldError]:
    errors = []
    if report.area_path is None:
        errors.append(FieldError("/areaCode", "area_code_missing", "未填写企业时须填写区域"))
    if not (report.place and report.place.strip()):
        errors.append(FieldError("/place", "place_missing", "未填写企业时须填写地点"))
    return errors


def _first_entry(facts: Facts, actor: Actor, now: datetime) -> LogEntry:
    details: dict[str, Any] = {"source": facts.source.value}
    if facts.suggested_level is not None:
        details["suggestedLevel"] = facts.suggested_level.value
    role = role_of(BIRTH.who, actor)
    if role is None:
        raise WrongRole
    return LogEntry(
        hazard_id=facts.id,
        version=facts.version,
        at=now,
        move=BIRTH.move,
        source=None,
        target=facts.state,
        actor_id=actor.id,
        actor_name=actor.name,
        tier=actor.tier.value,
        role=role,
        round=facts.round,
        reason=None,
        details=details,
    )
