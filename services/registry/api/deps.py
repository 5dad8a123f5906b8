"""What routes of this service ask of their caller."""

from typing import Annotated

from fastapi import Depends

from libs.common.actors import Actor
from libs.common.requests import current_actor
from services.registry.domain.permissions import must_administer, must_grade


async def administrator(actor: Annotated[Actor, Depends(current_actor)]) -> Actor:
    """The caller, who must keep files. Raises NotAnAdministrator."""
    must_administer(actor)
    return actor


async def grader(actor: Annotated[Actor, Depends(current_actor)]) -> Actor:
    """The caller, who must be allowed to set classes and risk levels. Raises Forbidden."""
    must_grade(actor)
    return actor


Administrator = Annotated[Actor, Depends(administrator)]
Grader = Annotated[Actor, Depends(grader)]
