"""Sets the scene: one enterprise, the people of its street and community, and rows that say seconds instead of days."""

from dataclasses import asdict
from functools import partial
from typing import Any

from deploy.local.api import Refused
from deploy.local.problems import PERMANENT, LocalProblem
from deploy.local.story.place import Place, any_place
from deploy.local.story.stage import Stage
from libs.common.actors import Tier

COMMUNITY_AFTER, STREET_AFTER = 2, 4  # seconds after the deadline until that tier must know
LADDERS: dict[str, list[dict[str, str]]] = {
    "found": [{"tier": "community", "wait": "PT2S"}, {"tier": "street", "wait": "PT10M"}],
    "overdue": [
        {"tier": "enterprise", "wait": "PT0S"},
        {"tier": "grid", "wait": "PT10M"},
        {"tier": "street", "wait": "PT10M"},
    ],
}
_CATCHING_UP = ("not_found", "unknown_area", "unknown_enterprise")


def choose_place(stage: Stage, district: str) -> Place:
    """The place of the story: the same one after a restart. Raises LocalProblem if there is no enterprise at all."""
    if stage.book.get("place") is None:
        place = any_place(stage.api, district)
        if place is None:
            raise LocalProblem("The story needs an enterprise and the registry has none.", PERMANENT)
        stage.book["place"] = asdict(place)
    return Place(**stage.book["place"])


def set_clocks(stage: Stage) -> None:
    """Rows for this one community and this one day: reminded and escalated within seconds."""
    administrator = stage.token("administrator", Tier.STREET, stage.here.street)
    today = stage.began.date().isoformat()
    common = {"areaCode": stage.here.community, "basis": "演示：以秒代日", "effectiveFrom": today, "effectiveTo": today}
    steps = [
        {"tier": "community", "after": f"PT{COMMUNITY_AFTER}S"},
        {"tier": "street", "after": f"PT{STREET_AFTER}S"},
    ]
    rows: list[tuple[str, dict[str, Any]]] = [
        ("reminder-policies", {"code": "STORY_REMIND", "before": ["PT2S"]}),
        ("escalation-policies", {"code": "STORY_OVERDUE", "steps": steps}),
    ]
    for path, row in rows:
        body = {**common, **row}
        stage.patiently(partial(_add, stage, "hazards", path, administrator, body), *_CATCHING_UP)


def set_people(stage: Stage) -> None:
    """Who is on duty, on which phone, and who is told after whom when nobody answers."""
    administrator = stage.token("administrator", Tier.STREET, stage.here.street)
    for name, area, role in _on_duty(stage.here):
        person = str(stage.person(name))
        _give_phone(stage, administrator, name, person, area)
        label = {"personId": person, "areaCode": area, "channel": "log", "address": f"story-{name}"}
        _add(stage, "notifications", "contacts", administrator, label)
        hours = {"startsAt": stage.after(minutes=-1), "endsAt": stage.after(hours=24)}
        shift = {"areaCode": area, "personId": person, "role": role, **hours}
        _add(stage, "notifications", "duty-shifts", administrator, shift)
    path = f"/v1/enterprises/{stage.here.enterprise_id}"
    contacts = stage.api.get("registry", path, administrator).get("contactPersonIds") or []
    if contacts:
        _give_phone(stage, administrator, "enterprise", contacts[0], stage.here.area)
    for kind, rungs in LADDERS.items():
        ladder = {
            "code": f"story-{kind}",
            "kind": kind,
            "areaCode": stage.here.community,
            "basis": "演示：无人签收则逐级通知",
            "effectiveTo": stage.after(hours=1),
            "rungs": rungs,
        }
        _add(stage, "notifications", "ladder-policies", administrator, ladder)


def _on_duty(here: Place) -> list[tuple[str, str, str]]:
    people = [("community", here.community, "community_staff"), ("street", here.street, "duty_staff")]
    return [*people, ("grid", here.area, "grid_worker")] if len(here.area) == 15 else people


def _give_phone(stage: Stage, token: str, name: str, person: str, area: str) -> None:
    contact = {"personId": person, "areaCode": area, "channel": "webhook", "address": stage.phone.address(name)}
    kept = stage.patiently(partial(_add, stage, "notifications", "contacts", token, contact), *_CATCHING_UP)
    if kept is not None:
        stage.book[f"contact-{name}"] = kept["id"]


def hang_up(stage: Stage) -> None:
    """The phone of the story is no more: strike its addresses. Those people are reached through the log from now on."""
    administrator = stage.token("administrator", Tier.STREET, stage.here.street)
    for name in ("grid", "community", "street", "enterprise"):
        contact = stage.book.get(f"contact-{name}")
        if contact is None:
            continue
        try:
            stage.api.request(
                "notifications", "DELETE", f"/v1/contacts/{contact}", administrator, headers={"If-Match": '"1"'}
            )
        except Refused as refused:
            if refused.status != 404:
                raise


def _add(stage: Stage, service: str, path: str, token: str, body: dict[str, Any]) -> dict[str, Any] | None:
    """Add a row; None where an earlier story has left the same one."""
    what = (path, body.get("code") or body.get("channel"), body.get("personId"), stage.book.get("sitting"))
    key = "-".join(str(part) for part in what if part)
    try:
        return stage.post(service, f"/v1/{path}", token, body, key)
    except Refused as refused:
        if refused.status == 409:
            return None
        raise
