"""Each tier sees its own and what is below it; the rest does not exist, and no phone goes further than it must."""

from typing import Any

import pytest

from libs.common.actors import Role, Tier
from tests.service.registry.conftest import Caller, World
from tests.support import registry as files

NOBODY = "01980000-0000-7000-8000-000000000001"


@pytest.fixture
async def three(world: World) -> dict[str, dict[str, Any]]:
    """One enterprise in a grid, one in the community beside it, one in the other street."""
    clerk = world.district()
    made = {}
    for name, code in (("近", files.GRID), ("邻", "410503001002"), ("远", files.FAR_COMMUNITY)):
        body = {"name": f"{name}厂", "areaCode": code, "head": {"name": f"{name}老板", "phone": "19900000001"}}
        answer = await clerk.post("/v1/enterprises", body)
        assert answer.status_code == 201, answer.text
        made[name] = dict(answer.json())
    return made


def grid(world: World) -> Caller:
    return world.caller(Tier.COMMUNITY, files.GRID, Role.GRID_WORKER)


async def test_each_tier_lists_its_own(world: World, three: dict[str, dict[str, Any]]) -> None:
    for caller, expected in (
        (world.district(), {"近厂", "邻厂", "远厂"}),
        (world.street(), {"近厂", "邻厂"}),
        (world.street(files.OTHER_STREET), {"远厂"}),
        (world.community(), {"近厂"}),
        (grid(world), {"近厂"}),
        (world.enterprise(three["邻"]["id"]), {"邻厂"}),
        (world.enterprise(NOBODY), set()),
        (world.caller(Tier.DISTRICT, "410502000000"), set()),
    ):
        assert {one["name"] for one in await caller.items("/v1/enterprises")} == expected
        page = await caller.get("/v1/enterprises", total=True)
        assert page.json()["total"] == len(expected)


async def test_asking_for_more_than_the_own_area_gives_no_more(world: World, three: dict[str, dict[str, Any]]) -> None:
    assert await world.community().items("/v1/enterprises", areaCode=files.FAR_COMMUNITY) == []
    assert len(await world.community().items("/v1/enterprises", areaCode=files.DISTRICT)) == 1
    cursor = (await world.district().get("/v1/enterprises", limit=1)).json()["nextCursor"]
    page = await world.community().get("/v1/enterprises", cursor=cursor)
    assert {one["name"] for one in page.json()["items"]} <= {"近厂"}


async def test_what_lies_outside_does_not_exist(world: World, three: dict[str, dict[str, Any]]) -> None:
    far = f"/v1/enterprises/{three['远']['id']}"
    for caller in (world.street(), world.community(), world.enterprise(three["近"]["id"])):
        for path in (far, f"{far}/gradings"):
            answer = await caller.get(path)
            missing = await caller.get(path.replace(three["远"]["id"], NOBODY))
            assert (answer.status_code, answer.json()["code"]) == (404, "enterprise_not_found")
            assert {**answer.json(), "traceId": ""} == {**missing.json(), "traceId": ""}
    clerk = world.street()
    for method, path, body in (
        ("PATCH", far, {"headcount": 1}),
        ("POST", f"{far}/closures", {"reason": "x"}),
        ("POST", f"{far}/classifications", {"enterpriseClass": "A", "reason": "x"}),
        ("POST", f"{far}/risk-assessments", {"riskLevel": "red", "reason": "x"}),
        ("POST", f"{far}/posts", {"personId": NOBODY, "role": "enterprise_head"}),
        ("PATCH", f"/v1/areas/{files.FAR_COMMUNITY}", {"name": "x"}),
        ("DELETE", f"/v1/areas/{files.FAR_COMMUNITY}", None),
    ):
        answer = await clerk.send(method, path, body, version=1)
        assert answer.status_code == 404, (method, path, answer.text)
    moved = await clerk.send(
        "PATCH", f"/v1/enterprises/{three['近']['id']}", {"areaCode": files.FAR_COMMUNITY}, version=1
    )
    assert (moved.status_code, moved.json()["code"]) == (422, "unknown_area")
    elsewhere = await clerk.post("/v1/enterprises", {"name": "x", "areaCode": files.FAR_COMMUNITY})
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (422, "unknown_area")
    assert await world.value("SELECT max(version) FROM enterprises") == 1


