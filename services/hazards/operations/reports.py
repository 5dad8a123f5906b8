"""Reporting: a batch of reports becomes hazards with numbers, clocks and announcements."""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.common.actors import Actor
from libs.common.clock import SHANGHAI
from libs.common.db import Tx
from libs.common.errors import AppError
from libs.common.ids import new_id
from services.hazards.domain.numbers import Series
from services.hazards.domain.reporting import Identity, Report, Site, check_report, open_case
from services.hazards.domain.rulebook import Rulebook
from services.hazards.operations.outcome import Outcome
from services.hazards.store import copies, numbering
from services.hazards.store.rulebooks import Rulebooks, epoch
from services.hazards.store.writing import write_new


@dataclass(frozen=True, slots=True)
class ReportCommand:
    report: Report
    actor: Actor


class Reporting:
    """The operation `report`."""

    def __init__(self, rulebooks: Rulebooks) -> None:
        self._rulebooks = rulebooks

    async def perform(self, tx: Tx, commands: Sequence[ReportCommand], now: datetime) -> Sequence[Outcome | AppError]:
        """One new hazard a command, or what is wrong with it."""
        rules, sites = await self._look_up(tx, commands, now)
        numbers = await _numbers(tx, sites, now)
        results: list[Outcome | AppError] = []
        decisions = []
        for command, site in zip(commands, sites, strict=True):
            if isinstance(site, AppError):
                results.append(site)
                continue
            identity = Identity(new_id(), numbers[Series.at(site.area_path, now)].popleft())
            decision = open_case(command.report, site, identity, command.actor, now, rules)
            decisions.append(decision)
            results.append(Outcome(decision.facts, command.actor))
        await write_new(tx, decisions, now)
        return results

    async def _look_up(
        self, tx: Tx, commands: Sequence[ReportCommand], now: datetime
    ) -> tuple[Rulebook, list[Site | AppError]]:
        """The rules, and where each report belongs or why it is refused: one look for the batch."""
        in_force = epoch()
        enterprises = copies.enterprise_sites({c.report.enterprise_id for c in commands if c.report.enterprise_id})
        areas = copies.area_sites(
            {c.report.area_path for c in commands if c.report.area_path is not None}, now.astimezone(SHANGHAI).date()
        )
        await tx.ask(in_force, enterprises, areas)
        rules = await self._rulebooks.at(tx, in_force.answer)
        return rules, [_site(command, enterprises.answer, areas.answer, rules) for command in commands]


def _site(
    command: ReportCommand, enterprises: Mapping[UUID, Site], areas: Mapping[str, Site], rules: Rulebook
) -> Site | AppError:
    report = command.report
    enterprise = enterprises.get(report.enterprise_id) if report.enterprise_id else None
    area = areas.get(report.area_path) if report.area_path is not None else None
    try:
        return check_report(report, enterprise, area, command.actor, rules)
    except AppError as error:
        return error


async def _numbers(tx: Tx, sites: Sequence[Site | AppError], now: datetime) -> dict[Series, deque[str]]:
    wanted = Counter(Series.at(site.area_path, now) for site in sites if isinstance(site, Site))
    return {series: deque(await numbering.take(tx, series, count)) for series, count in sorted(wanted.items())}
