"""The load generator ends when its work is done, or when there is nobody left to do it, and says what stayed open."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from tests.evidence.loader import Job, Outcome, Run

CREATED = b'HTTP/1.1 201 Created\r\ncontent-length: 24\r\n\r\n{"id":"1","number":"A1"}'
NEVER = 3600.0  # a run that waits this long for anything does not end before the test is given up

Served = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(serve: Served) -> AsyncIterator[int]:
    """The port of a server that treats each connection so."""
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        yield listening.sockets[0].getsockname()[1]


async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await next_request(reader):
        writer.write(CREATED)
    writer.close()


async def next_request(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


async def played(port: int, *, rate: float | None, seconds: float, connections: int = 2, patience: float) -> Outcome:
    head = "GET / HTTP/1.1\r\nIdempotency-Key: {key}\r\n\r\n"
    return await Run(Job("127.0.0.1", port, [head], [""], connections, seconds, "k", rate), patience).play()


async def test_an_open_loop_ends_with_its_last_answer_though_that_comes_before_the_deadline() -> None:
    async with server(answers) as port:
        outcome = await played(port, rate=20, seconds=0.5, patience=NEVER)  # the last request leaves at 0.45 s

    assert (outcome.statuses, outcome.lost) == ({"201": 10}, 0)


async def test_a_closed_loop_ends_with_its_last_answer() -> None:
    async with server(answers) as port:
        outcome = await played(port, rate=None, seconds=0.1, patience=NEVER)

    assert outcome.lost == 0
    assert outcome.statuses["201"] == len(outcome.latencies) == len(outcome.created) > 0


async def test_an_open_loop_ends_when_the_server_is_gone_and_counts_what_could_not_be_asked() -> None:
    async def dies(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await next_request(reader)
        writer.close()

    async with server(dies) as port:
        outcome = await played(port, rate=1000, seconds=NEVER, patience=NEVER)

    assert outcome.statuses == {}
    assert outcome.lost == 1000 * NEVER


async def test_a_run_ends_by_itself_when_a_server_takes_requests_and_never_answers() -> None:
    silent: list[asyncio.StreamWriter] = []  # as long as somebody holds it, the connection stays

    async def keeps_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        silent.append(writer)

    async with server(keeps_silent) as port:
        outcome = await played(port, rate=100, seconds=0.1, patience=0.3)

        assert outcome.statuses == {}
        assert outcome.lost == 10
        for writer in silent:
            writer.close()


async def test_a_connection_that_the_server_closes_between_two_requests_is_replaced() -> None:
    async def serves_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await next_request(reader)
        writer.write(CREATED)
        await writer.drain()
        writer.close()

    async with server(serves_one) as port:
        outcome = await played(port, rate=20, seconds=0.5, connections=1, patience=NEVER)

    assert outcome.statuses["201"] + outcome.lost == 10  # lost: the server closed just when it was asked