async def test_who_may_change_what(world: World, three: dict[str, dict[str, Any]]) -> None:
    near = f"/v1/enterprises/{three['近']['id']}"
    attempts = (
        ("PATCH", near, {"headcount": 1}),
        ("POST", "/v1/enterprises", {"name": "x", "areaCode": files.GRID}),
        ("POST", f"{near}/closures", {"reason": "x"}),
        ("POST", f"{near}/classifications", {"enterpriseClass": "A", "reason": "x"}),
        ("POST", "/v1/areas", {"code": "410503001001009", "name": "x"}),
        ("POST", "/v1/persons", {"name": "x", "areaCode": files.GRID}),
    )
    for caller in (
        world.community(),
        grid(world),
        world.enterprise(three["近"]["id"]),
        world.street(files.STREET, Role.LEADER),
    ):
        for method, path, body in attempts:
            answer = await caller.send(method, path, body, version=1)
            assert answer.status_code == 403, (method, path, answer.text)
    officer = world.street(files.STREET, Role.OFFICER)
    assert (await officer.send("PATCH", near, {"headcount": 1}, version=1)).status_code == 403
    graded = await officer.post(f"{near}/classifications", {"enterpriseClass": "A", "reason": "x"}, version=1)
    assert graded.status_code == 200
    for method, path, body in attempts:
        anonymous = await Caller(world.client, "").send(method, path, body, version=1)
        assert (anonymous.status_code, anonymous.headers["WWW-Authenticate"]) == (401, "Bearer")


async def test_areas_within_the_scope(world: World, three: dict[str, dict[str, Any]]) -> None:
    async def codes(caller: Caller) -> set[str]:
        return {node["code"] for node in await caller.items("/v1/areas")}

    assert len(await codes(world.district())) == len(files.AREAS)
    assert await codes(world.community()) == {files.COMMUNITY, "410503001001001", "410503001001002"}
    own = {files.DISTRICT, files.STREET, files.COMMUNITY, files.GRID}
    assert await codes(world.enterprise(three["近"]["id"])) == own
    assert (await world.community().get(f"/v1/areas/{files.STREET}")).status_code == 404
    assert (await world.enterprise(three["近"]["id"]).get(f"/v1/areas/{files.STREET}")).status_code == 200


async def test_phones(world: World, three: dict[str, dict[str, Any]]) -> None:
    near = f"/v1/enterprises/{three['近']['id']}"
    for caller in (world.street(), world.community(), grid(world), world.enterprise(three["近"]["id"])):
        assert (await caller.get(near)).json()["head"]["phone"] == "19900000001"
        (listed,) = [one for one in await caller.items("/v1/enterprises") if one["name"] == "近厂"]
        assert listed["head"]["phone"] == "199****0001"
        (someone,) = [one for one in await caller.items("/v1/persons") if one["name"] == "近老板"]
        assert someone["phone"] == "199****0001"
    system = world.caller(Tier.SYSTEM, files.DISTRICT, Role.SYSTEM)
    assert (await system.get(near)).json()["head"]["phone"] == "199****0001"
    assert "19900000001" not in str(await world.rows("SELECT data FROM outbox"))


async def test_persons_within_the_scope(world: World, three: dict[str, dict[str, Any]]) -> None:
    (far,) = await world.street(files.OTHER_STREET).items("/v1/persons")
    assert far["name"] == "远老板"
    assert (await world.street().get(f"/v1/persons/{far['id']}")).status_code == 404
    assert (await world.street().send("PATCH", f"/v1/persons/{far['id']}", {"name": "x"}, version=1)).status_code == 404
    assert [one["name"] for one in await world.enterprise(three["近"]["id"]).items("/v1/persons")] == ["近老板"]
    assert len(await world.district().items("/v1/persons", role="enterprise_head", name="老板", limit=1)) == 3
