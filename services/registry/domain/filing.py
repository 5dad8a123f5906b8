"""Opening and amending one enterprise's file: where it may lie, whom it may not double, what a grading amounts to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from libs.common.actors import Actor
from libs.common.errors import FieldError, InvalidInput
from services.registry.domain import errors
from services.registry.domain.enterprises import Amendment, Enterprise, Grading, GradingKind, Status, value_on
from services.registry.domain.levels import RiskLevel
from services.registry.domain.permissions import may_write_at
from services.registry.domain.places import AreaLevel, KnownArea
from services.registry.domain.records import EnterpriseRecord, differences

_GRID_DIGITS = 15


@dataclass(frozen=True, slots=True)
class Node:
    """Where an enterprise lies: its community and, when known, its grid."""

    community_code: str
    grid_code: str | None


def node_for(code: str, areas: Mapping[str, KnownArea], actor: Actor) -> Node:
    """The node behind an area code. Raises UnknownArea unless it is a community or grid within the actor's scope."""
    area = areas.get(code)
    if area is None or not may_write_at(actor, area.path):
        raise _at("/areaCode", "unknown_area", "没有这个社区(村)或网格")
    if area.level is AreaLevel.GRID:
        return Node(code[:-3], code)
    if area.level is AreaLevel.COMMUNITY:
        return Node(code, None)
    raise _at("/areaCode", "too_coarse", "须为社区(村)或网格的编码")


def _at(pointer: str, code: str, message: str) -> errors.UnknownArea:
    return errors.UnknownArea(errors=[FieldError(pointer, code, message)])


def check_class(code: str | None, scheme: frozenset[str]) -> None:
    """Raises InvalidInput when the class scheme has no such class."""
    if code is not None and code not in scheme:
        raise InvalidInput(errors=[FieldError("/enterpriseClass", "unknown_class", "分类方案中没有这一类")])


def check_single(record: EnterpriseRecord, others: Sequence[Enterprise]) -> None:
    """Raises a Conflict when one of the others already is this enterprise."""
    for other in others:
        if record.credit_code and other.record.credit_code == record.credit_code:
            raise errors.DuplicateCreditCode
        unnumbered = record.credit_code is None and other.record.credit_code is None
        if unnumbered and other.record.identity == record.identity:
            raise errors.DuplicateEnterprise


def real_changes(enterprise: Enterprise, said: Mapping[str, Any]) -> dict[str, Any]:
    """Of the fields a caller sent, those that say something else than the file; null empties a field."""
    wanted = replace(enterprise.record, **dict(said))
    changes = differences(enterprise.record, wanted)
    changes |= {
        name: value for name, value in said.items() if value is None and getattr(enterprise.record, name) is not None
    }
    if wanted.name != enterprise.record.name:
        changes["name"] = wanted.name
    return changes


def graded(
    enterprise: Enterprise, grading: Grading, history: Sequence[Grading], today: date, scheme: frozenset[str]
) -> dict[str, Any]:
    """What the grading changes of the file today. Raises InvalidInput for a day to come or an unknown value.

    A grading for an earlier day enters the history and changes nothing today when a later one stands.
    """
    if grading.effective_on > today:
        raise InvalidInput(errors=[FieldError("/on", "in_the_future", "生效日期不能晚于今天")])
    if enterprise.status is Status.CLOSED:
        raise errors.ClosedEnterprise
    if grading.kind is GradingKind.CLASS:
        check_class(grading.value, scheme)
    current = value_on([*history, grading], grading.kind, today)
    value: Any = RiskLevel(current) if current and grading.kind is GradingKind.RISK else current
    return {grading.kind.value: value} if getattr(enterprise.record, grading.kind.value) != value else {}


def with_status(amendment: Amendment, status: Status) -> Amendment:
    """The amendment with the enterprise closed or open again. Raises Conflict when it already is."""
    if amendment.before.status is status:
        raise errors.ClosedEnterprise if status is Status.CLOSED else errors.OpenEnterprise
    return replace(amendment, after=replace(amendment.after, status=status))
