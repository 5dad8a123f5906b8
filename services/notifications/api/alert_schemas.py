"""Alerts, messages and attempts as the API shows them."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from libs.common.actors import area_code
from libs.common.models import ApiModel, LocalTime, Prose
from services.notifications.domain.audience import Channel, Tier
from services.notifications.domain.cases import Hazard, Kind
from services.notifications.domain.delivery import DeliveryState, Outcome, masked
from services.notifications.domain.durations import format_duration
from services.notifications.domain.ladder import Alert, Rung, State
from services.notifications.views.alerts import Found


class AlertOut(ApiModel):
    """一条提醒：一个隐患的一件事，须有人签收。"""

    id: UUID
    hazard_id: UUID
    number: Annotated[str, Field(description="隐患编号", examples=["HZ-410503-2026-000123"])]
    kind: Annotated[Kind, Field(description="事由")]
    state: Annotated[
        State, Field(description="open 待签收；acknowledged 已签收；exhausted 无人可通知；closed 已无需处理")
    ]
    version: int
    level: Annotated[
        str | None, Field(description="general 一般；major 重大；尚未定级时为建议的等级", examples=["general"])
    ]
    place: str | None
    area_code: str
    enterprise_id: UUID | None
    enterprise_name: str | None
    due_at: LocalTime | None
    rung: Annotated[int, Field(description="已通知到第几级，0 为尚无人被通知")]
    tier: Annotated[Tier | None, Field(description="该级是谁")]
    opened_at: LocalTime
    next_at: Annotated[LocalTime | None, Field(description="届时仍无人签收则通知下一级")] = None
    acknowledged_at: LocalTime | None
    acknowledged_by: Annotated[str | None, Field(description="签收人标识")]
    note: str | None
    exhausted_at: LocalTime | None
    closed_at: LocalTime | None
    closed_reason: str | None
    simulated: Annotated[bool, Field(description="演练")]


class RungOut(ApiModel):
    """提醒层级中的一级。"""

    number: int
    tier: Tier
    roles: list[str]
    wait: Annotated[str, Field(description="等待签收的时间 (ISO 8601)", examples=["PT30M"])]
    reached_at: LocalTime | None
    escalated: Annotated[bool, Field(description="因隐患逾期升级而加入")]


class DeliveryOut(ApiModel):
    """发给一人的一条消息。"""

    id: Annotated[UUID, Field(description="无论投递几次都不变，即请求头 X-Delivery-Id")]
    alert_id: UUID
    rung: int
    tier: Tier
    person_id: UUID
    channel: Channel
    address: Annotated[str | None, Field(description="已遮蔽的地址", examples=["https://phone.example.org/…"])]
    text: str
    state: Annotated[
        DeliveryState, Field(description="pending 待投递；delivered 已送达；dead 已放弃；cancelled 已撤回")
    ]
    version: int
    attempts: Annotated[int, Field(description="已投递次数")]
    next_at: Annotated[LocalTime | None, Field(description="下次投递不早于")]
    created_at: LocalTime
    finished_at: LocalTime | None


class AttemptOut(ApiModel):
    """一次投递。没有结果的，正在进行，或因进程中断而未知。"""

    delivery_id: UUID
    number: int
    rung: int
    tier: Tier
    person_id: UUID
    channel: Channel
    started_at: LocalTime
    outcome: Outcome | None
    status: Annotated[int | None, Field(description="对方的 HTTP 状态码")]
    error: Annotated[str | None, Field(description="失败类别", examples=["timeout"])]
    latency_ms: int | None


class AlertDetail(AlertOut):
    """一条提醒，连同层级、消息和每次投递。"""

    rungs: list[RungOut]
    deliveries: list[DeliveryOut]
    attempts: list[AttemptOut]


class AcknowledgementIn(ApiModel):
    """签收。"""

    note: Annotated[Prose | None, Field(description="说明", examples=["已派网格员到场"])] = None


def alert_out(alert: Alert, facts: Mapping[str, Any], next_at: Any = None) -> AlertOut:
    """An alert with what the columns `number, level, place, due_at, enterprise_name, simulated` say of its hazard."""
    return AlertOut(**_alert_fields(alert, facts, next_at))


def alert_of_hazard(alert: Alert, hazard: Hazard) -> AlertOut:
    """An alert right after a move: nothing is read for it."""
    names = ("number", "level", "place", "due_at", "enterprise_name", "simulated")
    return alert_out(alert, {name: getattr(hazard, name) for name in names})


def alert_detail(alert: Alert, found: Found) -> AlertDetail:
    """An alert with everything about it."""
    return AlertDetail(
        **_alert_fields(alert, found.alert, found.alert["next_at"]),
        rungs=[_rung_out(number, rung) for number, rung in enumerate(alert.rungs, 1)],
        deliveries=[delivery_out(row) for row in found.deliveries],
        attempts=[AttemptOut.model_validate(dict(row)) for row in found.attempts],
    )


def delivery_out(row: Mapping[str, Any]) -> DeliveryOut:
    """A message; its address is masked, its link is never shown."""
    shown = {name: row[name] for name in DeliveryOut.model_fields if name not in ("address", "next_at")}
    address = masked(Channel(row["channel"]), row["address"]) if row["address"] else None
    next_at = row["next_at"] if row["state"] == DeliveryState.PENDING else None
    return DeliveryOut(**shown, address=address, next_at=next_at)


def _rung_out(number: int, rung: Rung) -> RungOut:
    return RungOut(
        number=number,
        tier=rung.tier,
        roles=sorted(rung.roles),
        wait=format_duration(rung.wait),
        reached_at=rung.reached_at,
        escalated=rung.escalated,
    )


def _alert_fields(alert: Alert, facts: Mapping[str, Any], next_at: Any) -> dict[str, Any]:
    return {
        "id": alert.id,
        "hazard_id": alert.hazard_id,
        "number": facts["number"],
        "kind": alert.kind,
        "state": alert.state,
        "version": alert.version,
        "level": facts["level"],
        "place": facts["place"],
        "area_code": area_code(alert.area_path),
        "enterprise_id": alert.enterprise_id,
        "enterprise_name": facts["enterprise_name"],
        "due_at": facts["due_at"],
        "rung": alert.reached,
        "tier": alert.rungs[alert.reached - 1].tier if alert.reached else None,
        "opened_at": alert.opened_at,
        "next_at": next_at,
        "acknowledged_at": alert.acknowledged_at,
        "acknowledged_by": alert.acknowledged_by,
        "note": alert.acknowledged_note,
        "exhausted_at": alert.exhausted_at,
        "closed_at": alert.closed_at,
        "closed_reason": alert.closed_reason,
        "simulated": facts["simulated"],
    }
