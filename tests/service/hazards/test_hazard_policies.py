"""Policy rows and code tables through the API: who may add, what is refused, what is in force."""

from typing import Any

import pytest

from libs.common.actors import Role, Tier
from tests.service.hazards.hazard_world import (
    COMMUNITY,
    DISTRICT,
    ORDER,
    OTHER_COMMUNITY,
    OTHER_STREET,
    STREET,
    World,
)

ROW: dict[str, Any] = {
    "code": "RECTIFY",
    "areaCode": COMMUNITY,
    "clock": "deadline",
    "period": "P5D",
    "basis": "街道文件",
}


async def test_administrators_add_rows_within_their_scope(world: World) -> None:
    for caller in (world.community(), world.enterprise(), world.street(Role.OFFICER)):
        answer = await caller.post("/v1/deadline-policies", ROW)
        assert (answer.status_code, answer.json()["code"]) == (403, "wrong_role")
    pretended = world.caller(Tier.COMMUNITY, COMMUNITY, Role.ADMINISTRATOR)
    assert (await pretended.post("/v1/deadline-policies", ROW)).status_code == 403
    for code in (OTHER_STREET, DISTRICT, "000000000000", STREET[:9] + "999"):
        answer = await world.street().post("/v1/deadline-policies", ROW | {"areaCode": code})
        assert (answer.status_code, answer.json()["code"]) == (422, "unknown_area")
    answer = await world.street().post("/v1/deadline-policies", {k: v for k, v in ROW.items() if k != "areaCode"})
    assert (answer.status_code, answer.json()["areaCode"]) == (201, STREET)
    assert answer.json()["counting"] == "calendar_days"
    assert answer.json()["effectiveFrom"] == "2026-09-24"
    assert (await world.caller(Tier.DISTRICT, DISTRICT).post("/v1/deadline-policies", ROW)).status_code == 201


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"period": "5 days"}, "/period"),
        ({"period": "P"}, "/period"),
        ({"period": "P99999D"}, "/period"),
        ({"period": "PT5H", "counting": "working_days"}, ""),
        ({"period": "P1M", "counting": "working_days"}, ""),
        ({"period": "PT5H", "counting": "calendar_days"}, ""),
        ({"clock": "reminder"}, "/clock"),
        ({"clock": "doom"}, "/clock"),
        ({"category": "nonsense"}, "/category"),
        ({"effectiveFrom": "2026-02-30"}, "/effectiveFrom"),
        ({"effectiveFrom": "2026-02-03", "effectiveTo": "2026-02-02"}, ""),
        ({"basis": ""}, "/basis"),
        ({"steps": []}, "/steps"),
    ],
)
async def test_rows_that_make_no_sense(world: World, change: dict[str, Any], pointer: str) -> None:
    answer = await world.street().post("/v1/deadline-policies", ROW | change)
    assert answer.status_code == 422
    assert pointer in {error["pointer"] for error in answer.json()["errors"]}
    assert await world.value("SELECT count(*) FROM deadline_policies WHERE code = 'RECTIFY'") == 0


@pytest.mark.parametrize(
    "steps",
    [
        [{"tier": "emperor", "after": "P1D"}],
        [{"tier": "street", "after": "P3D"}, {"tier": "community", "after": "P1D"}],
        [{"tier": "street"}],
    ],
)
async def test_ladders_that_make_no_sense(world: World, steps: list[dict[str, str]]) -> None:
    body = {"code": "L", "areaCode": COMMUNITY, "basis": "文件", "steps": steps}
    assert (await world.street().post("/v1/escalation-policies", body)).status_code == 422


async def test_a_row_is_in_force_with_the_next_order(world: World) -> None:
    officer = world.street()

    async def due(**values: Any) -> str:
        hazard = await officer.report(world.enterprises["彩印厂"], category="fire")
        hazard = await officer.move(hazard, "verifications", {"level": "general"})
        return str((await officer.move(hazard, "orders", ORDER | values))["dueAt"])

    assert await due() == "2026-10-09T23:59:59+08:00"
    await officer.post("/v1/deadline-policies", ROW | {"counting": "working_days"})
    assert await due() == "2026-10-09T23:59:59+08:00"
    await officer.post("/v1/deadline-policies", ROW | {"period": "P3D", "counting": "working_days"})
    assert await due() == "2026-09-30T23:59:59+08:00"
    await officer.post("/v1/deadline-policies", ROW | {"period": "P7D", "level": "major"})
    assert await due() == "2026-09-30T23:59:59+08:00"
    await officer.post("/v1/deadline-policies", ROW | {"period": "PT3S", "effectiveFrom": "2026-09-25"})
    assert await due() == "2026-09-30T23:59:59+08:00"
    world.clock.advance(days=1)
    assert await due() == "2026-09-25T10:00:03+08:00"


async def test_each_sees_the_rows_that_concern_it(world: World) -> None:
    street = world.street()
    key = (await street.post("/v1/deadline-policies", ROW)).json()["id"]
    other = (await street.post("/v1/deadline-policies", ROW | {"areaCode": OTHER_COMMUNITY})).json()["id"]

    async def seen(caller: Any) -> set[str]:
        found, cursor = [], None
        while True:
            page = (await caller.get("/v1/deadline-policies", limit=3, **({"cursor": cursor} if cursor else {}))).json()
            found += [item["id"] for item in page["items"]]
            if (cursor := page["nextCursor"]) is None:
                assert len(found) == len(set(found))
                return set(found)

    everywhere = await seen(world.caller(Tier.STREET, OTHER_STREET))
    assert len(everywhere) == 8
    assert await seen(world.community()) == everywhere | {key}
    assert await seen(world.enterprise()) == everywhere | {key}
    assert await seen(street) == everywhere | {key, other}
    assert (await world.community().get(f"/v1/deadline-policies/{other}")).status_code == 404
    assert (await world.community().get(f"/v1/deadline-policies/{key}")).headers["ETag"] == '"1"'


async def test_a_row_is_added_once_a_key(world: World) -> None:
    first = await world.street().post("/v1/deadline-policies", ROW, key="p")
    again = await world.street().post("/v1/deadline-policies", ROW, key="p")
    assert first.content == again.content
    assert await world.value("SELECT count(*) FROM deadline_policies WHERE code = 'RECTIFY'") == 1


async def test_code_tables_have_chinese_labels(world: World) -> None:
    names = (await world.community().get("/v1/code-tables")).json()["names"]
    assert {"categories", "sources", "levels", "states", "moves"} <= set(names)
    for name in names:
        items = (await world.community().get(f"/v1/code-tables/{name}")).json()["items"]
        assert items
        assert all(any("\u4e00" <= c <= "\u9fff" for c in item["label"]) for item in items)
    assert (await world.community().get("/v1/code-tables/nonsense")).status_code == 404
