"""Bad input, stale versions, replayed keys, batches: a problem with field and code, nothing written."""

import json
from typing import Any

import pytest

from tests.service.hazards.hazard_world import GRID, ORDER, World

PLACE: dict[str, Any] = {"areaCode": GRID, "place": "东门配电箱", "description": "线头裸露", "source": "patrol"}


def problem(document: dict[str, Any]) -> tuple[int, str, set[tuple[str, str]]]:
    assert document["title"]
    return document["status"], document["code"], {(e["pointer"], e["code"]) for e in document["errors"]}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"unknown": 1}, ("/unknown", "unknown_field")),
        ({"description": None}, ("/description", "wrong_type")),
        ({"description": "  "}, ("/description", "too_short")),
        ({"description": "长" * 4001}, ("/description", "too_long")),
        ({"description": "a\x00b"}, ("/description", "control_characters")),
        ({"description": "a\x1bb"}, ("/description", "control_characters")),
        ({"description": 7}, ("/description", "wrong_type")),
        ({"source": "dream"}, ("/source", "unknown_code")),
        ({"areaCode": "4105"}, ("/areaCode", "wrong_format")),
        ({"areaCode": "４１０５０３００１００１"}, ("/areaCode", "wrong_format")),
        ({"enterpriseId": "x"}, ("/enterpriseId", "wrong_format")),
        ({"suggestedLevel": "huge"}, ("/suggestedLevel", "unknown_code")),
        ({"category": "nonsense"}, ("/category", "unknown_category")),
        ({"place": None}, ("/place", "place_missing")),
        ({"areaCode": None}, ("/areaCode", "area_code_missing")),
        ({"areaCode": "410503001099"}, ("/areaCode", "unknown_area")),
        ({"areaCode": "000000000000"}, ("/areaCode", "unknown_area")),
    ],
)
async def test_a_bad_report(world: World, change: dict[str, Any], expected: tuple[str, str]) -> None:
    answer = await world.community().post("/v1/hazards", PLACE | change)
    assert answer.headers["Content-Type"] == "application/problem+json"
    status, _, errors = problem(answer.json())
    assert status == 422
    assert expected in errors
    assert await world.value("SELECT count(*) FROM hazards") == 0
    assert await world.value("SELECT count(*) FROM outbox") == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{", 400),
        (b"[]", 422),
        (b'"x"', 422),
        (b"null", 422),
        (b'{"description": "\xff"}', 400),
        (b'{"description": "\\ud800"}', 400),
        (b"[" * 100_000, 400),
        (b" " * 10_000_000, 413),
    ],
)
async def test_bodies_that_are_no_report(world: World, body: bytes, status: int) -> None:
    for path in ("/v1/hazards", "/v1/hazards/batch"):
        answer = await world.community().post(path, body)
        assert answer.status_code in {status, 400, 422}, answer.text
        assert answer.json()["code"]
    assert await world.value("SELECT count(*) FROM hazards") == 0


async def test_emoji_and_rare_characters_come_back_as_they_went(world: World) -> None:
    text = "配电箱🔥⚡️ 𠮷野家 \n\t第二行"
    hazard = (await world.community().post("/v1/hazards", PLACE | {"description": text})).json()
    assert (await world.community().see(hazard))["description"] == text


