"""What an operation on a hazard leaves: the hazard as it is now, for the caller who asked."""

from dataclasses import dataclass

from libs.common.actors import Actor
from services.hazards.domain.facts import Facts


@dataclass(frozen=True, slots=True)
class Outcome:
    """`actor` decides which moves the answer offers."""

    facts: Facts
    actor: Actor
