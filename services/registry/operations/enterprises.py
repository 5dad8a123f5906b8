"""Opening and changing the files of enterprises: batches of commands, decided one by one, written together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import assert_never
from uuid import UUID

from libs.common.clock import SHANGHAI
from libs.common.db import Tx
from libs.common.errors import AppError, StaleVersion
from libs.common.ids import new_id
from services.registry.domain import filing
from services.registry.domain.classes import Schemes, codes_at
from services.registry.domain.enterprises import Amendment, Enterprise, Grading, GradingKind, amended, registered
from services.registry.domain.errors import EnterpriseNotFound
from services.registry.domain.permissions import may_write_at
from services.registry.domain.places import KnownArea
from services.registry.domain.records import EnterpriseRecord
from services.registry.operations.commands import Amend, Change, Filed, Grade, Register, SetStatus
from services.registry.operations.gate import hold_register
from services.registry.store import areas, classes, enterprises, gradings
from services.registry.store.writing import Reason, registrations, write_changed, write_registered


async def register(tx: Tx, commands: Sequence[Register], now: datetime) -> list[Filed | AppError]:
    """One new enterprise a command, or what is wrong with it."""
    await hold_register(tx)
    known_areas = await areas.in_force(tx, (command.area_code for command in commands))
    standing = await enterprises.find_known(tx, _placed(commands, known_areas))
    schemes = await classes.schemes_in_force(tx, _today(now))
    results: list[Filed | AppError] = []
    made: list[tuple[Amendment, Reason]] = []
    for command in commands:
        try:
            node = filing.node_for(command.area_code, known_areas, command.actor)
            record = replace(command.record, community_code=node.community_code, grid_code=node.grid_code)
            filing.check_class(record.enterprise_class, codes_at(schemes, known_areas[command.area_code].path))
            filing.check_single(record, standing)
        except AppError as error:
            results.append(error)
            continue
        amendment = registered(record, now, new_id)
        standing.append(amendment.after)
        made.append((amendment, Reason(command.actor.id, "建档")))
        results.append(Filed(amendment.after, command.actor))
    for reason in dict.fromkeys(reason for _, reason in made):
        mine = [amendment for amendment, why in made if why == reason]
        await write_registered(tx, registrations(mine, reason, now), now)
    return results


def _placed(commands: Sequence[Register], known: Mapping[str, KnownArea]) -> Iterator[EnterpriseRecord]:
    """The records where they would lie, as far as that is known."""
    for command in commands:
        if command.area_code in known:
            yield replace(command.record, community_code=command.area_code[:12])


@dataclass(slots=True)
class _Batch:
    """What a batch of changes knows and what it has decided so far."""

    now: datetime
    current: dict[UUID, Enterprise]
    histories: Mapping[UUID, Sequence[Grading]]
    areas: Mapping[str, KnownArea]
    standing: list[Enterprise]
    schemes: Schemes
    amendments: list[Amendment] = field(default_factory=list)
    gradings: list[Grading] = field(default_factory=list)

    def decide(self, command: Change) -> Enterprise:
        """The enterprise after the command. Raises what refuses it."""
        enterprise = self.current.get(command.id)
        if enterprise is None or not may_write_at(command.actor, enterprise.area_path):
            raise EnterpriseNotFound
        if enterprise.version != command.version:
            raise StaleVersion
        match command:
            case Amend():
                return self._amend(enterprise, command)
            case Grade():
                return self._grade(enterprise, command)
            case SetStatus():
                return self._set_status(enterprise, command)
            case _ as never:
                assert_never(never)

    def _amend(self, enterprise: Enterprise, command: Amend) -> Enterprise:
        said = dict(command.changes)
        if command.area_code is not None:
            node = filing.node_for(command.area_code, self.areas, command.actor)
            said |= {"community_code": node.community_code, "grid_code": node.grid_code}
        changes = filing.real_changes(enterprise, said)
        if not changes:
            return enterprise
        amendment = amended(enterprise, changes, self.now, new_id)
        filing.check_single(amendment.after.record, [one for one in self.standing if one.id != enterprise.id])
        return self._keep(amendment)

    def _grade(self, enterprise: Enterprise, command: Grade) -> Enterprise:
        grading = self._grading(command, command.kind, command.value, command.on)
        history = self.histories.get(enterprise.id, ())
        today = _today(self.now)
        scheme = codes_at(self.schemes, enterprise.area_path)
        changes = filing.graded(enterprise, grading, history, today, scheme)
        self.gradings.append(grading)
        return self._keep(amended(enterprise, changes, self.now, new_id))

    def _set_status(self, enterprise: Enterprise, command: SetStatus) -> Enterprise:
        amendment = filing.with_status(amended(enterprise, {}, self.now, new_id), command.status)
        self.gradings.append(self._grading(command, GradingKind.STATUS, command.status, None))
        return self._keep(amendment)

    def _grading(self, command: Grade | SetStatus, kind: GradingKind, value: str, on: date | None) -> Grading:
        day = on or _today(self.now)
        return Grading(new_id(), command.id, kind, value, day, command.reason, command.actor.id, self.now)

    def _keep(self, amendment: Amendment) -> Enterprise:
        self.amendments.append(amendment)
        self.current[amendment.after.id] = amendment.after
        self.standing = [one for one in self.standing if one.id != amendment.after.id] + [amendment.after]
        return amendment.after


async def change(tx: Tx, commands: Sequence[Change], now: datetime) -> list[Filed | AppError]:
    """Changes of files, each on the version that its caller saw."""
    batch = await _batch(tx, commands, now)
    results: list[Filed | AppError] = []
    for command in commands:
        try:
            results.append(Filed(batch.decide(command), command.actor))
        except AppError as error:
            results.append(error)
    await write_changed(tx, batch.amendments, now, batch.gradings)
    return results


async def _batch(tx: Tx, commands: Sequence[Change], now: datetime) -> _Batch:
    amends = [command for command in commands if isinstance(command, Amend)]
    if amends:
        await hold_register(tx)
    current = await enterprises.lock(tx, (command.id for command in commands))
    graded = [command.id for command in commands if isinstance(command, Grade) and command.id in current]
    wanted = [
        replace(enterprise.record, **{**command.changes, **({"community_code": code[:12]} if code else {})})
        for command in amends
        if (enterprise := current.get(command.id))
        for code in (command.area_code,)
    ]
    return _Batch(
        now=now,
        current=current,
        histories=await gradings.of(tx, graded),
        areas=await areas.in_force(tx, [command.area_code for command in amends if command.area_code]),
        standing=await enterprises.find_known(tx, wanted) if amends else [],
        schemes=await classes.schemes_in_force(tx, _today(now)) if graded else {},
    )


def _today(now: datetime) -> date:
    return now.astimezone(SHANGHAI).date()