async def test_a_move_needs_the_version_that_was_seen(world: World) -> None:
    officer = world.street()
    hazard = await officer.report(world.enterprises["彩印厂"])
    door, body = f"/v1/hazards/{hazard['id']}/verifications", {"level": "general", "category": "fire"}
    answer = await officer.post(door, body)
    assert (answer.status_code, answer.json()["code"]) == (428, "precondition_required")
    answer = await officer.post(door, body, version=2)
    assert (answer.status_code, answer.json()["code"]) == (412, "stale_version")
    assert (await officer.post(door, body, version=1)).status_code == 200
    answer = await officer.post(door, body, version=1)
    assert (answer.status_code, answer.json()["code"]) == (412, "stale_version")
    answer = await officer.post(door, body, version=2)
    assert (answer.status_code, answer.json()["code"]) == (409, "move_not_allowed")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"measures": None}, ("/measures", "measures_missing")),
        ({"responsible": ""}, ("/responsible", "responsible_missing")),
        ({"funds": "  "}, ("/funds", "funds_missing")),
        ({"contingencyPlan": None}, ("/contingencyPlan", "contingency_plan_missing")),
        ({"dueAt": "2026-09-23T10:00:00+08:00"}, ("/dueAt", "time_limit_past")),
        ({"dueAt": "2099-01-01T00:00:00+08:00"}, ("/dueAt", "time_limit_too_far")),
        ({"dueAt": "2026-02-30T00:00:00+08:00"}, ("/dueAt", "invalid_time")),
        ({"dueAt": "2026-10-01T00:00:00"}, ("/dueAt", "naive_time")),
        ({"dueAt": "9999-12-31T23:59:59-12:00"}, ("/dueAt", "impossible_time")),
        ({"dueAt": "0001-01-01T00:00:00+14:00"}, ("/dueAt", "impossible_time")),
        ({"funds": -1}, ("/funds", "out_of_range")),
        ({"deadline": "tomorrow"}, ("/deadline", "unknown_field")),
    ],
)
async def test_a_bad_order(world: World, change: dict[str, Any], expected: tuple[str, str]) -> None:
    officer = world.street()
    hazard = await officer.report(world.enterprises["彩印厂"], category="fire")
    hazard = await officer.move(hazard, "verifications", {"level": "general"})
    for door in ("orders", "assignments"):
        answer = await officer.post(f"/v1/hazards/{hazard['id']}/{door}", ORDER | change, version=2)
        status, _, errors = problem(answer.json())
        assert status == 422
        assert expected in errors, errors
    assert await world.value("SELECT version FROM hazards") == 2


async def test_numbers_that_json_does_not_know(world: World) -> None:
    officer = world.street()
    hazard = await officer.report(world.enterprises["彩印厂"], category="fire")
    hazard = await officer.move(hazard, "verifications", {"level": "general"})
    for funds in ("NaN", "Infinity", "1e999", "true", "{}"):
        body = json.dumps(ORDER).replace("2000", funds).encode()
        answer = await officer.post(f"/v1/hazards/{hazard['id']}/orders", body, version=2)
        assert answer.status_code in (400, 422), (funds, answer.text)


async def test_an_empty_order_names_every_missing_duty(world: World) -> None:
    officer = world.street()
    hazard = await officer.report(world.enterprises["彩印厂"], category="fire")
    hazard = await officer.move(hazard, "verifications", {"level": "general"})
    answer = await officer.post(f"/v1/hazards/{hazard['id']}/orders", {}, version=2)
    assert problem(answer.json()) == (
        422,
        "order_incomplete",
        {
            ("/measures", "measures_missing"),
            ("/responsible", "responsible_missing"),
            ("/funds", "funds_missing"),
            ("/contingencyPlan", "contingency_plan_missing"),
        },
    )


