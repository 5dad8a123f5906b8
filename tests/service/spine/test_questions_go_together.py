"""Questions that need no answer of one another reach the server together, and mean what each would alone."""

from datetime import UTC, datetime, time
from uuid import UUID, uuid4

import pytest

from libs.common.db import Database, Tx
from libs.common.questions import Question, instant, instant_or_none
from tests.bench.recorded import RecordingDatabase

THING = "INSERT INTO things (id, version, state, label, weight) SELECT $1, 1, 'new', $2, $3"


async def put_things(tx: Tx, *labels: str) -> list[UUID]:
    ids = [uuid4() for _ in labels]
    for weight, (id, label) in enumerate(zip(ids, labels, strict=True), 1):
        await tx.write("things", THING, id, label, weight)
    return ids


def labels_of(ids: list[UUID], heaviest: int) -> Question[list[str]]:
    return Question(
        lambda rows: [row["label"] for row in rows],
        "SELECT label FROM things WHERE id = ANY($1::uuid[]) AND weight <= $2::int ORDER BY weight DESC",
        ids,
        heaviest,
    )


async def test_several_questions_are_one_statement_and_each_has_its_own_arguments(toy_url: str) -> None:
    db = RecordingDatabase(toy_url)
    async with db.transaction() as tx:
        ids = await put_things(tx, "lightest", "middle", "heaviest $1")
        all_of_them, the_light, nobody = labels_of(ids, 9), labels_of(ids, 2), labels_of([], 9)
        await tx.ask(all_of_them, the_light, nobody)
    assert all_of_them.answer == ["heaviest $1", "middle", "lightest"]
    assert the_light.answer == ["middle", "lightest"]
    assert nobody.answer == []
    assert ["json_agg" in statement.sql for statement in db.transactions[-1]] == [False, False, False, True]
    await db.close()


async def test_what_was_written_before_is_seen(db: Database) -> None:
    async with db.transaction() as tx:
        ids = await put_things(tx, "written")
        question = labels_of(ids, 9)
        await tx.ask(question)
    assert question.answer == ["written"]


async def test_values_mean_what_they_meant_in_the_table(db: Database) -> None:
    id = uuid4()
    noon = datetime(2026, 3, 1, 12, 0, 0, 120_000, tzinfo=UTC)
    question: Question[dict[str, object]] = Question(
        lambda rows: {
            "id": UUID(rows[0]["id"]),
            "at": instant(rows[0]["at"]),
            "until": instant_or_none(rows[0]["until"]),
            "hour": time.fromisoformat(rows[0]["hour"]),
            "days": rows[0]["days"],
            "data": rows[0]["data"],
            "text": rows[0]["text"],
        },
        "SELECT $1::uuid AS id, $2::timestamptz AS at, NULL::timestamptz AS until, $3::time AS hour, "
        "ARRAY[1, 7] AS days, jsonb_build_object('a', ARRAY['b']) AS data, $4::text AS text",
        id,
        noon,
        time(8, 30),
        '消防"通道\\\n',
    )
    async with db.transaction() as tx:
        await tx.ask(question)
    assert question.answer == {
        "id": id,
        "at": noon,
        "until": None,
        "hour": time(8, 30),
        "days": [1, 7],
        "data": {"a": ["b"]},
        "text": '消防"通道\\\n',
    }


async def test_there_is_no_answer_before_it_was_asked(db: Database) -> None:
    question = labels_of([], 1)
    with pytest.raises(AttributeError):
        _ = question.answer
