"""What of a hazard a caller may see beyond being in its scope."""

from libs.common.actors import Actor, Tier
from services.hazards.domain.facts import Facts
from services.hazards.domain.vocabulary import Source

_SEALED = frozenset({Source.PUBLIC, Source.HOTLINE, Source.PETITION})


def is_visible(facts: Facts, actor: Actor) -> bool:
    """Whether the hazard exists for the actor."""
    return actor.scope.covers(facts.area_path, facts.enterprise_id)


def shows_reporter(facts: Facts, actor: Actor) -> bool:
    """Whoever complained about an enterprise is not named to it (Work Safety Law, art. 73)."""
    return actor.tier is not Tier.ENTERPRISE or facts.source not in _SEALED
