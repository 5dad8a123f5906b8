"""Copies of the registry: the newer version wins, in whatever order events come."""

from datetime import date

from libs.common.ids import new_id
from tests.service.hazards.hazard_world import GRID, OTHER_COMMUNITY, World, area, enterprise_event


async def test_the_newer_version_wins_whatever_the_order(world: World) -> None:
    key = new_id()
    old, new = enterprise_event(key, "旧名", GRID), enterprise_event(key, "新名", OTHER_COMMUNITY, version=2)
    for events in ((old, new), (new, old), (old,), (new, new)):
        await world.hear(*events)
        row = (await world.rows("SELECT name, area_path, version FROM enterprises WHERE id = $1", key))[0]
        assert tuple(row) == ("新名", OTHER_COMMUNITY, 2)


async def test_an_enterprise_not_heard_of_yet_is_unknown_and_then_known(world: World) -> None:
    key = new_id()
    body = {"enterpriseId": str(key), "source": "inspection", "description": "通道堆放"}
    answer = await world.street().post("/v1/hazards", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_enterprise")
    await world.hear(enterprise_event(key, "新厂", GRID))
    answer = await world.street().post("/v1/hazards", body)
    assert (answer.status_code, answer.json()["areaCode"]) == (201, GRID)


async def test_a_hazard_keeps_the_place_where_it_was_found(world: World) -> None:
    works = world.enterprises["彩印厂"]
    hazard = await world.street().report(works)
    await world.hear(enterprise_event(works, "彩印厂", OTHER_COMMUNITY, version=2))
    assert (await world.street().see(hazard))["areaCode"] == GRID
    assert (await world.street().report(works))["areaCode"] == OTHER_COMMUNITY


async def test_an_area_that_is_no_more_takes_no_reports(world: World) -> None:
    row = (await world.rows("SELECT id FROM areas WHERE path = $1", GRID))[0]
    body = {"areaCode": GRID, "place": "东门", "source": "patrol", "description": "线头裸露"}
    await world.hear(area(GRID, version=2, id=row["id"], valid_to=date(2026, 9, 25)))
    assert (await world.community().post("/v1/hazards", body)).status_code == 201
    world.clock.advance(days=1)
    answer = await world.community().post("/v1/hazards", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_area")
