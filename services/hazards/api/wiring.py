"""What the routes of this service stand on: the database, the clock and the operations, made once a process."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from libs.common.clock import Clock
from libs.common.db import Database
from libs.common.operation import Operation
from services.hazards.api import policy_rendering, rendering
from services.hazards.domain.rules import AnyRule
from services.hazards.operations.moves import MoveCommand, Moving
from services.hazards.operations.outcome import Outcome
from services.hazards.operations.policies import PolicyCommand, add_policies
from services.hazards.operations.reports import ReportCommand, Reporting
from services.hazards.store.rulebooks import Rulebooks


@dataclass(frozen=True)
class Wiring:
    db: Database
    clock: Clock
    reports: Operation[ReportCommand, Outcome]
    moves: Operation[MoveCommand, Outcome]
    policies: Operation[PolicyCommand, AnyRule]


def wire(db: Database, clock: Clock) -> Wiring:
    """The operations over this database."""
    rulebooks = Rulebooks()
    return Wiring(
        db=db,
        clock=clock,
        reports=Operation("report", db, clock, Reporting(rulebooks).perform, rendering.created, parallel=1),
        moves=Operation("move", db, clock, Moving(rulebooks).perform, rendering.moved),
        policies=Operation("add_policy", db, clock, add_policies, policy_rendering.added),
    )


def _wiring(request: Request) -> Wiring:
    wiring: Wiring = request.app.state.wiring
    return wiring


Wired = Annotated[Wiring, Depends(_wiring)]
