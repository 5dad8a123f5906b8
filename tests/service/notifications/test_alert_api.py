"""The HTTP side: who sees and answers what, pages, versions, keys, links, and bad input."""

import re
from typing import Any
from uuid import uuid4

import pytest

from libs.common.actors import Role, Tier
from libs.common.contracts import hazards as said
from tests.service.notifications.conftest import (
    COMMUNITY,
    DISTRICT,
    ENTERPRISE,
    FAR_COMMUNITY,
    GRID,
    OTHER_COMMUNITY,
    OTHER_STREET,
    STREET,
    Caller,
    Hazard,
    World,
    person,
)


async def told_enterprise(world: World) -> Hazard:
    """A hazard about which its enterprise and then its grid were told."""
    await world.give_phone("厂长")
    await world.give_phone("网格员")
    await world.give_post(GRID, "网格员", role="grid_worker")
    hazard = Hazard(fields=Hazard().fields | {"state": "ordered", "due_at": world.clock.now()})
    await world.hear_hazard(hazard, said.DeadlineMissed, overdue_since=world.clock.now())
    return hazard


async def test_each_tier_sees_its_own_and_what_is_below(world: World) -> None:
    hazard = Hazard()
    await world.hear_hazard(hazard, said.HazardFound)
    alert = await world.street.alert(hazard)
    path = f"/v1/alerts/{alert['id']}"
    inside = [world.caller_of_district(), world.street, world.community, world.caller(Tier.COMMUNITY, GRID)]
    outside = [
        world.caller(Tier.STREET, OTHER_STREET),
        world.caller(Tier.COMMUNITY, OTHER_COMMUNITY),
        world.caller(Tier.COMMUNITY, FAR_COMMUNITY),
        world.caller(Tier.ENTERPRISE, None, enterprise=uuid4()),
        world.enterprise,  # its own hazard, but it was not told
    ]
    for caller in inside:
        assert (await caller.get(path)).status_code == 200
        assert len((await caller.get("/v1/alerts")).json()["items"]) == 1
    for caller in outside:
        assert (await caller.get(path)).status_code == 404
        assert (await caller.get("/v1/alerts")).json()["items"] == []
        assert (await caller.post(f"{path}/acknowledgements")).status_code == 404
    assert (await world.street.alert(hazard))["state"] == "exhausted", "nobody outside changed anything"


async def test_an_enterprise_sees_what_was_sent_to_itself_alone(world: World) -> None:
    hazard = await told_enterprise(world)
    seen = await world.enterprise.alert(hazard)
    assert {d["tier"] for d in seen["deliveries"]} == {"enterprise"}
    assert {d["tier"] for d in (await world.street.alert(hazard))["deliveries"]} == {"enterprise", "grid"}
    assert (await world.caller(Tier.ENTERPRISE, None, enterprise=uuid4()).get("/v1/alerts")).json()["items"] == []
    for path in ("/v1/deliveries", "/v1/ladder-policies", "/v1/templates", "/v1/contacts", "/v1/duty-shifts"):
        assert (await world.enterprise.get(path)).status_code == 403


async def test_acknowledging_twice_is_the_same_answer_and_keeps_the_first_name(world: World) -> None:
    hazard = await told_enterprise(world)
    alert = await world.street.alert(hazard)
    path = f"/v1/alerts/{alert['id']}/acknowledgements"
    first = await world.community.post(path, {"note": "到场"}, Idempotency_Key="k-1")
    again = await world.community.post(path, {"note": "到场"}, Idempotency_Key="k-1")
    other = await world.street.post(path)
    reused = await world.community.post(path, {"note": "另一件事"}, Idempotency_Key="k-1")
    assert first.status_code == again.status_code == other.status_code == 200
    assert first.content == again.content
    assert other.json()["acknowledgedBy"] == first.json()["acknowledgedBy"] == f"community:{COMMUNITY}"
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency_key_reused")
    assert first.headers["ETag"] == '"2"'
    assert (await world.street.get(f"/v1/alerts/{alert['id']}")).headers["ETag"] == '"2"'


