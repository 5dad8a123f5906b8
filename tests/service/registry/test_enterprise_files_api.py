"""Enterprises over HTTP: opened, changed, graded, closed, listed; history, events and versions move together."""

from typing import Any

import pytest

from libs.common.actors import Role
from tests.service.registry.conftest import Caller, World
from tests.support import registry as files
from tests.support.registry import credit_code

BODY: dict[str, Any] = {
    "name": "北关便民超市",
    "areaCode": files.GRID,
    "creditCode": credit_code(7).lower(),
    "industryCode": "5211",
    "venueType": "商场超市",
    "headcount": 6,
    "head": {"name": "张三", "phone": "199-0000-0001"},
    "officer": {"name": "李四", "phone": "19900000002"},
    "riskLevel": "yellow",
    "enterpriseClass": "B",
    "longitude": 114.37,
    "latitude": 36.13,
    "licences": [{"name": "食品经营许可证", "number": "豫安1", "validUntil": "2027-01-01"}],
    "remark": "=1+1",
}


async def opened(caller: Caller, **fields: Any) -> dict[str, Any]:
    """A new file, which must be accepted."""
    answer = await caller.post("/v1/enterprises", {**BODY, **fields})
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"/v1/enterprises/{answer.json()['id']}"
    assert answer.headers["ETag"] == '"1"'
    return dict(answer.json())


async def test_a_file_is_opened_and_read_back_whole(world: World) -> None:
    made = await opened(world.street())
    assert made["creditCode"] == credit_code(7)
    assert (made["communityCode"], made["areaCode"]) == (files.COMMUNITY, files.GRID)
    answer = await world.street().get(f"/v1/enterprises/{made['id']}")
    file = answer.json()
    assert answer.headers["ETag"] == '"1"'
    assert {name: file[name] for name in made} == made
    assert file["head"] == {"name": "张三", "phone": "19900000001"}
    assert [(h["kind"], h["value"], h["reason"]) for h in file["history"]] == [
        ("enterprise_class", "B", "建档"),
        ("risk_level", "yellow", "建档"),
    ]
    assert file["createdAt"].endswith("+08:00")
    (event,) = await world.announced(made["id"])
    assert event["type"] == "enterprise-registered"
    assert event["data"] == {
        "id": made["id"],
        "version": 1,
        "name": "北关便民超市",
        "creditCode": credit_code(7),
        "areaCode": files.GRID,
        "areaPath": files.GRID,
        "riskLevel": "yellow",
        "enterpriseClass": "B",
        "status": "active",
        "contactPersonIds": file["contactPersonIds"],
    }
    people = await world.street().items("/v1/persons", enterpriseId=made["id"])
    assert [(p["name"], p["phone"], p["posts"][0]["role"]) for p in people] == [
        ("张三", "199****0001", "enterprise_head"),
        ("李四", "199****0002", "safety_officer"),
    ]


