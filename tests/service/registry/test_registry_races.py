"""Many at once: one enterprise is registered once, one version is changed once, a batch does not fail as a whole."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from alembic import command

from libs.common import migrations
from libs.common.actors import Actor, Role, Scope, Tier
from libs.common.errors import AppError
from services.registry.domain.errors import DuplicateCreditCode, UnknownArea
from services.registry.domain.records import EnterpriseRecord
from services.registry.operations import enterprises
from services.registry.operations.commands import Filed, Register
from tests.service.registry.conftest import World
from tests.support import registry as files
from tests.support.registry import Office, credit_code, workbook

CLERK = Actor("clerk", Tier.DISTRICT, frozenset({Role.ADMINISTRATOR}), Scope("410503"))


async def test_one_enterprise_registered_by_many_at_once_is_one(world: World) -> None:
    clerk = world.street()
    body = {"name": "甲厂", "areaCode": files.GRID, "creditCode": credit_code(1)}
    answers = await asyncio.gather(*(clerk.post("/v1/enterprises", body) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 11]


async def test_an_import_and_a_request_for_the_same_enterprise(world: World) -> None:
    clerk = world.district()
    await clerk.upload("enterprises", workbook(Office().add(name="甲厂", code=credit_code(1))))
    body = {"name": "甲厂", "areaCode": files.COMMUNITY, "creditCode": credit_code(1)}
    working = asyncio.ensure_future(world.importer.work_once())
    answers = await asyncio.gather(*(clerk.post("/v1/enterprises", body) for _ in range(8)))
    assert await working
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert await world.value("SELECT count(*) FROM enterprises") == 1
    job = (await clerk.items("/v1/imports", limit=1))[0]
    assert (job["state"], job["rows"]) == ("done", 1)


async def test_one_version_is_changed_once(world: World) -> None:
    clerk = world.street()
    made = (await clerk.post("/v1/enterprises", {"name": "甲厂", "areaCode": files.GRID})).json()
    path = f"/v1/enterprises/{made['id']}"
    answers = await asyncio.gather(
        *(clerk.send("PATCH", path, {"headcount": n}, version=1) for n in range(1, 9)),
        *(clerk.post(f"{path}/classifications", {"enterpriseClass": "A", "reason": "x"}, version=1) for _ in range(4)),
    )
    assert sorted(answer.status_code for answer in answers) == [200, *[412] * 11]
    assert [event["sequence"] for event in await world.announced(made["id"])] == [1, 2]


async def test_one_bad_item_of_a_batch_is_refused_alone(world: World) -> None:
    commands = [
        Register(EnterpriseRecord("甲厂", "", credit_code(1)), files.GRID, CLERK),
        Register(EnterpriseRecord("乙厂", "", credit_code(1)), files.GRID, CLERK),
        Register(EnterpriseRecord("丙厂", ""), "410503001099", CLERK),
        Register(EnterpriseRecord("丁厂", ""), files.COMMUNITY, CLERK),
    ]
    async with world.db.transaction() as tx:
        results: list[Filed | AppError] = await enterprises.register(tx, commands, datetime(2026, 9, 1, tzinfo=UTC))
    assert [type(result) for result in results] == [Filed, DuplicateCreditCode, UnknownArea, Filed]
    assert await world.value("SELECT count(*) FROM enterprises") == 2
    assert await world.value("SELECT count(*) FROM outbox WHERE topic = 'registry.enterprises'") == 2


async def test_migrations_go_up_and_down_and_say_what_the_tables_say(create_database: Any) -> None:
    url = await create_database(None)
    await asyncio.to_thread(migrations.upgrade, "registry", url)
    await asyncio.to_thread(command.check, migrations.config("registry", url))
    await asyncio.to_thread(migrations.downgrade, "registry", url, "base")
    await asyncio.to_thread(migrations.upgrade, "registry", url)