async def test_a_version_is_not_asked_for_but_honoured(world: World) -> None:
    hazard = await told_enterprise(world)
    path = f"/v1/alerts/{(await world.street.alert(hazard))['id']}/acknowledgements"
    assert (await world.street.post(path, If_Match='"9"')).status_code == 412
    assert (await world.street.post(path, If_Match="nonsense")).status_code == 400
    assert (await world.street.post(path, If_Match='"1"')).status_code == 200


async def test_a_link_in_a_message_answers_for_the_person_it_was_sent_to(world: World) -> None:
    phone = await world.give_phone("网格员")
    await world.give_post(GRID, "网格员", role="grid_worker")
    hazard = Hazard(fields=Hazard().fields | {"place": "<script>alert(1)</script>"})
    await world.hear_hazard(hazard, said.HazardFound)
    await world.deliver()
    message = phone.take().message
    alert_id = (await world.street.alert(hazard))["id"]
    assert message["acknowledgeUrl"] == f"https://alerts.example.org/v1/alerts/{alert_id}/acknowledgements"
    link = message["acknowledgeLink"].removeprefix("https://alerts.example.org")
    stranger = Caller(world.client, "")
    shown = await stranger.get(link)
    assert shown.status_code == 200
    assert hazard.number in shown.text
    assert "<script>" not in shown.text
    assert shown.headers["cache-control"] == "no-store"
    assert (await world.street.alert(hazard))["state"] == "open", "looking is not answering"

    assert "已于" in (await stranger.post(link)).text
    alert = await world.street.alert(hazard)
    assert (alert["state"], alert["acknowledgedBy"]) == ("acknowledged", str(person("网格员")))
    assert (await stranger.get(link[:-2] + "AA")).status_code == 404
    assert (await stranger.get("/v1/acknowledgements/short")).status_code == 422
    await world.hear_hazard(hazard, said.HazardRejected, state="void")
    assert "已无需处理" in (await stranger.post(link)).text


async def test_a_link_leads_nowhere_but_to_its_own_alert(world: World) -> None:
    await told_enterprise(world)
    shown = (await world.caller_of_district().get("/v1/deliveries")).text
    tickets = [row["ticket"] for row in await world.rows("SELECT ticket FROM deliveries")]
    assert len(set(tickets)) == 2
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{22}", ticket) for ticket in tickets)
    assert not [ticket for ticket in tickets if ticket in shown], "who reads the list cannot answer for others"


