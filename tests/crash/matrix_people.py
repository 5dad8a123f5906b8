"""Who keeps the system busy while its processes die: reporters one by one and in bulk, case workers, importers."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from libs.common.ids import new_id
from tests.crash.asking import Answer, Asker, Unsettled
from tests.crash.receivers import Receivers
from tests.support.registry import Office, workbook
from tests.support.small_district import COMMUNITY, DISTRICT, GRID, STREET

LEDGER_LINES = 120
_SINCE = "2026-01-01T00:00:00+08:00"
_CLOCKS = {"verification": "PT6S", "dispatch": "PT6S", "deadline": "PT3S", "reinspection": "PT6S"}
_STEPS = [{"tier": "community", "after": "PT1S"}, {"tier": "street", "after": "PT2S"}]
_KINDS = ("found", "verified", "reopened", "ordered", "overdue", "rectified", "reinspection_failed")
_KINDS_LATE = ("verification_overdue", "dispatch_overdue", "reinspection_overdue")
_MULTIPART = "multipart/form-data; boundary=-x-"
_DUTIES = {"measures": "清空通道", "responsible": "安全负责人", "funds": 3000, "contingencyPlan": "停止作业，专人值守"}

# What a case worker does next, by the state that he finds: path below the hazard and body.
_NEXT: Mapping[str, tuple[str, dict[str, Any]]] = {
    "reported": ("verifications", {"level": "general", "category": "electrical", "basis": "GB 50016-2014 第10.2.4条"}),
    "verified": ("assignments", _DUTIES),
    "ordered": ("rectifications", {"description": "已清空"}),
    "rectified": ("reinspections", {"result": "pass"}),
}


@dataclass(slots=True)
class Asked:
    """What was answered with success, so that it can be looked for afterwards."""

    prefix: str
    reports: dict[str, str] = field(default_factory=dict)  # key, which is also the place → hazard
    moves: list[tuple[str, int]] = field(default_factory=list)  # hazard, version made
    imports: dict[str, str] = field(default_factory=dict)  # import → how its enterprises' names begin; "": broken file
    acknowledged: set[str] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Town:
    """Where the services listen, who asks, and what came of requests that nobody answered."""

    ports: Mapping[str, int]
    tokens: Sequence[str]
    phones: Receivers
    unsettled: Unsettled

    @asynccontextmanager
    async def asker(self, service: str, nr: int = 0) -> AsyncIterator[Asker]:
        """Somebody who asks that service."""
        asker = Asker(lambda: self.ports[service], self.tokens[nr % len(self.tokens)], self.unsettled, patience=240)
        try:
            yield asker
        finally:
            asker.close()


async def arrange(town: Town) -> None:
    """Short clocks everywhere, short ladders in the street, and telephones there; no recheck of who cannot be told."""
    async with town.asker("hazards") as asker:
        for clock, period in _CLOCKS.items():
            policy = {"code": "CRASH", "areaCode": DISTRICT, "clock": clock, "period": period, "basis": "演练"}
            await _made(asker, "/v1/deadline-policies", policy)
        reminders = {"code": "CRASH", "areaCode": DISTRICT, "before": ["PT2S"], "basis": "演练"}
        await _made(asker, "/v1/reminder-policies", reminders)
        escalations = {"code": "CRASH", "areaCode": DISTRICT, "steps": _STEPS, "basis": "演练"}
        await _made(asker, "/v1/escalation-policies", escalations)
    async with town.asker("notifications") as asker:
        for kind in (*_KINDS, *_KINDS_LATE):
            rungs = [{"tier": "community", "wait": "PT1S"}, {"tier": "street", "wait": "P1D"}]
            ladder = {"code": f"crash-{kind.replace('_', '-')}", "kind": kind, "areaCode": DISTRICT, "basis": "演练"}
            await _made(asker, "/v1/ladder-policies", {**ladder, "rungs": rungs, "recheck": "P1D"})
        for nr, area in enumerate((COMMUNITY, STREET, STREET)):
            person, address = str(new_id()), f"http://127.0.0.1:{town.phones.port}/{nr}"
            contact = {"personId": person, "areaCode": DISTRICT, "channel": "webhook", "address": address}
            await _made(asker, "/v1/contacts", contact)
            await _made(asker, "/v1/duty-shifts", {"areaCode": area, "personId": person, "startsAt": _SINCE})


async def report_in_bulk(
    town: Town, asked: Asked, name: str, sizes: Sequence[int], over: asyncio.Event | None = None
) -> None:
    """One request after another with so many reports each; small ones follow until it is over, if that is said."""
    async with town.asker("hazards") as asker:
        nr = 0
        while nr < len(sizes) or not (over is None or over.is_set()):
            size = sizes[nr] if nr < len(sizes) else 3
            keys = [f"{asked.prefix}{name}/{nr}/{item}" for item in range(size)]
            body = _json({"items": [_report(key, DISTRICT) for key in keys]})
            answer = await asker.settle("POST", "/v1/hazards/batch", body, {"Idempotency-Key": keys[0]})
            if answer.status == 200:
                for key, item in zip(keys, answer.json()["items"], strict=True):
                    if item["status"] == 201:
                        asked.reports[key] = item["hazard"]["id"]
                    else:
                        asked.refused.append(str(item)[:300])
            else:
                _note(asked, answer)
            if over is not None and nr >= len(sizes):
                await _pause(over, 0.5)
            nr += 1


async def take_cases_through(town: Town, asked: Asked, nr: int, chance: Random, over: asyncio.Event) -> None:
    """Reports a hazard and leads it to its end, now too late and now in time; then the next one."""
    async with town.asker("hazards", nr) as asker, town.asker("hazards", nr + 1) as inspector:
        case = 0
        while not over.is_set():
            key = f"{asked.prefix}case{nr}/{case}"
            case += 1
            answer = await asker.settle("POST", "/v1/hazards", _json(_report(key, GRID)), {"Idempotency-Key": key})
            if answer.status != 201:
                _note(asked, answer)
                continue
            asked.reports[key] = answer.json()["id"]
            await _lead((asker, inspector), asked, key, answer.json(), chance, over)


async def _lead(
    two: tuple[Asker, Asker], asked: Asked, key: str, hazard: dict[str, Any], chance: Random, over: asyncio.Event
) -> None:
    for step in range(12):
        if over.is_set() or hazard["state"] not in _NEXT:
            return
        await _pause(over, chance.choice((0.0, 0.05, 0.2, 4.5)))
        path, body = _NEXT[hazard["state"]]
        if path == "reinspections" and chance.random() < 0.3:
            body = {"result": "fail"}
        where = f"/v1/hazards/{hazard['id']}"
        heads = {"Idempotency-Key": f"{key}/{step}", "If-Match": f'"{hazard["version"]}"'}
        asker = two[path == "reinspections"]  # nobody re-inspects what he submitted himself
        answer = await asker.settle("POST", f"{where}/{path}", _json(body), heads)
        if answer.status == 200:
            hazard = answer.json()
            asked.moves.append((hazard["id"], hazard["version"]))
        elif answer.status in (409, 412):  # a clock rang meanwhile
            hazard = (await asker.settle("GET", where)).json()
        else:
            _note(asked, answer)
            return


async def import_ledgers(town: Town, asked: Asked, chance: Random, over: asyncio.Event) -> None:
    """One ledger after another; of four one is no workbook at all."""
    async with town.asker("registry") as asker:
        nr = 0
        while not over.is_set():
            name = f"{asked.prefix.replace('/', '-')}厂{nr}-"
            sound = nr % 4 != 2
            content = await asyncio.to_thread(_ledger, name) if sound else b"PK\x03\x04 cut off"
            heads = {
                "Idempotency-Key": f"import-{asked.prefix}{nr}",
                "Content-Type": "multipart/form-data; boundary=-x-",
            }
            head = (
                b'---x-\r\nContent-Disposition: form-data; name="file"; filename="ledger.xlsx"\r\n'
                b"Content-Type: application/octet-stream\r\n\r\n"
            )
            answer = await asker.settle("POST", "/v1/imports/enterprises", head + content + b"\r\n---x---\r\n", heads)
            if answer.status == 202:
                asked.imports[answer.json()["id"]] = name if sound else ""
            else:
                _note(asked, answer)
            nr += 1
            await _pause(over, chance.uniform(0.5, 2.0))


async def answer_alerts(town: Town, asked: Asked, over: asyncio.Event) -> None:
    """Acknowledges some of the alerts that the telephones rang for."""
    async with town.asker("notifications") as asker:
        while not over.is_set():
            await _pause(over, 0.3)
            if not town.phones.unanswered:
                continue
            alert = town.phones.unanswered.pop()
            heads = {"Idempotency-Key": f"ack-{alert}"}
            answer = await asker.settle("POST", f"/v1/alerts/{alert}/acknowledgements", b"{}", heads)
            if answer.status < 300:
                asked.acknowledged.add(alert)
            elif answer.status != 409:  # closed meanwhile
                _note(asked, answer)


def _report(key: str, area: str) -> dict[str, str]:
    return {
        "areaCode": area,
        "place": key,
        "source": "patrol",
        "description": "配电箱无门，线头裸露",
        "category": "electrical",
        "suggestedLevel": "general",
    }


def _ledger(name: str) -> bytes:
    office = Office("和平街道")
    for line in range(LEDGER_LINES):
        office.add(name=f"{name}{line:03}", community="和平社区")
    return workbook(office)


async def _made(asker: Asker, path: str, body: Mapping[str, Any]) -> None:
    for _ in range(100):
        answer = await asker.settle("POST", path, _json(body), {"Idempotency-Key": str(new_id())})
        if answer.status == 201:
            return
        if answer.status != 422:
            break
        await asyncio.sleep(0.1)  # areas arrive as events
    raise RuntimeError(f"{path}: {answer.status} {answer.body[:300].decode(errors='replace')}")


def _note(asked: Asked, answer: Answer) -> None:
    asked.refused.append(f"{answer.status} {answer.body[:300].decode(errors='replace')}")


def _json(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


async def _pause(over: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await over.wait()
    except TimeoutError:
        return
