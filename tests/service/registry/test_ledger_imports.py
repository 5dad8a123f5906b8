"""Imports over HTTP: what comes in, what is said of each line, and that a file is taken whole or not at all."""

import asyncio
import gc
import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from libs.common.actors import Role, Tier
from services.registry.operations import importing, ledgers
from services.registry.operations.importing import Importer
from services.registry.store import imports
from services.registry.store.imports import LEASE, MAX_ATTEMPTS
from tests.service.registry.conftest import World
from tests.support import registry as files
from tests.support.other_districts import district
from tests.support.registry import Office, credit_code, workbook


def figures(job: dict[str, Any]) -> tuple[int, int, int, int, int]:
    return tuple(job[name] for name in ("rows", "created", "updated", "unchanged", "rejected"))


@pytest.mark.parametrize("seed", [101, 102, 103])
async def test_another_district_with_other_faults(bare: World, seed: int) -> None:
    other = district(seed)
    clerk = bare.caller(Tier.DISTRICT, other.code)
    areas = await bare.imported(clerk, "areas", other.areas)
    assert areas["created"] == areas["rows"] > 0
    job = await bare.imported(clerk, "enterprises", other.ledger)
    rejected = other.rejected.total()
    assert figures(job) == (other.rows, other.outcomes["created"], 0, other.outcomes["unchanged"], rejected)
    errors = await clerk.items(f"/v1/imports/{job['id']}/errors", limit=7)
    assert Counter(error["code"] for error in errors) == other.rejected
    again = await bare.imported(clerk, "enterprises", other.ledger)
    assert figures(again) == (other.rows, 0, 0, other.rows - rejected, rejected)


async def test_a_changed_ledger_updates_with_history_and_events(world: World) -> None:
    clerk = world.district()
    first = Office().add(name="甲厂", code=credit_code(1), grade="A", risk="蓝", grid=files.GRID).add(name="乙店")
    assert figures(await world.imported(clerk, "enterprises", workbook(first))) == (2, 2, 0, 0, 0)
    world.clock.advance(days=30)
    clerk = world.district()
    later = Office().add(name="甲厂", code=credit_code(1), grade="C", risk="红", head="新负责人").add(name="乙店")
    job = await world.imported(clerk, "enterprises", workbook(later))
    assert figures(job) == (2, 0, 1, 1, 0)

    (listed,) = (await clerk.get("/v1/enterprises", creditCode=credit_code(1))).json()["items"]
    file = (await clerk.get(f"/v1/enterprises/{listed['id']}")).json()
    assert (file["version"], file["enterpriseClass"], file["riskLevel"]) == (2, "C", "red")
    assert file["gridCode"] == files.GRID, "what the later ledger leaves out stays"
    assert file["head"]["name"] == "新负责人"
    assert [(h["kind"], h["value"], h["effectiveOn"]) for h in file["history"]] == [
        ("enterprise_class", "A", "2026-11-20"),
        ("risk_level", "blue", "2026-11-20"),
        ("enterprise_class", "C", "2026-12-20"),
        ("risk_level", "red", "2026-12-20"),
    ]
    events = await world.announced(file["id"])
    assert [(event["type"], event["sequence"]) for event in events] == [
        ("enterprise-registered", 1),
        ("enterprise-changed", 2),
    ]
    assert events[1]["data"]["riskLevel"] == "red"
    assert events[1]["data"]["contactPersonIds"] == file["contactPersonIds"]
    assert "1990000" not in str([event["data"] for event in events]), "no phone leaves the registry"
    ended = await world.rows("SELECT 1 FROM posts WHERE valid_to IS NOT NULL")
    assert len(ended) == 1


