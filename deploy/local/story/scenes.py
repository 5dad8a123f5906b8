"""The scenes, in order. Each looks first whether it has been played already, so that any of them may be cut off."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from deploy.local.api import Refused
from deploy.local.story.setting import STREET_AFTER
from deploy.local.story.stage import Stage, codes_of, late
from libs.common.actors import Role, Tier
from libs.common.clock import SHANGHAI

LIMIT_SECONDS = 5
_UNKNOWN = {"unknown_enterprise", "unknown_area"}
_MOVE_SECONDS = 120.0

Hazard = dict[str, Any]


def find(stage: Stage) -> None:
    """An inspector finds it; at that moment it is announced."""
    here, token = stage.here, _officer(stage, "inspector-street")
    body = {
        "enterpriseId": here.enterprise_id,
        "source": "inspection",
        "description": "二层疏散通道堆放纸箱，宽度不足，应急照明一处不亮",
        "category": "evacuation",
        "suggestedLevel": "general",
    }
    hazard = _report(stage, token, body)
    stage.book["hazard"] = hazard["id"]
    stage.book["number"] = hazard["number"]
    stage.say("检查员 inspector", f"在「{here.enterprise_name}」发现隐患 {hazard['number']} · finds a hazard")


def wake(stage: Stage) -> None:
    """The community's phone rings, nobody answers, the street's rings, and there someone does."""
    token = _officer(stage, "inspector-street")
    alert = stage.wait("the alert of the find", lambda: _alert(stage, token, "found"))
    stage.say("系统 system", "已播报，并开启提醒 · announces it and opens an alert")
    first = stage.wait("the community's call", lambda: stage.phone.messages("community", stage.book["hazard"]))[0]
    stage.say("社区 community", f"电话响起，无人签收 · phone rings, no answer:「{first['text']}」")
    second = stage.wait("the street's call", lambda: stage.phone.messages("street", stage.book["hazard"]))[0]
    stage.say("街道 street", "逐级通知到街道值班员 · the duty officer of the street is woken")
    path = "/" + second["acknowledgeLink"].split("/", 3)[3]
    stage.api.request("notifications", "POST", path, token)
    stage.wait("the acknowledgement", lambda: _answered(stage, token, alert["id"]))
    stage.say("街道 street", "值班员点开消息链接签收，不再惊动他人 · acknowledges; nobody else is woken")


def verify(stage: Stage) -> None:
    """The community looks and confirms."""
    token = stage.token("verifier", Tier.COMMUNITY, stage.here.community, Role.COMMUNITY_STAFF)
    body = {"level": "general", "category": "evacuation", "basis": "GB 55037-2022 第7.1.2条"}
    _move(stage, token, "verifications", body, lambda hazard: hazard["state"] != "reported")
    stage.say("社区 community", "到场核实：一般隐患 · verifies: a general hazard")


def order(stage: Stage) -> None:
    """An officer orders it to be fixed within seconds: a lawful time limit may be "at once"."""
    token = _officer(stage, "officer")

    def terms() -> dict[str, Any]:
        due = datetime.now(SHANGHAI).replace(microsecond=0) + timedelta(seconds=LIMIT_SECONDS)
        return {
            "measures": "清空疏散通道，更换应急照明",
            "responsible": "企业主要负责人",
            "funds": 1500,
            "contingencyPlan": "整改期间二层停止作业，专人值守",
            "dueAt": due.isoformat(),
        }

    hazard = _move(stage, token, "orders", terms, lambda hazard: hazard["state"] not in ("reported", "verified"))
    stage.say("街道 street", f"责令限期整改，时限 {_clock(hazard['dueAt'])} · orders it fixed by then")
    if stage.book.get("contact-enterprise"):
        call = stage.wait("the enterprise's call", lambda: stage.phone.messages("enterprise", hazard["id"]))[-1]
        stage.say("企业 enterprise", f"负责人收到通知 · its head is told:「{call['text']}」")


def miss(stage: Stage) -> None:
    """The deadline passes and nothing has been done."""
    token = _officer(stage, "officer")
    stage.wait("the missed deadline", lambda: _hazard(stage, token)["missedDeadlines"])
    stage.say(
        "系统 system", "整改逾期，已播报，通知企业和网格 · deadline missed: announced, enterprise and grid are told"
    )


def escalate(stage: Stage) -> None:
    """It climbs by itself, to the community and to the street, until someone answers."""
    token = _officer(stage, "officer")
    stage.wait("the first rung", lambda: _hazard(stage, token)["escalationRung"] >= 1)
    stage.say("社区 community", "逾期升级到社区 · escalated to the community")
    stage.wait("the second rung", lambda: _hazard(stage, token)["escalationRung"] >= 2)
    stage.say("街道 street", f"{STREET_AFTER} 秒后升级到街道 · and after {STREET_AFTER} s to the street")
    duty = stage.token("street", Tier.STREET, stage.here.street, Role.DUTY_STAFF)
    alert = stage.wait("the alert of the missed deadline", lambda: _alert(stage, token, "overdue"))
    stage.wait("the street's second call", lambda: _told(stage, duty, alert["id"], "street"))
    try:
        note = {"note": "已电话催办企业"}
        stage.post("notifications", f"/v1/alerts/{alert['id']}/acknowledgements", duty, note, "acknowledge-overdue")
    except Refused as refused:
        if refused.status != 409:  # the alert is over: the hazard went on meanwhile
            raise
    stage.say("街道 street", "值班员签收并催办企业 · the duty officer answers and calls the enterprise")


def rectify(stage: Stage) -> None:
    """The enterprise says that it is done."""
    here = stage.here
    token = stage.token("head", Tier.ENTERPRISE, None, Role.ENTERPRISE_HEAD, enterprise=here.enterprise_id)
    body = {"description": "通道已清空并划线，应急照明已更换"}
    _move(stage, token, "rectifications", body, lambda hazard: hazard["state"] in ("rectified", "closed"))
    stage.say("企业 enterprise", "提交整改 · submits the rectification")


def reinspect(stage: Stage) -> None:
    """Somebody else looks, and strikes it off."""
    token = stage.token("reinspector", Tier.COMMUNITY, stage.here.community, Role.COMMUNITY_STAFF)
    body = {"result": "pass", "reason": "通道畅通，照明正常"}
    hazard = _move(stage, token, "reinspections", body, lambda hazard: hazard["state"] == "closed")
    stage.say("社区 community", f"另一人复查合格，{hazard['number']} 销号 · another person re-inspects it: struck off")


SCENES: tuple[Callable[[Stage], None], ...] = (find, wake, verify, order, miss, escalate, rectify, reinspect)


def _officer(stage: Stage, name: str) -> str:
    return stage.token(name, Tier.STREET, stage.here.street, Role.OFFICER)


def _report(stage: Stage, token: str, body: dict[str, Any]) -> Hazard:
    """Report once. A refusal means that nothing was written: then, and only then, the next try has another key."""
    deadline = time.monotonic() + _MOVE_SECONDS
    while True:
        attempt = stage.book.get("report", 0)
        try:
            return stage.post("hazards", "/v1/hazards", token, body, f"report-{attempt}")
        except Refused as refused:
            if not (codes_of(refused) & _UNKNOWN) or late(deadline):
                raise
        stage.book["report"] = attempt + 1
        time.sleep(0.3)


def _move(
    stage: Stage,
    token: str,
    name: str,
    body: dict[str, Any] | Callable[[], dict[str, Any]],
    done: Callable[[Hazard], bool],
) -> Hazard:
    """Make a move unless it is made. A clock may move the hazard at the same moment: then look again."""
    deadline = time.monotonic() + _MOVE_SECONDS
    while not done(hazard := _hazard(stage, token)):
        attempt = stage.book.get(name, 0)
        stage.book[name] = attempt + 1
        try:
            content = body() if callable(body) else body
            stage.post(
                "hazards",
                f"/v1/hazards/{hazard['id']}/{name}",
                token,
                content,
                f"{name}-{attempt}",
                **{"If-Match": f'"{hazard["version"]}"'},
            )
        except Refused as refused:
            if refused.status not in (409, 412) or late(deadline):
                raise
            time.sleep(0.1)
    return hazard


def _hazard(stage: Stage, token: str) -> Hazard:
    hazard: Hazard = stage.api.get("hazards", f"/v1/hazards/{stage.book['hazard']}", token)
    return hazard


def _alert(stage: Stage, token: str, kind: str) -> dict[str, Any] | None:
    page = stage.api.get("notifications", "/v1/alerts", token, hazardId=stage.book["hazard"], kind=kind)
    return next(iter(page["items"]), None)


def _answered(stage: Stage, token: str, alert: str) -> bool:
    return bool(stage.api.get("notifications", f"/v1/alerts/{alert}", token)["state"] in ("acknowledged", "closed"))


def _told(stage: Stage, token: str, alert: str, tier: str) -> bool:
    detail = stage.api.get("notifications", f"/v1/alerts/{alert}", token)
    return any(sent["tier"] == tier and sent["state"] == "delivered" for sent in detail["deliveries"])


def _clock(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone(SHANGHAI):%H:%M:%S}"
