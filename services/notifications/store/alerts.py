"""Alerts as rows and as facts: loaded under lock, written back whole, their timers and messages with them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.common.db import Record, Tx
from libs.common.timers import Timer, cancel, schedule
from services.notifications.domain.audience import Tier
from services.notifications.domain.cases import Kind
from services.notifications.domain.durations import format_duration, parse_duration
from services.notifications.domain.ladder import Alert, Rung, State
from services.notifications.store import rows, tables

LADDER_TIMER = "ladder"
"""The one kind of timer an alert has: what it means follows from the state of the alert when it fires."""


def rungs_to_data(rungs: Iterable[Rung]) -> list[dict[str, Any]]:
    """Rungs as a row keeps them."""
    return [
        {
            "tier": rung.tier.value,
            "wait": format_duration(rung.wait),
            "roles": sorted(rung.roles),
            "reachedAt": rung.reached_at.isoformat() if rung.reached_at else None,
            "escalated": rung.escalated,
        }
        for rung in rungs
    ]


def rungs_from_data(data: Iterable[Mapping[str, Any]]) -> tuple[Rung, ...]:
    """The inverse of `rungs_to_data`; what a policy row leaves out is empty."""
    return tuple(
        Rung(
            tier=Tier(item["tier"]),
            wait=parse_duration(item["wait"]),
            roles=frozenset(item.get("roles") or ()),
            reached_at=datetime.fromisoformat(item["reachedAt"]) if item.get("reachedAt") else None,
            escalated=bool(item.get("escalated")),
        )
        for item in data
    )


def alert_of(row: Record | Mapping[str, Any]) -> Alert:
    """The facts in a row."""
    return Alert(
        id=row["id"],
        hazard_id=row["hazard_id"],
        kind=Kind(row["kind"]),
        occasion=row["occasion"],
        area_path=row["area_path"],
        enterprise_id=row["enterprise_id"],
        rungs=rungs_from_data(row["rungs"]),
        recheck=parse_duration(row["recheck"]),
        opened_version=row["opened_version"],
        opened_at=row["opened_at"],
        state=State(row["state"]),
        version=row["version"],
        cursor=row["cursor"],
        acknowledged_at=row["acknowledged_at"],
        acknowledged_by=row["acknowledged_by"],
        acknowledged_note=row["acknowledged_note"],
        exhausted_at=row["exhausted_at"],
        closed_at=row["closed_at"],
        closed_reason=row["closed_reason"],
    )


def _row_of(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.id,
        "hazard_id": alert.hazard_id,
        "kind": alert.kind,
        "occasion": alert.occasion,
        "state": alert.state,
        "version": alert.version,
        "area_path": alert.area_path,
        "enterprise_id": alert.enterprise_id,
        "told_enterprise": alert.told_enterprise,
        "rungs": rungs_to_data(alert.rungs),
        "cursor": alert.cursor,
        "recheck": format_duration(alert.recheck),
        "opened_version": alert.opened_version,
        "opened_at": alert.opened_at,
        "acknowledged_at": alert.acknowledged_at,
        "acknowledged_by": alert.acknowledged_by,
        "acknowledged_note": alert.acknowledged_note,
        "exhausted_at": alert.exhausted_at,
        "closed_at": alert.closed_at,
        "closed_reason": alert.closed_reason,
    }


async def lock(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, Alert]:
    """The alerts with these ids, locked in id order; ids that do not exist are left out."""
    found = await tx.fetch("SELECT * FROM alerts WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE", list(ids))
    return {row["id"]: alert_of(row) for row in found}


async def lock_of_hazards(tx: Tx, hazard_ids: Sequence[UUID]) -> list[Alert]:
    """Every alert there ever was on these hazards, locked in id order. Lock the hazards first."""
    found = await tx.fetch(
        "SELECT * FROM alerts WHERE hazard_id = ANY($1::uuid[]) ORDER BY id FOR UPDATE", list(hazard_ids)
    )
    return [alert_of(row) for row in found]


async def lock_free_exhausted(tx: Tx, paths: Sequence[str], enterprise_ids: Sequence[UUID]) -> list[UUID]:
    """Exhausted alerts at or below the paths, or of the enterprises, locked; those that others hold are left out."""
    found = await tx.fetch(
        "SELECT id FROM alerts WHERE state = 'exhausted' AND (enterprise_id = ANY($2::uuid[]) OR EXISTS "
        "(SELECT FROM unnest($1::text[]) AS p(path) WHERE starts_with(alerts.area_path, p.path))) "
        "ORDER BY id FOR UPDATE SKIP LOCKED",
        list(paths),
        list(enterprise_ids),
    )
    return [row["id"] for row in found]


async def write(tx: Tx, alerts: Sequence[Alert], wakes: Mapping[UUID, datetime]) -> None:
    """Writes the alerts as they are now, and when the ladder of each must be looked at again (never, if not named)."""
    await rows.upsert(tx, tables.Alert, [_row_of(alert) for alert in alerts])
    await cancel(tx, [alert.id for alert in alerts if alert.id not in wakes])
    await wake(tx, wakes)


async def wake(tx: Tx, wakes: Mapping[UUID, datetime]) -> None:
    """Sets when these ladders must be looked at again. Lock the alerts first."""
    await schedule(tx, [Timer(alert_id, LADDER_TIMER, due_at) for alert_id, due_at in sorted(wakes.items())])