async def test_faults_and_doubts_are_told_apart(world: World) -> None:
    clerk = world.district()
    office = Office().add(name="甲厂", longitude=36.1, latitude=114.3).add(name="").add(name="乙厂", headcount="若干")
    job = await world.imported(clerk, "enterprises", workbook(office), "九月台账.xlsx")
    assert figures(job) == (3, 2, 0, 0, 1)
    assert (job["warnings"], job["progress"], job["fileName"], job["problem"]) == (2, 100, "九月台账.xlsx", None)
    errors = await clerk.items(f"/v1/imports/{job['id']}/errors")
    assert errors == [
        {
            "sheet": "彰北街道",
            "row": 5,
            "column": "单位名称",
            "code": "missing_name",
            "message": "单位名称为空，无法建档",
            "severity": "error",
        }
    ]
    warnings = await clerk.items(f"/v1/imports/{job['id']}/errors", severity="warning")
    assert [(note["row"], note["code"]) for note in warnings] == [
        (4, "exchanged_coordinates"),
        (6, "unreadable_headcount"),
    ]
    (listed,) = (await clerk.get("/v1/enterprises", name="甲")).json()["items"]
    assert (listed["longitude"], listed["latitude"]) == (114.3, 36.1)


LEDGER = workbook(Office().add())


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"not a workbook", "unsupported_file"),
        (LEDGER[: len(LEDGER) // 2], "unreadable_file"),
        (files.bomb(30), "decompression_bomb"),
        (files.bomb(30, claim=10), "decompression_bomb"),
        (workbook(Office(titles=["说明"], above=[])), "no_header"),
    ],
    ids=["empty", "text", "cut", "bomb", "lying-bomb", "no-header"],
)
async def test_a_refused_file_leaves_nothing(world: World, content: bytes, code: str) -> None:
    before = await world.counts()
    job = await world.imported(world.district(), "enterprises", content)
    assert (job["state"], figures(job)) == ("refused", (0, 0, 0, 0, 0))
    assert job["problem"]["code"] == code
    assert job["problem"]["type"] == f"/problems/{code}"
    assert job["problem"]["detail"]
    assert await world.counts() == before
    assert await world.value("SELECT count(*) FROM import_files") == 0
    errors = await world.district().get(f"/v1/imports/{job['id']}/errors", total=True)
    assert errors.json() == {"items": [], "nextCursor": None, "total": 0}


async def test_without_areas_there_is_nowhere_to_put_anyone(bare: World) -> None:
    job = await bare.imported(bare.district(), "enterprises", LEDGER)
    assert (job["state"], job["problem"]["code"]) == ("refused", "no_areas")


async def test_jobs_are_done_in_the_order_of_their_arrival(bare: World) -> None:
    clerk = bare.district()
    areas = await clerk.upload("areas", files.areas_csv())
    ledger = await clerk.upload("enterprises", LEDGER)
    assert (await clerk.get(ledger.headers["Location"])).json()["state"] == "queued"
    assert await bare.importer.work_once()
    assert (await clerk.get(areas.headers["Location"])).json()["state"] == "done"
    assert await bare.importer.work_once()
    assert (await clerk.get(ledger.headers["Location"])).json()["created"] == 1
    assert not await bare.importer.work_once()


async def test_a_worker_that_dies_in_the_middle_leaves_nothing_and_another_finishes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after everything is written and before COMMIT: the worst moment."""
    clerk = world.district()
    office = Office()
    for number in range(50):
        office.add(name=f"第{number}厂", code=credit_code(number))
    answer = await clerk.upload("enterprises", workbook(office))
    before = await world.counts()
    finish = imports.finish

    async def die(*args: Any, **kwargs: Any) -> None:
        await finish(*args, **kwargs)
        raise asyncio.CancelledError

    monkeypatch.setattr(imports, "finish", die)
    dying = asyncio.ensure_future(world.importer.work_once())
    with pytest.raises(asyncio.CancelledError):
        await dying
    monkeypatch.undo()
    assert await world.counts() == before
    job = (await clerk.get(answer.headers["Location"])).json()
    assert (job["state"], job["created"]) == ("running", 0)
    other = Importer(world.db, world.clock)
    assert not await other.work_once(), "the lease of the dead worker has not ended"
    world.clock.advance(seconds=LEASE.total_seconds() + 1)
    assert await other.work_once()
    job = (await world.district().get(answer.headers["Location"])).json()
    assert (job["state"], job["created"]) == ("done", 50)
    assert await world.value("SELECT count(*) FROM outbox WHERE type = 'enterprise-registered'") == 50


async def test_two_workers_and_one_slow_one_do_the_work_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker whose lease ended while it read the file must not write what another has written."""
    clerk = world.district()
    answer = await clerk.upload("enterprises", LEDGER)
    read, resume = asyncio.Event(), asyncio.Event()
    real = ledgers.read_file

    async def slow(*args: Any) -> Any:
        ledger = await real(*args)
        read.set()
        await resume.wait()
        return ledger

    monkeypatch.setattr(importing, "read_file", slow)
    monkeypatch.setattr(importing, "_RENEW_SECONDS", 1e9)  # as if its event loop had stood still
    first = asyncio.ensure_future(world.importer.work_once())
    await read.wait()
    monkeypatch.setattr(importing, "read_file", real)
    world.clock.advance(seconds=LEASE.total_seconds() + 1)
    assert await Importer(world.db, world.clock).work_once()
    resume.set()
    await first
    job = (await world.district().get(answer.headers["Location"])).json()
    assert (job["state"], job["created"], job["unchanged"]) == ("done", 1, 0)
    assert await world.value("SELECT count(*) FROM enterprises") == 1


