"""The class scheme is rows: a place may have its own from a day on, and files and ledgers follow it."""

from typing import Any

from tests.service.registry.conftest import World
from tests.support import registry as files
from tests.support.registry import Office, workbook

LEVELS = [
    {"code": "1", "label": "一级", "meaning": "风险低", "rank": 1},
    {"code": "2", "label": "二级", "meaning": "风险高", "rank": 2},
]


def scheme(**fields: Any) -> dict[str, Any]:
    body = {"areaCode": files.STREET, "effectiveFrom": "2026-11-20", "basis": "区安委办通知", "classes": LEVELS}
    return body | fields


async def codes(world: World, code: str, **query: Any) -> list[str]:
    answer = await world.district().get(f"/v1/areas/{code}/class-scheme", **query)
    assert answer.status_code == 200, answer.text
    return [one["code"] for one in answer.json()["classes"]]


async def test_a_street_takes_its_own_scheme_from_a_day_on(world: World) -> None:
    assert await codes(world, files.COMMUNITY) == ["A", "B", "C", "D"]
    clerk = world.street()
    made = await clerk.post("/v1/class-schemes", scheme(effectiveFrom="2026-12-01"), key="k")
    assert made.status_code == 201, made.text
    assert await codes(world, files.COMMUNITY) == ["A", "B", "C", "D"]
    assert await codes(world, files.COMMUNITY, on="2026-12-01") == ["1", "2"]
    assert await codes(world, files.FAR_COMMUNITY, on="2026-12-01") == ["A", "B", "C", "D"]
    later = scheme(effectiveFrom="2027-01-01", classes=LEVELS[:1])
    assert (await clerk.post("/v1/class-schemes", later)).status_code == 201
    assert await codes(world, files.GRID, on="2026-12-31") == ["1", "2"]
    assert await codes(world, files.GRID, on="2027-01-01") == ["1"]


async def test_files_and_ledgers_follow_the_scheme(world: World) -> None:
    clerk = world.street()
    assert (await clerk.post("/v1/class-schemes", scheme())).status_code == 201
    body = {"name": "甲厂", "areaCode": files.GRID}
    old = await clerk.post("/v1/enterprises", {**body, "enterpriseClass": "A"})
    assert (old.status_code, old.json()["errors"][0]["code"]) == (422, "unknown_class")
    assert (await clerk.post("/v1/enterprises", {**body, "enterpriseClass": "2"})).status_code == 201
    office = Office().add(name="乙厂", grade="１级").add(name="丙厂", grade="A")
    elsewhere = Office("红旗路街道").add(name="丁厂", grade="A")
    job = await world.imported(world.district(), "enterprises", workbook(office, elsewhere))
    assert (job["created"], job["rejected"]) == (2, 1)
    (error,) = await world.district().items(f"/v1/imports/{job['id']}/errors")
    assert error["code"] == "unknown_class"


async def test_schemes_that_are_refused(world: World) -> None:
    clerk = world.street()
    doubled = [LEVELS[0], {**LEVELS[1], "code": "1"}]
    for body, pointer, code in (
        (scheme(effectiveFrom="2026-11-19"), "/effectiveFrom", "in_the_past"),
        (scheme(classes=doubled), "/classes/1/code", "duplicate"),
        (scheme(classes=[]), "/classes", "too_short"),
        (scheme(areaCode=files.OTHER_STREET), "/areaCode", "unknown_area"),
    ):
        answer = await clerk.post("/v1/class-schemes", body)
        assert answer.status_code == 422, answer.text
        assert (pointer, code) in [(error["pointer"], error["code"]) for error in answer.json()["errors"]]
    assert (await world.community().post("/v1/class-schemes", scheme())).status_code == 403
    assert (await clerk.get(f"/v1/areas/{files.FAR_COMMUNITY}/class-scheme")).status_code == 404
    assert await world.value("SELECT count(*) FROM enterprise_classes") == 4
