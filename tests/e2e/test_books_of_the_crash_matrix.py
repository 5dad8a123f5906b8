"""The books of the crash matrix can fail: each promise broken by hand is counted under its name."""

from collections.abc import Awaitable, Callable, Sequence
from random import Random
from uuid import UUID

import pytest

from deploy.local.settings import SERVICES
from libs.common.ids import new_id
from tests.crash.log_reader import Reading
from tests.crash.matrix_books import Books, Fault
from tests.crash.matrix_people import Asked
from tests.crash.receivers import Receivers
from tests.evidence.cluster import connected

_EVENT = """
INSERT INTO outbox (shard, event_id, topic, key, type, schema_id, sequence, time, data)
VALUES (0, $1, 'hazards.hazards', $2, 'hazard-found', 'hazard-found-1', $3, now(), '{}')
"""


class _Log:
    """A log with these events in it, one of which came after a later one of its key."""

    def __init__(self, seen: Sequence[UUID]) -> None:
        self.seen = {event.bytes for event in seen}

    async def read_on(self) -> Reading:
        return Reading(fresh=len(self.seen), disordered=1)


@pytest.fixture
async def books(create_database: Callable[[str | None], Awaitable[str]]) -> Books:
    """Empty books of three empty services."""
    return Books({name: await create_database(name) for name in SERVICES}, "no-broker:9092")


async def _closed(books: Books, asked: Asked, phones: Receivers, log: _Log) -> dict[tuple[Fault, str], int]:
    books._log = log  # type: ignore[assignment]
    await books.close_round(asked, phones)
    return dict(books.faults.counts)


async def test_books_of_nothing_agree(books: Books) -> None:
    found = await _closed(books, Asked("s/"), Receivers(Random(1)), _Log([]))
    assert found == {(Fault.DISORDERED, "events in the log after a later one of their key"): 1}


async def test_every_promise_that_is_broken_is_counted_under_its_name(books: Books) -> None:
    hazard, stranger, lost, kept = new_id(), new_id(), new_id(), new_id()
    async with connected(books._urls["hazards"]) as connection:
        await connection.execute(_EVENT, lost, str(hazard), 1)
        await connection.execute(_EVENT, kept, str(hazard), 1)  # the same move told twice
    asked = Asked("s/", reports={"s/1": str(hazard)}, moves=[(str(hazard), 2)] * 2, acknowledged={str(new_id())})
    asked.imports[str(new_id())] = "nobody"
    phones = Receivers(Random(1))
    phones.heard["alert", 1, "person"] |= {str(new_id()), str(new_id())}
    books.note_left({"clocks of hazards that did not ring": 3})
    found = await _closed(books, asked, phones, _Log([kept, stranger]))
    assert found == {
        (Fault.STUCK, "clocks of hazards that did not ring"): 3,
        (Fault.DOUBLED, "events announced twice"): 1,
        (Fault.LOST, "events announced and not in the log"): 1,
        (Fault.HALF, "events in the log that nobody announced"): 1,
        (Fault.DISORDERED, "events in the log after a later one of their key"): 1,
        (Fault.LOST, "events not taken up by notifications"): 2,
        (Fault.LOST, "answered reports"): 1,
        (Fault.LOST, "answered moves"): 2,
        (Fault.DOUBLED, "moves answered twice"): 1,
        (Fault.LOST, "alerts of kind found"): 2,
        (Fault.LOST, "answered acknowledgements"): 1,
        (Fault.DOUBLED, "messages with a second id"): 1,
        (Fault.HALF, "messages heard of no delivery"): 2,
        (Fault.LOST, "answered imports"): 1,
    }
    assert {fault: books.faults.total(fault) for fault in Fault} == {
        Fault.LOST: 10,
        Fault.DOUBLED: 3,
        Fault.DISORDERED: 1,
        Fault.HALF: 3,
        Fault.STUCK: 3,
    }