async def test_a_file_that_fails_every_time_is_given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = await world.district().upload("enterprises", LEDGER)

    async def fail(*args: Any) -> None:
        raise RuntimeError("told to fail")

    monkeypatch.setattr(importing, "apply_ledger", fail)
    for _ in range(MAX_ATTEMPTS):
        with pytest.raises(RuntimeError):
            await world.importer.work_once()
    assert await world.importer.work_once()
    job = (await world.district().get(answer.headers["Location"])).json()
    assert (job["state"], job["problem"]["code"]) == ("refused", "import_failed")


@pytest.fixture
def nothing_left_to_collect() -> Iterator[None]:
    """What other tests have left in memory is no matter of this one: walking through it takes a tenth of a second."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("nothing_left_to_collect")
async def test_the_event_loop_stays_free_while_a_file_is_read(world: World) -> None:
    office = Office()
    for number in range(1500):
        office.add(name=f"第{number}厂", code=credit_code(number))
    await world.district().upload("enterprises", workbook(office))
    running = asyncio.get_running_loop()
    ticks = [time.thread_time()]  # what this thread computes, however busy the machine is with other things

    def tick() -> None:
        ticks.append(time.thread_time())
        running.call_later(0.002, tick)

    running.call_soon(tick)
    assert await world.importer.work_once()
    ticks.append(time.thread_time())
    longest = max(later - earlier for earlier, later in pairwise(ticks))
    assert longest < 0.1


async def test_a_street_imports_its_own_street_alone(world: World) -> None:
    clerk = world.street()
    book = workbook(Office("彰北街道").add(name="甲厂"), Office("红旗路街道").add(name="乙厂"))
    job = await world.imported(clerk, "enterprises", book)
    assert figures(job) == (2, 1, 0, 0, 1)
    (error,) = await clerk.items(f"/v1/imports/{job['id']}/errors")
    assert (error["sheet"], error["code"]) == ("红旗路街道", "out_of_scope")
    assert await world.value("SELECT name FROM enterprises") == "甲厂"


async def test_a_street_does_not_take_over_another_streets_enterprise(world: World) -> None:
    far = workbook(Office("红旗路街道").add(name="甲厂", code=credit_code(1)))
    await world.imported(world.district(), "enterprises", far)
    job = await world.imported(world.street(), "enterprises", workbook(Office().add(name="甲厂", code=credit_code(1))))
    assert figures(job) == (1, 0, 0, 0, 1)
    assert await world.value("SELECT community_code FROM enterprises") == files.FAR_COMMUNITY


async def test_who_may_import_and_who_sees_it(world: World) -> None:
    job = await world.imported(world.street(), "enterprises", LEDGER)
    path = f"/v1/imports/{job['id']}"
    assert (await world.district().get(path)).status_code == 200
    assert (await world.street(files.OTHER_STREET).get(path)).status_code == 404
    assert (await world.street(files.OTHER_STREET).get(f"{path}/errors")).status_code == 404
    assert len(await world.street().items("/v1/imports")) == 1
    assert await world.street(files.OTHER_STREET).items("/v1/imports") == []
    for outsider in (world.community(), world.street(files.STREET, Role.OFFICER), world.enterprise(job["id"])):
        refused = await outsider.upload("enterprises", LEDGER)
        assert (refused.status_code, refused.json()["code"]) == (403, "administrator_required")
    unknown = await world.client.post("/v1/imports/enterprises", files={"file": LEDGER})
    assert unknown.status_code == 401


async def test_a_key_sends_a_file_once(world: World) -> None:
    clerk = world.district()
    first = await clerk.upload("enterprises", LEDGER, key="sep")
    second = await clerk.upload("enterprises", LEDGER, key="sep")
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.headers["Location"] == second.headers["Location"]
    assert first.content == second.content
    other = await clerk.upload("enterprises", LEDGER + b" ", key="sep")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert await world.value("SELECT count(*) FROM imports WHERE kind = 'enterprises'") == 1


async def test_requests_that_carry_no_proper_file(world: World) -> None:
    clerk = world.district()
    headers = {"Authorization": f"Bearer {clerk.token}"}
    none = await world.client.post("/v1/imports/enterprises", headers=headers)
    assert (none.status_code, none.json()["errors"][0]["pointer"]) == (422, "/file")
    other_field = await world.client.post("/v1/imports/areas", files={"datei": b"x"}, headers=headers)
    assert other_field.status_code == 422
    text = await world.client.post("/v1/imports/areas", data={"file": "x"}, headers=headers)
    assert text.status_code == 422
    torn = {**headers, "Content-Type": "multipart/form-data; boundary=x"}
    broken = await world.client.post("/v1/imports/areas", content=b"--x\r\nbroken", headers=torn)
    assert broken.status_code in (400, 422)
    name = await clerk.upload("areas", b"x", "a" * 201)
    assert (name.status_code, name.json()["errors"][0]["pointer"]) == (422, "/file")
    huge = await clerk.upload("enterprises", bytes(34 * 1024 * 1024))
    assert (huge.status_code, huge.json()["code"]) == (413, "body_too_large")
    assert await world.value("SELECT count(*) FROM imports WHERE state = 'queued'") == 0
    assert (await clerk.get("/v1/imports/01980000-0000-7000-8000-000000000001")).status_code == 404
    assert (await clerk.get("/v1/imports/nonsense")).status_code == 404
    assert (await clerk.get("/v1/imports/areas")).status_code == 405


async def test_areas_come_in_any_order_and_again_change_nothing(bare: World) -> None:
    clerk = bare.district()
    rows = [*reversed(files.AREAS), ("410503009001", "孤儿社区", "community", "410503009000"), ("1", "x", "", "")]
    job = await bare.imported(clerk, "areas", files.areas_csv(rows), "区划.csv")
    assert figures(job) == (11, 9, 0, 0, 2)
    errors = await clerk.items(f"/v1/imports/{job['id']}/errors")
    assert [(error["sheet"], error["row"], error["code"]) for error in errors] == [
        ("区划.csv", 11, "unknown_parent"),
        ("区划.csv", 12, "bad_area_code"),
    ]
    again = await bare.imported(clerk, "areas", files.areas_csv())
    assert figures(again) == (9, 0, 0, 9, 0)
    renamed = [(code, "北关新村" if code == files.COMMUNITY else name, *rest) for code, name, *rest in files.AREAS]
    changed = await bare.imported(clerk, "areas", files.areas_csv(renamed))
    assert figures(changed) == (9, 0, 1, 8, 0)
    node = (await clerk.get(f"/v1/areas/{files.COMMUNITY}")).json()
    assert (node["name"], node["version"], node["levelLabel"]) == ("北关新村", 2, "社区(村)")
    events = await bare.rows("SELECT type, sequence FROM outbox WHERE key = $1 ORDER BY id", node["id"])
    assert [tuple(event) for event in events] == [("area-changed", 1), ("area-changed", 2)]


@pytest.mark.parametrize(
    ("content", "code"), [(b"", "empty_file"), (LEDGER, "unsupported_file"), (b"a,b\n", "no_header")]
)
async def test_a_refused_areas_file(bare: World, content: bytes, code: str) -> None:
    job = await bare.imported(bare.district(), "areas", content)
    assert (job["state"], job["problem"]["code"]) == ("refused", code)
    assert await bare.value("SELECT count(*) FROM areas") == 0