async def test_pages_are_walked_without_gaps_and_filters_narrow(world: World) -> None:
    hazards = [Hazard(number=f"HZ-410503-2026-{n:06d}") for n in range(7)]
    elsewhere = Hazard(fields=Hazard().fields | {"area_code": FAR_COMMUNITY, "area_path": FAR_COMMUNITY})
    await world.hear(*(h.tells(said.HazardFound, world.clock.now()) for h in [*hazards, elsewhere]))
    await world.hear_hazard(hazards[0], said.HazardRejected, state="void")
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = (await world.street.get("/v1/alerts", limit=3, **({"cursor": cursor} if cursor else {}))).json()
        seen += [item["hazardId"] for item in page["items"]]
        if (cursor := page["nextCursor"]) is None:
            break
    assert sorted(seen) == sorted(str(h.id) for h in hazards)

    async def count(caller: Caller, **query: Any) -> int:
        answer = await caller.get("/v1/alerts", total="true", limit=1, **query)
        return int(answer.json()["total"])

    district = world.caller_of_district()
    assert await count(district) == 8
    assert await count(district, state="closed") == 1
    assert await count(district, state="exhausted", areaCode=STREET) == 6
    assert await count(district, areaCode=FAR_COMMUNITY) == 1
    assert await count(district, kind="overdue") == 0
    assert await count(district, hazardId=str(uuid4())) == 0
    assert await count(world.street, areaCode=FAR_COMMUNITY) == 0


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"state": "asleep"}, 422, "invalid_input"),
        ({"kind": "猫"}, 422, "invalid_input"),
        ({"hazardId": "7"}, 422, "invalid_input"),
        ({"areaCode": "4105"}, 422, "invalid_input"),
        ({"limit": 0}, 422, "invalid_input"),
        ({"limit": 100000}, 422, "invalid_input"),
        ({"cursor": "bm8"}, 422, "invalid_cursor"),
        ({"cursor": "😀"}, 422, "invalid_cursor"),
    ],
)
async def test_a_bad_question_is_a_problem(world: World, query: dict[str, Any], status: int, code: str) -> None:
    answer = await world.street.get("/v1/alerts", **query)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"note": "😀𠮷"}, 200),
        ({"note": None}, 200),
        ({}, 200),
        ({"note": "a\u0007b"}, 422),
        ({"note": ""}, 422),
        ({"note": 7}, 422),
        ({"note": "a", "state": "closed"}, 422),
        ([], 422),
        (b"{", 400),
        (b'"' + b"x" * 2_000_000 + b'"', 413),
    ],
)
async def test_what_is_said_with_an_answer_is_checked(world: World, body: Any, status: int) -> None:
    hazard = await told_enterprise(world)
    alert = await world.street.alert(hazard)
    answer = await world.street.post(f"/v1/alerts/{alert['id']}/acknowledgements", body)
    assert answer.status_code == status, answer.text
    assert (await world.street.alert(hazard))["state"] == ("acknowledged" if status == 200 else "open")


async def test_without_a_token_or_a_role_nothing_happens(world: World) -> None:
    hazard = await told_enterprise(world)
    path = f"/v1/alerts/{(await world.street.alert(hazard))['id']}"
    for token in ("", "nonsense", "a.b.c"):
        caller = Caller(world.client, token)
        assert (await caller.get(path)).status_code == 401
        assert (await caller.post(f"{path}/acknowledgements")).status_code == 401
    assert (await world.street.get("/v1/alerts/7")).status_code == 422
    assert (await world.street.get(f"/v1/alerts/{uuid4()}")).status_code == 404


CONTACT = {
    "personId": str(person("甲")),
    "areaCode": STREET,
    "channel": "webhook",
    "address": "https://p.example.org/a?k=1",
}


async def test_contacts_are_for_administrators_of_their_own_area(world: World) -> None:
    assert (await world.street.post("/v1/contacts", CONTACT)).status_code == 201
    officer = world.caller(Tier.STREET, STREET, Role.OFFICER)
    for caller in (officer, world.community, world.enterprise):
        assert (await caller.post("/v1/contacts", CONTACT)).status_code == 403
        assert (await caller.get("/v1/contacts")).status_code == 403
    for code in (OTHER_STREET, DISTRICT, "410504000000"):
        answer = await world.street.post("/v1/contacts", CONTACT | {"areaCode": code})
        assert (answer.status_code, answer.json()["code"]) == (422, "unknown_area")
        assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [("/areaCode", "unknown_area")]
    other = world.caller(Tier.STREET, OTHER_STREET)
    assert (await other.get("/v1/contacts")).json()["items"] == []
    contact = (await world.street.get("/v1/contacts", personId=CONTACT["personId"])).json()["items"][0]
    assert contact["address"] == "https://p.example.org/…"
    assert (await other.delete(f"/v1/contacts/{contact['id']}", If_Match='"1"')).status_code == 404
    assert (await other.get(f"/v1/contacts/{contact['id']}")).status_code == 404
    shown = await world.street.get(f"/v1/contacts/{contact['id']}")
    assert (shown.json(), shown.headers["ETag"]) == (contact, '"1"')
    assert (await world.street.delete(f"/v1/contacts/{contact['id']}")).status_code == 428
    assert (await world.street.delete(f"/v1/contacts/{contact['id']}", If_Match='"2"')).status_code == 412
    assert (await world.street.delete(f"/v1/contacts/{contact['id']}", If_Match='"1"')).status_code == 204
    assert (await world.street.delete(f"/v1/contacts/{contact['id']}", If_Match='"1"')).status_code == 404


