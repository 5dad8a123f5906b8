"""The area tree and its people over HTTP: nodes made, renamed, ended; posts given and ended; who has nobody."""

from typing import Any

from tests.service.registry.conftest import Caller, World
from tests.support import registry as files

NEW_GRID = "410503001001009"


async def person(caller: Caller, **fields: Any) -> dict[str, Any]:
    """A new person, who must be accepted."""
    answer = await caller.post("/v1/persons", {"name": "网格员甲", "phone": "19900000001", **fields})
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"/v1/persons/{answer.json()['id']}"
    return dict(answer.json())


async def test_the_tree_is_read_level_by_level(world: World) -> None:
    clerk = world.district()
    streets = (await clerk.get("/v1/areas", parentCode=files.DISTRICT, total=True)).json()
    assert ([node["name"] for node in streets["items"]], streets["total"]) == (["彰北街道", "红旗路街道"], 2)
    grids = await clerk.items("/v1/areas", level="grid", limit=1)
    assert [node["code"] for node in grids] == ["410503001001001", "410503001001002", "410503002001001"]
    below = await clerk.items("/v1/areas", areaCode=files.COMMUNITY)
    assert [node["level"] for node in below] == ["community", "grid", "grid"]
    assert len(await clerk.items("/v1/areas", name="北关社区")) == 2
    node = await clerk.get(f"/v1/areas/{files.COMMUNITY}")
    assert node.headers["ETag"] == '"1"'
    assert node.json()["parentCode"] == files.STREET
    assert node.json()["validFrom"] == "2026-11-20"


async def test_a_node_is_made_renamed_and_ended(world: World) -> None:
    clerk = world.street()
    made = await clerk.post("/v1/areas", {"code": NEW_GRID, "name": "北关第9网格"}, key="k")
    assert (made.status_code, made.headers["Location"]) == (201, f"/v1/areas/{NEW_GRID}")
    assert made.json()["level"] == "grid"
    assert (await clerk.post("/v1/areas", {"code": NEW_GRID, "name": "北关第9网格"}, key="k")).content == made.content
    double = await clerk.post("/v1/areas", {"code": NEW_GRID, "name": "x"})
    assert (double.status_code, double.json()["code"]) == (409, "duplicate_area")
    path = f"/v1/areas/{NEW_GRID}"
    assert (await clerk.send("PATCH", path, {"name": "第九网格"})).status_code == 428
    renamed = await clerk.send("PATCH", path, {"name": "第九网格"}, version=1)
    assert (renamed.status_code, renamed.json()["version"]) == (200, 2)
    assert (await clerk.send("PATCH", path, {"name": "x"}, version=1)).json()["code"] == "stale_version"
    ended = await clerk.send("DELETE", path, version=2)
    assert (ended.status_code, ended.json()["validTo"]) == (200, "2026-11-20")
    assert (await clerk.get(path)).status_code == 404
    events = await world.announced(made.json()["id"])
    assert [(event["sequence"], event["data"]["validTo"]) for event in events] == [
        (1, None),
        (2, None),
        (3, "2026-11-20"),
    ]
    again = await clerk.post("/v1/areas", {"code": NEW_GRID, "name": "新第9网格"})
    assert again.status_code == 201
    assert again.json()["id"] != made.json()["id"], "a code may return; the node is another"


async def test_a_node_with_parts_does_not_end(world: World) -> None:
    clerk = world.street()
    refused = await clerk.send("DELETE", f"/v1/areas/{files.COMMUNITY}", version=1)
    assert (refused.status_code, refused.json()["code"]) == (409, "area_has_parts")
    body = {"name": "甲厂", "areaCode": files.GRID}
    made = (await clerk.post("/v1/enterprises", body)).json()
    inhabited = await clerk.send("DELETE", f"/v1/areas/{files.GRID}", version=1)
    assert inhabited.json()["code"] == "area_has_parts"
    await clerk.post(f"/v1/enterprises/{made['id']}/closures", {"reason": "搬迁"}, version=1)
    assert (await clerk.send("DELETE", f"/v1/areas/{files.GRID}", version=1)).status_code == 200


async def test_nodes_that_cannot_be_made(world: World) -> None:
    clerk = world.street()
    for code, expected in (
        ("410503001009001", "unknown_parent"),
        ("410503001000", "duplicate_area"),
        ("410503002009", "unknown_area"),
        ("410503000001", "bad_area_code"),
        ("41050300100", "wrong_format"),
    ):
        answer = await clerk.post("/v1/areas", {"code": code, "name": "x"})
        found = [answer.json()["code"], *(error["code"] for error in answer.json()["errors"])]
        assert expected in found, (code, answer.json())
    assert await world.value("SELECT count(*) FROM areas") == len(files.AREAS)


