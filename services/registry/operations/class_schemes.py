"""Setting the class scheme of a place."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.common.actors import Actor
from libs.common.clock import SHANGHAI
from libs.common.db import Tx
from libs.common.errors import AppError, FieldError
from services.registry.domain.classes import ClassScheme, check_scheme
from services.registry.domain.errors import UnknownArea
from services.registry.domain.permissions import may_write_at
from services.registry.store import classes


@dataclass(frozen=True, slots=True)
class SetScheme:
    scheme: ClassScheme
    actor: Actor


async def set_schemes(tx: Tx, commands: Sequence[SetScheme], now: datetime) -> list[ClassScheme | AppError]:
    """One scheme a command; the last one for a place and day holds."""
    results: list[ClassScheme | AppError] = []
    for command in commands:
        try:
            if not may_write_at(command.actor, command.scheme.area_path):
                raise UnknownArea(errors=[FieldError("/areaCode", "unknown_area", "不在管辖范围内")])
            check_scheme(command.scheme, now.astimezone(SHANGHAI).date())
        except AppError as error:
            results.append(error)
            continue
        await classes.replace(tx, command.scheme)
        results.append(command.scheme)
    return results
