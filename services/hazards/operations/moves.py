"""The one operation behind every move: routes, clocks and imports are doors to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.common.actors import Actor
from libs.common.db import Tx
from libs.common.errors import AppError, StaleVersion
from services.hazards.domain.decide import Decision, decide
from services.hazards.domain.errors import HazardNotFound
from services.hazards.domain.facts import Facts
from services.hazards.domain.moves import Request
from services.hazards.domain.rulebook import Rulebook
from services.hazards.domain.visibility import is_visible
from services.hazards.operations.outcome import Outcome
from services.hazards.store import hazards
from services.hazards.store.rulebooks import Rulebooks
from services.hazards.store.writing import write_moves


@dataclass(frozen=True, slots=True)
class MoveCommand:
    """`version` is what the caller saw; None for a clock, which looks for itself."""

    hazard_id: UUID
    request: Request
    actor: Actor
    version: int | None = None


class Moving:
    """The operation `move`."""

    def __init__(self, rulebooks: Rulebooks) -> None:
        self._rulebooks = rulebooks

    async def perform(self, tx: Tx, commands: Sequence[MoveCommand], now: datetime) -> Sequence[Outcome | AppError]:
        """Locks the hazards in id order, decides each command in turn, writes everything in sets."""
        rules = await self._rulebooks.current(tx)
        before = await hazards.lock(tx, [command.hazard_id for command in commands])
        current = dict(before)
        decisions: list[Decision] = []
        results: list[Outcome | AppError] = []
        for command in commands:
            try:
                decision = _decide(current.get(command.hazard_id), command, now, rules)
            except AppError as error:
                results.append(error)
                continue
            current[command.hazard_id] = decision.facts
            decisions.append(decision)
            results.append(Outcome(decision.facts, command.actor))
        await write_moves(tx, before, decisions, now)
        return results


def _decide(facts: Facts | None, command: MoveCommand, now: datetime, rules: Rulebook) -> Decision:
    if facts is None or not is_visible(facts, command.actor):
        raise HazardNotFound
    if command.version is not None and command.version != facts.version:
        raise StaleVersion
    return decide(facts, command.request, command.actor, now, rules)
