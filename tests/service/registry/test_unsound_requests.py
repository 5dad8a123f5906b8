"""Bad input: each is refused with the field and a code, none is a 500, nothing is written."""

from typing import Any

import pytest

from tests.service.registry.conftest import World
from tests.support import registry as files

GOOD: dict[str, Any] = {"name": "甲厂", "areaCode": files.GRID}
BAD_CODE = "91410503MA00000070"


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"banana": 1}, "/banana", "unknown_field"),
        ({"name": 5}, "/name", "wrong_type"),
        ({"name": "   "}, "/name", "too_short"),
        ({"name": "厂" * 201}, "/name", "too_long"),
        ({"name": "甲\u0000厂"}, "/name", "control_characters"),
        ({"name": "甲\u0007厂"}, "/name", "control_characters"),
        ({"name": "甲\u202e厂"}, "/name", "control_characters"),
        ({"areaCode": "4105030010"}, "/areaCode", "wrong_format"),
        ({"areaCode": files.STREET}, "/areaCode", "too_coarse"),
        ({"areaCode": "410503001099"}, "/areaCode", "unknown_area"),
        ({"creditCode": "914105"}, "/creditCode", "malformed_credit_code"),
        ({"creditCode": BAD_CODE}, "/creditCode", "bad_check_digit"),
        ({"headcount": -1}, "/headcount", "out_of_range"),
        ({"headcount": "6"}, "/headcount", "wrong_type"),
        ({"headcount": 1.5}, "/headcount", "wrong_type"),
        ({"headcount": 10**30}, "/headcount", "out_of_range"),
        ({"riskLevel": "purple"}, "/riskLevel", "unknown_code"),
        ({"enterpriseClass": "Z"}, "/enterpriseClass", "unknown_class"),
        ({"longitude": 114.0}, "/latitude", "required"),
        ({"longitude": 36.0, "latitude": 114.0}, "/longitude", "out_of_range"),
        ({"licences": [{"name": "证", "validUntil": "2026-02-30"}]}, "/licences/0/validUntil", "invalid_time"),
        ({"licences": [{"name": "证"}] * 51}, "/licences", "too_long"),
        ({"head": {"name": "张", "age": 5}}, "/head/age", "unknown_field"),
        ({"remark": "已整改😀"}, None, None),
    ],
)
async def test_new_files(world: World, change: dict[str, Any], pointer: str | None, code: str | None) -> None:
    before = await world.counts()
    answer = await world.street().post("/v1/enterprises", {**GOOD, **change})
    if code is None:
        assert answer.status_code == 201, "emoji are characters like others"
        return
    problem = answer.json()
    assert answer.status_code == 422, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (pointer, code) in [(error["pointer"], error["code"]) for error in problem["errors"]], problem
    assert problem["traceId"]
    assert BAD_CODE not in answer.text
    assert await world.counts() == before


@pytest.mark.parametrize(
    "name", ["𠮷祥里𠀀店", "🏭 加工厂", "Ａ１（北）", 'O\'Brien "x" \\ ; DROP TABLE enterprises --', "=1+1"]
)
async def test_texts_come_back_as_they_went_in(world: World, name: str) -> None:
    clerk = world.street()
    made = (await clerk.post("/v1/enterprises", {**GOOD, "name": name, "remark": name})).json()
    read = (await clerk.get(f"/v1/enterprises/{made['id']}")).json()
    assert (read["name"], read["remark"]) == (name, name)
    assert len(await clerk.items("/v1/enterprises", name=name)) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b'{"name": "\xff"}',
        b'{"name": "\\ud800", "areaCode": "410503001001"}',
        b"[" * 5000,
    ],
)
async def test_bodies_that_are_no_object(world: World, content: bytes) -> None:
    answer = await world.street().send("POST", "/v1/enterprises", content)
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert await world.value("SELECT count(*) FROM enterprises") == 0


async def test_large_bodies(world: World) -> None:
    answer = await world.street().post("/v1/enterprises", {**GOOD, "remark": "厂" * 5_000_000})
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    "change", [{"name": None}, {"areaCode": None}, {"head": None}, {"licences": None}, {"longitude": 114.0}]
)
async def test_patches_that_would_leave_a_hole(world: World, change: dict[str, Any]) -> None:
    clerk = world.street()
    made = (await clerk.post("/v1/enterprises", GOOD)).json()
    answer = await clerk.send("PATCH", f"/v1/enterprises/{made['id']}", change, version=1)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "required")
    assert await world.value("SELECT version FROM enterprises") == 1


@pytest.mark.parametrize(
    ("tag", "status"),
    [("1", 400), ('"x', 400), ('"x"', 412), ('W/"2"', 412), ('"0"', 412), ('"99999999999999999999"', 412), ("*", 428)],
)
async def test_versions_that_are_none(world: World, tag: str, status: int) -> None:
    clerk = world.street()
    made = (await clerk.post("/v1/enterprises", GOOD)).json()
    headers = {"Authorization": f"Bearer {clerk.token}", "If-Match": tag}
    answer = await world.client.patch(f"/v1/enterprises/{made['id']}", json={"headcount": 1}, headers=headers)
    assert answer.status_code == status, answer.text
    assert await world.value("SELECT version FROM enterprises") == 1
    other = await clerk.send("PATCH", f"/v1/enterprises/{made['id']}", {"headcount": 1}, version=10**16)
    assert other.status_code == 412


async def test_a_patch_that_makes_a_double_is_refused(world: World) -> None:
    clerk = world.street()
    code = files.credit_code(1)
    await clerk.post("/v1/enterprises", {**GOOD, "creditCode": code})
    made = (await clerk.post("/v1/enterprises", {**GOOD, "name": "乙厂"})).json()
    path = f"/v1/enterprises/{made['id']}"
    answer = await clerk.send("PATCH", path, {"creditCode": code}, version=1)
    assert (answer.status_code, answer.json()["code"]) == (409, "duplicate_credit_code")
    third = (await clerk.post("/v1/enterprises", {**GOOD, "name": "丙厂"})).json()
    name = await clerk.send("PATCH", f"/v1/enterprises/{third['id']}", {"name": "乙 厂"}, version=1)
    assert (name.status_code, name.json()["code"]) == (409, "duplicate_enterprise")
    good = await clerk.send("PATCH", path, {"creditCode": files.credit_code(2)}, version=1)
    assert good.json()["creditCode"] == files.credit_code(2)
