"""What happens at the same time: clocks against moves, moves against moves, first numbers of a year."""

import asyncio
from typing import Any

from libs.common.actors import Actor, Role, Scope, Tier
from libs.common.contracts.hazards import DeadlineMissed
from libs.common.envelope import new_event
from libs.common.outbox import announce
from libs.common.timers import Sweeper
from services.hazards import timers
from services.hazards.domain.moves import Submit
from services.hazards.operations.moves import MoveCommand, Moving
from services.hazards.store.rulebooks import Rulebooks
from tests.service.hazards.hazard_world import COMMUNITY, GRID, ORDER, World


async def due_now(world: World, count: int) -> list[dict[str, Any]]:
    """That many hazards, ordered "at once"."""
    officer, hazards = world.street(), []
    for _ in range(count):
        hazard = await officer.report(world.enterprises["彩印厂"], category="fire")
        hazard = await officer.move(hazard, "verifications", {"level": "general"})
        hazards.append(await officer.move(hazard, "orders", ORDER | {"dueAt": world.clock.now().isoformat()}))
    return hazards


def sweeper(world: World) -> Sweeper:
    return Sweeper("hazards", world.db, world.clock, "hazards", timers.fire(Moving(Rulebooks())))


async def misses(world: World) -> int:
    count: int = await world.value("SELECT count(*) FROM outbox WHERE type = 'deadline-missed'")
    return count


async def test_three_sweepers_miss_a_deadline_once(world: World) -> None:
    await due_now(world, 20)
    for _ in range(3):
        await asyncio.gather(*(sweeper(world).sweep() for _ in range(3)))
    assert await misses(world) == 20
    assert await world.value("SELECT count(*) FROM hazards WHERE missed_deadlines = 1 AND overdue_since = due_at") == 20
    assert await world.differing() == 0


async def test_control_three_sweepers_that_do_not_lock_miss_it_three_times(world: World) -> None:
    hazard = (await due_now(world, 1))[0]
    read = asyncio.Barrier(3)

    async def naive() -> None:
        async with world.db.transaction() as tx:
            due = await tx.fetch("SELECT subject_id FROM timers WHERE due_at <= $1", world.clock.now())
            await read.wait()
            payload = DeadlineMissed(
                hazard_id=due[0]["subject_id"],
                number=hazard["number"],
                version=4,
                state="ordered",
                source="other",
                area_code=GRID,
                area_path=GRID,
                handling="ordered",
                occurred_at=world.clock.now(),
            )
            await announce(
                tx, [new_event(payload, key=payload.hazard_id, sequence=4, now=world.clock.now(), source="naive")]
            )
            await tx.execute("DELETE FROM timers WHERE kind = 'deadline'")

    await asyncio.gather(naive(), naive(), naive())
    assert await misses(world) == 3


async def test_a_rectification_that_commits_first_is_no_missed_deadline(world: World) -> None:
    hazards = await due_now(world, 1)
    works = Actor("works", Tier.ENTERPRISE, frozenset({Role.ENTERPRISE_HEAD}), Scope("", world.enterprises["彩印厂"]))
    rows = await world.rows("SELECT id FROM hazards")
    async with world.db.transaction() as tx:
        command = MoveCommand(rows[0]["id"], Submit(), works)
        await Moving(Rulebooks()).perform(tx, [command], world.clock.now())
        assert await sweeper(world).sweep() == 0  # the row is ours: the sweep goes past it
    assert await sweeper(world).sweep() == 0
    assert await misses(world) == 0
    assert (await world.announced(hazards[0]))[-1] == "hazard-rectified"


async def test_a_sweep_that_comes_first_leaves_a_late_rectification(world: World) -> None:
    hazard = (await due_now(world, 1))[0]
    await world.sweep()
    late = await world.enterprise().post(f"/v1/hazards/{hazard['id']}/rectifications", version=hazard["version"])
    assert (late.status_code, late.json()["code"]) == (412, "stale_version")
    hazard = await world.enterprise().see(hazard)
    hazard = await world.enterprise().move(hazard, "rectifications")
    assert (hazard["state"], hazard["missedDeadlines"], hazard["overdueSince"]) == ("rectified", 1, None)


async def test_of_two_who_saw_the_same_version_one_moves(world: World) -> None:
    officer, community = world.street(), world.community()
    hazard = await officer.report(world.enterprises["彩印厂"], category="fire")
    door = f"/v1/hazards/{hazard['id']}"
    answers = await asyncio.gather(
        *(officer.post(f"{door}/verifications", {"level": "general"}, version=1) for _ in range(10)),
        *(community.post(f"{door}/rejections", {}, version=1) for _ in range(10)),
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 19
    assert await world.value("SELECT count(*) FROM hazard_log") == 2
    assert await world.differing() == 0


async def test_many_reporters_at_once_get_numbers_of_their_own(world: World) -> None:
    community = world.community()
    body = {"areaCode": COMMUNITY, "place": "东门", "description": "线头裸露", "source": "patrol"}
    answers = await asyncio.gather(*(community.post("/v1/hazards", body) for _ in range(200)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["number"] for answer in answers}) == 200
    assert await world.differing() == 0


async def test_a_number_is_never_given_again(world: World) -> None:
    community = world.community()
    body = {"areaCode": COMMUNITY, "place": "东门", "description": "线头裸露", "source": "patrol"}
    first = (await community.post("/v1/hazards", body)).json()["number"]
    await world.rows("ALTER TABLE outbox ADD CONSTRAINT broken CHECK (false) NOT VALID")
    assert (await community.post("/v1/hazards", body)).status_code == 500
    await world.rows("ALTER TABLE outbox DROP CONSTRAINT broken")
    second = (await community.post("/v1/hazards", body)).json()["number"]
    assert await world.value("SELECT count(*) FROM hazards") == 2
    assert await world.value("SELECT count(*) FROM hazard_log") == 2
    assert first < second


async def test_two_moves_of_one_hazard_in_one_batch_follow_each_other(world: World) -> None:
    officer = Actor("officer", Tier.STREET, frozenset({Role.OFFICER}), Scope("410503001"))
    hazards = await due_now(world, 2)
    works = Actor("works", Tier.ENTERPRISE, frozenset({Role.ENTERPRISE_HEAD}), Scope("", world.enterprises["彩印厂"]))
    rows = await world.rows("SELECT id FROM hazards ORDER BY id")
    from services.hazards.domain.moves import Fail, Pass

    commands = [
        MoveCommand(rows[0]["id"], Submit(), works, 3),
        MoveCommand(rows[0]["id"], Fail(), officer, 4),
        MoveCommand(rows[0]["id"], Submit(), works, 4),
        MoveCommand(rows[1]["id"], Submit(), works, 3),
        MoveCommand(rows[1]["id"], Pass(), officer, 4),
    ]
    async with world.db.transaction() as tx:
        results = await Moving(Rulebooks()).perform(tx, commands, world.clock.now())
    assert [getattr(result, "code", "done") for result in results] == ["done", "done", "stale_version", "done", "done"]
    kinds = await world.rows("SELECT kind FROM timers WHERE subject_id = $1 ORDER BY kind", rows[0]["id"])
    assert [row["kind"] for row in kinds] == ["deadline", "reminder"]
    assert await world.value("SELECT count(*) FROM timers WHERE subject_id = $1", rows[1]["id"]) == 0
    assert (await world.announced(hazards[1]))[-2:] == ["hazard-rectified", "hazard-closed"]
    assert await world.differing() == 0