async def test_posts_on_nodes_and_who_has_nobody(world: World) -> None:
    clerk = world.street()
    assert len(await clerk.items("/v1/areas", unattended=True)) == 5
    worker = await person(clerk, areaCode=files.GRID)
    given = await clerk.post(f"/v1/areas/{files.GRID}/posts", {"personId": worker["id"], "role": "grid_worker"})
    assert (given.status_code, given.json()["version"]) == (200, 2)
    assert given.json()["posts"] == [{"personId": worker["id"], "role": "grid_worker"}]
    again = await clerk.post(f"/v1/areas/{files.GRID}/posts", {"personId": worker["id"], "role": "grid_worker"})
    assert again.json()["version"] == 2, "given once"
    assert files.GRID not in [node["code"] for node in await clerk.items("/v1/areas", unattended=True)]
    assert [node["code"] for node in await clerk.items("/v1/areas", unattended=False)] == [files.GRID]
    (event,) = (await world.announced(given.json()["id"]))[1:]
    assert event["data"]["posts"] == [{"personId": worker["id"], "role": "grid_worker"}]
    assert "1990000" not in str(event["data"])
    read = (await clerk.get(f"/v1/persons/{worker['id']}")).json()
    assert read["posts"] == [
        {
            "role": "grid_worker",
            "roleLabel": "网格员",
            "areaCode": files.GRID,
            "enterpriseId": None,
            "validFrom": "2026-11-20",
        }
    ]
    path = f"/v1/areas/{files.GRID}/posts/grid_worker/{worker['id']}"
    ended = await clerk.send("DELETE", path)
    assert (ended.status_code, ended.json()["posts"], ended.json()["version"]) == (200, [], 3)
    assert (await clerk.send("DELETE", path)).json()["code"] == "post_not_found"


async def test_posts_that_do_not_fit(world: World) -> None:
    clerk = world.street()
    worker = await person(clerk, areaCode=files.GRID)
    far = await person(world.district(), areaCode=files.FAR_COMMUNITY)
    for code, who, role, expected in (
        (files.STREET, worker["id"], "grid_worker", "role_does_not_fit"),
        (files.GRID, worker["id"], "enterprise_head", "role_does_not_fit"),
        (files.GRID, far["id"], "grid_worker", "unknown_person"),
        (files.GRID, worker["id"], "emperor", "unknown_code"),
        (files.FAR_COMMUNITY, worker["id"], "grid_worker", "area_not_found"),
    ):
        answer = await clerk.post(f"/v1/areas/{code}/posts", {"personId": who, "role": role})
        found = [answer.json()["code"], *(error["code"] for error in answer.json()["errors"])]
        assert expected in found, (code, role, answer.json())


async def test_posts_at_enterprises(world: World) -> None:
    clerk = world.street()
    made = (await clerk.post("/v1/enterprises", {"name": "甲厂", "areaCode": files.GRID})).json()
    assert [one["name"] for one in await clerk.items("/v1/enterprises", unattended=True)] == ["甲厂"]
    owner = await person(clerk, name="张三", enterpriseId=made["id"])
    path = f"/v1/enterprises/{made['id']}/posts"
    given = await clerk.post(path, {"personId": owner["id"], "role": "enterprise_head"})
    assert given.status_code == 200, given.text
    assert given.json()["head"]["name"] == "张三"
    assert (given.json()["version"], given.json()["contactPersonIds"]) == (2, [owner["id"]])
    assert (await world.announced(made["id"]))[-1]["data"]["contactPersonIds"] == [owner["id"]]
    assert await clerk.items("/v1/enterprises", unattended=True) == []
    stranger = await person(clerk, areaCode=files.GRID)
    refused = await clerk.post(path, {"personId": stranger["id"], "role": "safety_officer"})
    assert refused.json()["errors"][0]["code"] == "role_does_not_fit"
    ended = await clerk.send("DELETE", f"{path}/enterprise_head/{owner['id']}")
    assert (ended.json()["contactPersonIds"], ended.json()["version"]) == ([], 3)


async def test_persons_are_corrected_on_the_version_that_was_seen(world: World) -> None:
    clerk = world.street()
    worker = await person(clerk, areaCode=files.GRID)
    path = f"/v1/persons/{worker['id']}"
    changed = await clerk.send("PATCH", path, {"phone": "199-0000-0009"}, version=1)
    assert (changed.json()["phone"], changed.json()["name"], changed.json()["version"]) == (
        "19900000009",
        "网格员甲",
        2,
    )
    assert (await clerk.send("PATCH", path, {"phone": None}, version=2)).json()["phone"] is None
    assert (await clerk.send("PATCH", path, {"name": None}, version=3)).status_code == 422
    assert (await clerk.send("PATCH", path, {"name": "x"}, version=1)).status_code == 412
    for places in ({}, {"areaCode": files.GRID, "enterpriseId": worker["id"]}):
        refused = await clerk.post("/v1/persons", {"name": "x", **places})
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "one_place")
