"""Who may change what is on file, and where; what lies outside someone's scope does not exist for them."""

from libs.common.actors import Actor, Role, Tier
from libs.common.errors import Forbidden
from services.registry.domain.errors import NotAnAdministrator


def must_administer(actor: Actor) -> None:
    """Raises NotAnAdministrator unless the actor keeps the files of a district or street."""
    if not (actor.has(Role.ADMINISTRATOR) and actor.tier in (Tier.DISTRICT, Tier.STREET, Tier.SYSTEM)):
        raise NotAnAdministrator


def must_grade(actor: Actor) -> None:
    """Raises Forbidden unless the actor may set classes and risk levels: officers and administrators."""
    if not (actor.has(Role.OFFICER, Role.ADMINISTRATOR) and actor.tier in (Tier.DISTRICT, Tier.STREET, Tier.SYSTEM)):
        raise Forbidden("只有执法人员和管理员可以评定分类和风险等级")


def may_write_at(actor: Actor, path: str) -> bool:
    """Whether the place lies within the actor's scope."""
    return actor.scope.enterprise_id is None and path.startswith(actor.scope.area_path)