async def test_a_contact_is_entered_once(world: World) -> None:
    first = await world.street.post("/v1/contacts", CONTACT, Idempotency_Key="once")
    again = await world.street.post("/v1/contacts", CONTACT, Idempotency_Key="once")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    repeated = await world.street.post("/v1/contacts", CONTACT)
    assert (repeated.status_code, repeated.json()["code"]) == (409, "contact_exists")
    assert (await world.street.post("/v1/contacts", CONTACT | {"areaCode": COMMUNITY})).status_code == 201
    assert await world.value("SELECT count(*) FROM contacts") == 2


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"address": "http://192.168.1.1/"}, "/address"),
        ({"address": "file:///etc/passwd"}, "/address"),
        ({"address": "x" * 2001}, "/address"),
        ({"address": "https://p.example.org/\u0000"}, "/address"),
        ({"channel": "pigeon"}, "/channel"),
        ({"personId": "甲"}, "/personId"),
        ({"areaCode": 410503001000}, "/areaCode"),
        ({"secret": "short"}, "/secret"),
        ({"phone": "13800000001"}, "/phone"),
    ],
)
async def test_a_bad_contact_is_refused_with_the_field(world: World, change: dict[str, Any], pointer: str) -> None:
    answer = await world.street.post("/v1/contacts", CONTACT | change)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert await world.value("SELECT count(*) FROM contacts") == 0


SHIFT = {"areaCode": STREET, "personId": str(person("甲")), "startsAt": "2026-09-24T20:00:00+08:00"}


@pytest.mark.parametrize(
    "change",
    [
        {"endsAt": "2026-09-24T19:00:00+08:00"},
        {"startsAt": "2026-09-24T20:00:00"},
        {"startsAt": "2026-02-30T20:00:00+08:00"},
        {"startsAt": "9999-12-31T23:59:59-12:00"},
        {"weekdays": [0]},
        {"weekdays": [1, 2, 3, 4, 5, 6, 7, 1]},
        {"dayFrom": "18:00"},
        {"dayFrom": "25:00", "dayTo": "08:00"},
        {"role": "DROP TABLE"},
    ],
)
async def test_a_bad_shift_is_refused(world: World, change: dict[str, Any]) -> None:
    answer = await world.street.post("/v1/duty-shifts", SHIFT | change)
    assert answer.status_code == 422, answer.text
    assert await world.value("SELECT count(*) FROM duty_shifts") == 0


async def test_shifts_are_listed_and_struck(world: World) -> None:
    weekly = SHIFT | {"weekdays": [6, 7, 6], "dayFrom": "18:00", "dayTo": "08:00", "role": "duty_staff"}
    made = (await world.street.post("/v1/duty-shifts", weekly)).json()
    assert (made["weekdays"], made["dayFrom"], made["areaCode"]) == ([6, 7], "18:00", STREET)
    assert (await world.street.get("/v1/duty-shifts")).json()["items"] == [made]
    assert (await world.street.get(f"/v1/duty-shifts/{made['id']}")).json() == made
    assert (await world.community.get(f"/v1/duty-shifts/{made['id']}")).status_code == 403
    assert (await world.street.delete(f"/v1/duty-shifts/{made['id']}", If_Match='"1"')).status_code == 204
    assert (await world.street.get("/v1/duty-shifts")).json()["items"] == []


LADDER = {
    "code": "night",
    "kind": "found",
    "areaCode": STREET,
    "basis": "值班制度",
    "rungs": [{"tier": "community", "wait": "PT3S"}, {"tier": "street", "wait": "PT5S", "roles": ["duty_staff"]}],
}
TEMPLATE = {
    "code": "night",
    "kind": "found",
    "areaCode": STREET,
    "basis": "值班制度",
    "text": "{number} {place} {level} {deadline}",
}


