"""Adding policy rows: administrators of a street or the district, for places within their scope."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.common.actors import Actor, Role, Tier
from libs.common.clock import SHANGHAI
from libs.common.db import Tx
from libs.common.errors import AppError, FieldError
from services.hazards.domain.errors import UnknownArea, UnknownCategory, WrongRole
from services.hazards.domain.rules import AnyRule, DeadlineRule
from services.hazards.store import policies
from services.hazards.store.copies import area_sites as areas_in_force

_ADMINISTRATORS = frozenset({Tier.DISTRICT, Tier.STREET})


@dataclass(frozen=True, slots=True)
class PolicyCommand:
    rule: AnyRule
    actor: Actor


async def add_policies(tx: Tx, commands: Sequence[PolicyCommand], now: datetime) -> Sequence[AnyRule | AppError]:
    """Writes the rows that are allowed. The newest row of the most specific place wins; running cases keep theirs."""
    results: list[AnyRule | AppError] = []
    for command in commands:
        try:
            await _check(tx, command, now)
        except AppError as error:
            results.append(error)
            continue
        results.append(command.rule)
    await policies.add(tx, [rule for rule in results if not isinstance(rule, AppError)])
    return results


async def _check(tx: Tx, command: PolicyCommand, now: datetime) -> None:
    actor, rule = command.actor, command.rule
    if not actor.has(Role.ADMINISTRATOR) or actor.tier not in _ADMINISTRATORS:
        raise WrongRole
    known = areas_in_force([rule.area_path], now.astimezone(SHANGHAI).date())
    await tx.ask(known)
    if not actor.scope.covers(rule.area_path, None) or rule.area_path not in known.answer:
        raise UnknownArea(errors=[FieldError("/areaCode", "unknown_area", "没有找到该区域")])
    if (
        isinstance(rule, DeadlineRule)
        and rule.category is not None
        and not await policies.is_category(tx, rule.category)
    ):
        raise UnknownCategory(errors=[FieldError("/category", "unknown_category", "没有这个隐患类别")])