async def test_a_replayed_key_gives_the_same_answer_and_one_effect(world: World) -> None:
    community = world.community()
    first = await community.post("/v1/hazards", PLACE, key="k1")
    again = await community.post("/v1/hazards", PLACE, key="k1")
    assert (first.status_code, first.content) == (again.status_code, again.content) == (201, first.content)
    assert again.headers["Location"] == first.headers["Location"]
    other = await community.post("/v1/hazards", PLACE | {"place": "西门"}, key="k1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    hazard = first.json()
    door = f"/v1/hazards/{hazard['id']}/rejections"
    moved = await community.post(door, {"reason": "重复"}, version=1, key="k2")
    repeated = await community.post(door, {"reason": "重复"}, version=1, key="k2")
    assert (moved.status_code, moved.content) == (repeated.status_code, repeated.content)
    assert moved.status_code == 200
    assert await world.value("SELECT count(*) FROM hazard_log") == 2


async def test_in_a_batch_each_item_stands_alone(world: World) -> None:
    community = world.community()
    items = [PLACE, {"nonsense": 1}, PLACE | {"areaCode": "410503002001"}, 7, PLACE | {"place": "西门"}, None]
    answer = await community.post("/v1/hazards/batch", {"items": items}, key="b1")
    assert answer.status_code == 200
    found = answer.json()["items"]
    assert [item["status"] for item in found] == [201, 422, 422, 422, 201, 422]
    assert [item["hazard"]["place"] for item in found if "hazard" in item] == ["东门配电箱", "西门"]
    assert found[1]["problem"]["code"] == "invalid_input"
    assert found[2]["problem"]["code"] == "unknown_area"
    assert await world.value("SELECT count(*) FROM hazards") == 2
    again = await community.post("/v1/hazards/batch", {"items": items}, key="b1")
    assert again.content == answer.content
    assert await world.value("SELECT count(*) FROM hazards") == 2
    assert await world.differing() == 0


@pytest.mark.parametrize("odd", ["a\x00b", "a\x1fb", "a\x7fb", "a\x85b", "a\u202eb"])
async def test_an_odd_character_refuses_its_own_item_of_a_batch_alone(world: World, odd: str) -> None:
    items = [PLACE, PLACE | {"description": odd}, PLACE | {"place": "西门"}]
    answer = await world.community().post("/v1/hazards/batch", {"items": items})
    assert answer.status_code == 200
    found = answer.json()["items"]
    assert [item["status"] for item in found] == [201, 422, 201]
    (error,) = found[1]["problem"]["errors"]
    assert (error["pointer"], error["code"]) == ("/description", "control_characters")
    assert await world.value("SELECT count(*) FROM hazards") == 2


async def test_a_batch_has_a_size(world: World) -> None:
    community = world.community()
    for items in ([], [PLACE] * 1001):
        answer = await community.post("/v1/hazards/batch", {"items": items})
        assert answer.status_code == 422
    wordy = json.dumps({"items": [PLACE | {"description": "线" * 1000}] * 1000})  # six bytes a character, six million
    full = await community.post("/v1/hazards/batch", wordy.encode())
    assert full.status_code == 200, full.text
    numbers = {item["hazard"]["number"] for item in full.json()["items"]}
    assert len(numbers) == 1000
    for path, size in (("/v1/hazards", 2_000_000), ("/v1/hazards/batch", 10_000_000)):
        assert (await community.post(path, b" " * size)).json()["code"] == "body_too_large"


async def test_pages_are_whole_and_cursors_are_checked(world: World) -> None:
    community = world.community()
    await community.post("/v1/hazards/batch", {"items": [PLACE] * 25})
    seen, cursor = [], None
    while True:
        query: dict[str, Any] = {"limit": 10, "state": "reported"} | ({"cursor": cursor} if cursor else {})
        page = (await community.get("/v1/hazards", **query)).json()
        seen += [item["id"] for item in page["items"]]
        if (cursor := page["nextCursor"]) is None:
            break
    assert len(seen) == len(set(seen)) == 25
    bad: list[dict[str, Any]] = [
        {"cursor": "nonsense"},
        {"limit": 0},
        {"limit": 1001},
        {"state": "flying"},
        {"colour": "red"},
        {"areaCode": "1"},
        {"overdue": "perhaps"},
    ]
    for query in bad:
        answer = await community.get("/v1/hazards", **query)
        assert (answer.status_code, bool(answer.json()["code"])) == (422, True), query
    assert len((await community.get("/v1/hazards", state="", cursor="", areaCode="")).json()["items"]) == 25
    assert (await community.get("/v1/hazards", state="closed")).json()["items"] == []
    assert (await community.get("/v1/hazards", overdue=True)).json()["items"] == []
    assert (await community.get("/v1/hazards", overdue=False, level="general", total=True)).json()["total"] == 0


async def test_moves_without_a_body(world: World) -> None:
    officer = world.street()
    hazard = await officer.report(world.enterprises["彩印厂"])
    assert (await officer.move(hazard, "on-spot-fixes"))["handling"] == "fixed_on_spot"
    other = await officer.report(world.enterprises["彩印厂"])
    assert (await officer.move(other, "rejections", {}))["state"] == "void"
    answer = await officer.post(f"/v1/hazards/{other['id']}/reinspections", {"result": "perhaps"}, version=2)
    assert problem(answer.json())[2] == {("/result", "unknown_code")}