async def test_policies_are_rows_of_an_area_with_dates(world: World) -> None:
    made = (await world.street.post("/v1/ladder-policies", LADDER)).json()
    assert made["effectiveFrom"] == "2026-09-24T22:00:00+08:00"
    assert made["rungs"][1] == {"tier": "street", "wait": "PT5S", "roles": ["duty_staff"]}
    again = await world.street.post("/v1/ladder-policies", LADDER)
    assert (again.status_code, again.json()["code"]) == (409, "policy_exists")
    above = await world.street.post("/v1/ladder-policies", LADDER | {"areaCode": DISTRICT})
    assert (above.status_code, above.json()["code"]) == (422, "unknown_area")
    assert (await world.community.post("/v1/ladder-policies", LADDER)).status_code == 403
    seen = (await world.community.get("/v1/ladder-policies", kind="found")).json()["items"]
    assert {row["areaCode"] for row in seen} == {None, STREET}, "those above hold here too"
    elsewhere = (await world.caller(Tier.STREET, OTHER_STREET).get("/v1/ladder-policies", kind="found")).json()["items"]
    assert {row["areaCode"] for row in elsewhere} == {None}

    assert (await world.street.post("/v1/templates", TEMPLATE)).status_code == 201
    assert len((await world.street.get("/v1/templates", kind="found")).json()["items"]) == 2


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("ladder-policies", LADDER | {"rungs": []}, "/rungs"),
        ("ladder-policies", LADDER | {"rungs": [{"tier": "grid", "wait": "PT0S"}]}, "/rungs/0/wait"),
        ("ladder-policies", LADDER | {"rungs": [{"tier": "grid", "wait": "P1M"}]}, "/rungs/0/wait"),
        ("ladder-policies", LADDER | {"rungs": [{"tier": "grid", "wait": "P99999D"}]}, "/rungs/0/wait"),
        ("ladder-policies", LADDER | {"rungs": [{"tier": "moon", "wait": "PT1S"}]}, "/rungs/0/tier"),
        ("ladder-policies", LADDER | {"recheck": "PT0S"}, "/recheck"),
        ("ladder-policies", LADDER | {"kind": "party"}, "/kind"),
        ("ladder-policies", LADDER | {"level": "huge"}, "/level"),
        ("ladder-policies", LADDER | {"effectiveTo": "2026-09-24T22:00:00"}, "/effectiveTo"),
        ("templates", TEMPLATE | {"text": "{number}"}, "/text"),
        ("templates", TEMPLATE | {"text": "{number} {place} {level} {deadline} {secret}"}, "/text"),
        ("templates", TEMPLATE | {"basis": ""}, "/basis"),
    ],
)
async def test_a_bad_policy_is_refused_with_the_field(
    world: World, path: str, body: dict[str, Any], pointer: str
) -> None:
    answer = await world.street.post(f"/v1/{path}", body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert await world.value(f"SELECT count(*) FROM {path.replace('-', '_')} WHERE area_path <> ''") == 0


async def test_a_text_of_the_area_is_what_its_people_read(world: World) -> None:
    phone = await world.give_phone("网格员")
    await world.give_post(GRID, "网格员", role="grid_worker")
    await world.street.post("/v1/templates", TEMPLATE | {"text": "快看 {number} {place} {level} {deadline}"})
    await world.hear_hazard(Hazard(), said.HazardFound)
    await world.deliver()
    assert phone.take().message["text"].startswith("快看 HZ-410503-2026-000123")


async def test_operators_find_what_they_look_for(world: World) -> None:
    stranger = Caller(world.client, "")
    for path in ("/livez", "/readyz", "/metrics", "/docs", "/openapi.json"):
        assert (await stranger.get(path)).status_code == 200, path
    assert (await stranger.get("/v1/nothing")).status_code == 404
    assert str(ENTERPRISE) not in (await stranger.get("/metrics")).text