async def test_a_key_opens_one_file(world: World) -> None:
    clerk = world.street()
    first = await clerk.post("/v1/enterprises", BODY, key="k1")
    again = await clerk.post("/v1/enterprises", BODY, key="k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    other = await clerk.post("/v1/enterprises", {**BODY, "headcount": 7}, key="k1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    double = await clerk.post("/v1/enterprises", BODY, key="k2")
    assert (double.status_code, double.json()["code"]) == (409, "duplicate_credit_code")
    assert await world.value("SELECT count(*) FROM enterprises") == 1


async def test_two_without_a_code_in_one_community(world: World) -> None:
    clerk = world.street()
    await opened(clerk, creditCode=None)
    double = await clerk.post("/v1/enterprises", {**BODY, "creditCode": None, "name": "北关 便民超市"})
    assert (double.status_code, double.json()["code"]) == (409, "duplicate_enterprise")
    await opened(clerk, creditCode=None, areaCode="410503001002")


async def test_one_document_has_one_last_day(world: World) -> None:
    twice = [
        {"name": "食品经营许可证"},
        {"name": "食品经营许可证", "number": "豫安1"},
        {"name": "食品经营许可证", "validUntil": "2027-01-01"},
    ]
    clerk = world.street()
    refused = await clerk.post("/v1/enterprises", {**BODY, "licences": twice})
    made = await opened(clerk, licences=twice[1:])
    amended = await clerk.send("PATCH", f"/v1/enterprises/{made['id']}", {"licences": twice}, version=1)
    for answer in (refused, amended):
        assert answer.status_code == 422
        assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [("/licences/2", "duplicate")]


async def test_changes_need_the_version_that_was_seen(world: World) -> None:
    clerk = world.street()
    made = await opened(clerk)
    path = f"/v1/enterprises/{made['id']}"
    without = await clerk.send("PATCH", path, {"headcount": 8})
    assert (without.status_code, without.json()["code"]) == (428, "precondition_required")
    changed = await clerk.send("PATCH", path, {"headcount": 8, "remark": None}, version=1)
    assert (changed.status_code, changed.json()["version"], changed.headers["ETag"]) == (200, 2, '"2"')
    assert (changed.json()["headcount"], changed.json()["remark"]) == (8, None)
    stale = await clerk.send("PATCH", path, {"headcount": 9}, version=1)
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    same = await clerk.send("PATCH", path, {"headcount": 8}, version=2)
    assert (same.status_code, same.json()["version"]) == (200, 2), "nothing changed, nothing is announced"
    assert [event["type"] for event in await world.announced(made["id"])] == [
        "enterprise-registered",
        "enterprise-changed",
    ]


async def test_moving_to_another_place_moves_its_people(world: World) -> None:
    clerk = world.district()
    made = await opened(clerk)
    moved = await clerk.send("PATCH", f"/v1/enterprises/{made['id']}", {"areaCode": files.FAR_COMMUNITY}, version=1)
    assert (moved.json()["areaCode"], moved.json()["gridCode"]) == (files.FAR_COMMUNITY, None)
    assert await world.street().items("/v1/persons") == []
    assert len(await world.street(files.OTHER_STREET).items("/v1/persons")) == 2
    assert (await world.announced(made["id"]))[-1]["data"]["areaPath"] == files.FAR_COMMUNITY


async def test_a_new_name_in_a_post_is_a_new_person(world: World) -> None:
    clerk = world.street()
    made = await opened(clerk)
    path = f"/v1/enterprises/{made['id']}"
    phone = (await clerk.send("PATCH", path, {"head": {"phone": "19900000009"}}, version=1)).json()
    assert phone["head"] == {"name": "张三", "phone": "19900000009"}
    assert phone["contactPersonIds"] == made["contactPersonIds"]
    name = (await clerk.send("PATCH", path, {"head": {"name": "王五"}}, version=2)).json()
    assert name["head"]["name"] == "王五"
    assert name["contactPersonIds"][0] != made["contactPersonIds"][0]
    assert name["contactPersonIds"][1] == made["contactPersonIds"][1]


async def test_class_and_risk_level_have_a_history(world: World) -> None:
    officer = world.street(files.STREET, Role.OFFICER)
    made = await opened(world.street())
    path = f"/v1/enterprises/{made['id']}"
    world.clock.advance(days=10)
    officer = world.street(files.STREET, Role.OFFICER)
    later = await officer.post(
        f"{path}/classifications", {"enterpriseClass": "D", "reason": "发生事故", "on": "2026-11-25"}, version=1
    )
    assert (later.status_code, later.json()["enterpriseClass"], later.json()["version"]) == (200, "D", 2)
    earlier = await officer.post(
        f"{path}/classifications", {"enterpriseClass": "A", "reason": "补录", "on": "2026-10-01"}, version=2
    )
    assert (earlier.json()["enterpriseClass"], earlier.json()["version"]) == ("D", 3), "the later one stands"
    risk = await officer.post(f"{path}/risk-assessments", {"riskLevel": "red", "reason": "新增工艺"}, version=3)
    assert risk.json()["riskLevel"] == "red"

    async def on(day: str) -> tuple[str | None, str | None]:
        answer = await officer.get(f"{path}/gradings", on=day)
        return answer.json()["enterpriseClass"], answer.json()["riskLevel"]

    assert await on("2026-09-30") == (None, None)
    assert await on("2026-10-01") == ("A", None)
    assert await on("2026-11-20") == ("B", "yellow")
    assert await on("2026-11-25") == ("D", "yellow")
    assert await on("2026-11-30") == ("D", "red")
    future = await officer.post(
        f"{path}/classifications", {"enterpriseClass": "A", "reason": "x", "on": "2027-01-01"}, version=4
    )
    assert (future.status_code, future.json()["errors"][0]["code"]) == (422, "in_the_future")
    unknown = await officer.post(f"{path}/classifications", {"enterpriseClass": "Z", "reason": "x"}, version=4)
    assert (unknown.status_code, unknown.json()["errors"][0]["code"]) == (422, "unknown_class")
    assert (await world.announced(made["id"]))[-1]["data"]["riskLevel"] == "red"
    assert [event["sequence"] for event in await world.announced(made["id"])] == [1, 2, 3, 4]


async def test_closing_and_opening_again(world: World) -> None:
    clerk = world.street()
    made = await opened(clerk)
    path = f"/v1/enterprises/{made['id']}"
    closed = await clerk.post(f"{path}/closures", {"reason": "搬迁"}, version=1)
    assert (closed.json()["status"], closed.json()["version"]) == ("closed", 2)
    assert (await world.announced(made["id"]))[-1]["data"]["status"] == "closed"
    twice = await clerk.post(f"{path}/closures", {"reason": "搬迁"}, version=2)
    assert (twice.status_code, twice.json()["code"]) == (409, "enterprise_closed")
    graded = await clerk.post(f"{path}/classifications", {"enterpriseClass": "A", "reason": "x"}, version=2)
    assert (graded.status_code, graded.json()["code"]) == (409, "enterprise_closed")
    opened_again = await clerk.post(f"{path}/reopenings", {"reason": "迁回"}, version=2)
    assert opened_again.json()["status"] == "active"
    history = (await clerk.get(path)).json()["history"]
    decided = [(h["value"], h["reason"]) for h in history if h["kind"] == "status"]
    assert decided == [("closed", "搬迁"), ("active", "迁回")]


async def test_the_list_narrows_and_pages(world: World) -> None:
    clerk = world.district()
    office, far = files.Office(), files.Office("红旗路街道")
    for number in range(23):
        office.add(name=f"北关第{number}厂", code=credit_code(number), risk="红" if number % 5 == 0 else "蓝")
    far.add(name="红旗100%厂").add(name="红旗店", head="", officer="", head_phone="", officer_phone="")
    await world.imported(clerk, "enterprises", files.workbook(office, far))
    everything = await clerk.items("/v1/enterprises", limit=4)
    assert len({item["id"] for item in everything}) == 25
    places = [(item["areaCode"], item["id"]) for item in everything]
    assert places == sorted(places)
    page = (await clerk.get("/v1/enterprises", limit=5, total=True, areaCode=files.STREET)).json()
    assert (len(page["items"]), page["total"]) == (5, 23)
    assert (await clerk.get("/v1/enterprises", limit=5)).json()["total"] is None

    async def names(**query: Any) -> list[str]:
        return [item["name"] for item in await clerk.items("/v1/enterprises", **query)]

    assert await names(creditCode=f" {credit_code(3).lower()} ") == ["北关第3厂"]
    assert await names(creditCode="无") == []
    assert await names(name="１３厂") == ["北关第13厂"]
    assert await names(name="100%") == ["红旗100%厂"]
    assert await names(name="_") == []
    assert len(await names(riskLevel="red")) == 5
    assert await names(unattended=True) == ["红旗店"]
    assert await names(areaCode="410599000000") == []
    assert len(await names(areaCode=files.FAR_COMMUNITY)) == 2
    assert await names(status="closed") == []
    assert len(await names(enterpriseClass="A", hasCreditCode=False)) == 2


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"areaCode": "41"}, "/query/areaCode"),
        ({"areaCode": "４１０５０３００１００１"}, "/query/areaCode"),
        ({"limit": 0}, "/query/limit"),
        ({"limit": 1001}, "/query/limit"),
        ({"riskLevel": "purple"}, "/query/riskLevel"),
        ({"licenceEndsBefore": "2026-02-30"}, "/query/licenceEndsBefore"),
        ({"banana": 1}, "/query/banana"),
        ({"cursor": "bm9uc2Vuc2U"}, None),
        ({"cursor": "WyIxIiwiMiJd"}, None),
    ],
)
async def test_questions_that_make_no_sense(world: World, query: dict[str, Any], pointer: str | None) -> None:
    answer = await world.district().get("/v1/enterprises", **query)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    if pointer is None:
        assert answer.json()["code"] == "invalid_cursor"
    else:
        assert answer.json()["errors"][0]["pointer"] == pointer
