"""Single nodes of the area tree: made, renamed, ended. Whole trees come through an import."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from libs.common.actors import Actor
from libs.common.clock import SHANGHAI
from libs.common.db import Tx
from libs.common.errors import AppError, FieldError, InvalidInput, StaleVersion
from libs.common.ids import new_id
from services.registry.domain.areas import Area, BadAreaCode, position
from services.registry.domain.errors import AreaHasParts, AreaNotFound, DuplicateArea, UnknownArea
from services.registry.domain.permissions import may_write_at
from services.registry.store import areas


@dataclass(frozen=True, slots=True)
class MakeArea:
    code: str
    name: str
    actor: Actor


@dataclass(frozen=True, slots=True)
class RenameArea:
    code: str
    version: int
    name: str
    actor: Actor


@dataclass(frozen=True, slots=True)
class EndArea:
    """Today is the first day without the node. It must be empty by then."""

    code: str
    version: int
    actor: Actor


@dataclass(frozen=True, slots=True)
class AreaFiled:
    area: Area
    actor: Actor


async def make_areas(tx: Tx, commands: Sequence[MakeArea], now: datetime) -> list[AreaFiled | AppError]:
    """One new node a command, below a node in force."""
    today = now.astimezone(SHANGHAI).date()
    near = {code for command in commands for code in (command.code, _parent(command.code)) if code}
    standing = set(await areas.in_force(tx, near))
    results: list[AreaFiled | AppError] = []
    for command in commands:
        try:
            area = Area(new_id(), 1, position(command.code), command.name, today)
        except BadAreaCode:
            results.append(
                InvalidInput(errors=[FieldError("/code", "bad_area_code", "不是区县、街道、社区或网格的编码")])
            )
            continue
        if not may_write_at(command.actor, area.position.path):
            results.append(UnknownArea(errors=[FieldError("/code", "unknown_area", "不在管辖范围内")]))
        elif command.code in standing:
            results.append(DuplicateArea())
        elif area.position.parent_code and area.position.parent_code not in standing:
            results.append(UnknownArea(errors=[FieldError("/code", "unknown_parent", "上级区划不存在")]))
        else:
            standing.add(command.code)
            results.append(AreaFiled(area, command.actor))
    await areas.write_made(tx, [result.area for result in results if isinstance(result, AreaFiled)], now)
    return results


def _parent(code: str) -> str | None:
    try:
        return position(code).parent_code
    except BadAreaCode:
        return None


async def change_areas(tx: Tx, commands: Sequence[RenameArea | EndArea], now: datetime) -> list[AreaFiled | AppError]:
    """Names and ends, each on the version that its caller saw."""
    current = await areas.lock(tx, [command.code for command in commands])
    ending = [command.code for command in commands if isinstance(command, EndArea)]
    inhabited = await areas.with_parts(tx, ending)
    results: list[AreaFiled | AppError] = []
    for command in commands:
        area = current.get(command.code)
        if area is None or not may_write_at(command.actor, area.position.path):
            results.append(AreaNotFound())
        elif area.version != command.version:
            results.append(StaleVersion())
        elif isinstance(command, EndArea) and command.code in inhabited:
            results.append(AreaHasParts())
        else:
            after = _after(area, command, now)
            current[command.code] = after
            results.append(AreaFiled(after, command.actor))
    await areas.write_changed(tx, [result.area for result in results if isinstance(result, AreaFiled)], now)
    return results


def _after(area: Area, command: RenameArea | EndArea, now: datetime) -> Area:
    if isinstance(command, RenameArea):
        return replace(area, version=area.version + 1, name=command.name)
    return replace(area, version=area.version + 1, valid_to=now.astimezone(SHANGHAI).date())
