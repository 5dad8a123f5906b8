"""The whole tree keeps every source rule, and each rule is seen to refuse what it is there to refuse."""

import pytest

from tests.architecture.source_rules import RULES
from tests.architecture.sources import Source, python_files

DOC = '"""What this owns."""\n'

# rule → (path, text): each must be refused
BROKEN: dict[str, list[tuple[str, str]]] = {
    "file_is_small": [
        ("services/hazards/long.py", DOC + "x = 1\n" * 400),
        ("tests/unit/test_long.py", DOC + "x = 1\n" * 600),
    ],
    "module_says_what_it_owns": [
        ("libs/common/silent.py", "x = 1\n"),
        ("libs/common/blank.py", '""" """\nx = 1\n'),
        ("services/hazards/__init__.py", "x = 1\n"),
    ],
    "module_is_named_for_a_noun": [
        ("libs/common/utils.py", DOC),
        ("services/hazards/helpers/dates.py", DOC),
        ("services/hazards/date_utils.py", DOC),
        ("services/hazards/connection_manager.py", DOC),
    ],
    "only_db_commits": [
        ("services/hazards/operations.py", DOC + "async def f(s):\n    await s.commit()\n"),
        ("services/hazards/operations.py", DOC + "async def f(tx):\n    await tx.session().rollback()\n"),
        ("services/hazards/operations.py", DOC + "async def f(tx):\n    await tx.execute('commit')\n"),
        (
            "libs/common/outbox.py",
            DOC + "async def f(tx):\n    await tx.execute('BEGIN ISOLATION LEVEL SERIALIZABLE')\n",
        ),
        ("libs/common/outbox.py", DOC + "pool = asyncpg.create_pool('')\n"),
        ("services/registry/store/rows.py", DOC + "engine = create_async_engine('')\n"),
        ("libs/common/connections.py", DOC + "async def f(c):\n    await c.execute('COMMIT')\n"),
    ],
    "only_clock_reads_the_clock": [
        ("services/hazards/domain/deadlines.py", DOC + "x = datetime.now(UTC)\n"),
        ("services/hazards/domain/deadlines.py", DOC + "x = datetime.datetime.utcnow()\n"),
        ("services/hazards/domain/deadlines.py", DOC + "x = date.today()\n"),
        ("libs/common/outbox.py", DOC + "x = time.time()\n"),
        ("libs/common/outbox.py", DOC + "from time import time\n"),
        ("services/hazards/store/tables.py", DOC + "x = Field(sa_column_kwargs={'server_default': func.now()})\n"),
        ("services/hazards/store/rows.py", DOC + "SQL = 'UPDATE hazards SET at = now() WHERE id = $1'\n"),
        ("services/hazards/store/rows.py", DOC + "SQL = f'SELECT CURRENT_DATE - due FROM {T}'\n"),
    ],
    "statuses_live_in_http": [
        ("services/hazards/api/hazards.py", DOC + "x = Answer(201, b'')\n"),
        ("services/hazards/api/hazards.py", DOC + "x = Response(b'', status_code=404)\n"),
        ("services/hazards/api/hazards.py", DOC + "@router.post('/', status_code=201)\nasync def f(): ...\n"),
        ("services/hazards/api/hazards.py", DOC + "@router.get('/', responses={404: {}})\nasync def f(): ...\n"),
        ("services/notifications/channels/webhook.py", DOC + "ok = 200 if r.status_code == 204 else 1\n"),
        ("services/notifications/channels/webhook.py", DOC + "ok = r.status_code in (200, 204)\n"),
        ("services/hazards/api/hazards.py", DOC + "from http import HTTPStatus\n"),
        ("libs/common/operation.py", DOC + "from fastapi import status\n"),
    ],
    "exceptions_are_named": [
        ("services/hazards/timers.py", DOC + "try:\n    f()\nexcept Exception:\n    pass\n"),
        ("services/hazards/timers.py", DOC + "try:\n    f()\nexcept:\n    pass\n"),
        ("libs/common/auth.py", DOC + "try:\n    f()\nexcept (ValueError, Exception) as e:\n    pass\n"),
        ("libs/common/auth.py", DOC + "with contextlib.suppress(Exception):\n    f()\n"),
    ],
    "nothing_prints": [("services/hazards/app.py", DOC + "print('here')\n")],
    "domain_is_pure": [
        ("services/hazards/domain/decide.py", DOC + "import fastapi\n"),
        ("services/hazards/domain/decide.py", DOC + "from sqlmodel import select\n"),
        ("services/hazards/domain/decide.py", DOC + "from services.hazards.store import tables\n"),
        ("services/hazards/domain/decide.py", DOC + "from services.registry.domain import levels\n"),
        ("services/hazards/domain/decide.py", DOC + "from libs.common.clock import SystemClock\n"),
        ("services/hazards/domain/decide.py", DOC + "def f():\n    from libs.common.db import Tx\n"),
        ("services/hazards/domain/decide.py", DOC + "import logging\n"),
        ("services/hazards/domain/decide.py", DOC + "async def f(): ...\n"),
        ("services/hazards/domain/decide.py", DOC + "x = open('seeds.yaml')\n"),
        ("services/hazards/domain/decide.py", DOC + "import uuid\nx = uuid.uuid4()\n"),
    ],
    "looks_stay_in_one_database": [
        ("tests/service/test_away.py", DOC + "x = 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity'\n"),
        ("tests/service/test_away.py", DOC + "x = f'SELECT {count} FROM pg_locks WHERE granted'\n"),
    ],
    "services_do_not_sleep": [
        ("services/notifications/delivery.py", DOC + "async def f():\n    await asyncio.sleep(0.2)\n"),
        ("services/notifications/delivery.py", DOC + "time.sleep(seconds)\n"),
    ],
}

# close to the line, and allowed
SOUND: list[tuple[str, str]] = [
    ("services/hazards/__init__.py", ""),
    ("services/hazards/long.py", DOC + "x = 1\n" * 399),
    ("libs/common/db.py", DOC + "async def f(c):\n    await c.execute('COMMIT')\n"),
    ("libs/common/connections.py", DOC + "engine = create_async_engine('')\n"),
    ("libs/common/bus/kafka.py", DOC + "async def f(c):\n    await c.commit()\n"),
    ("services/hazards/api/orders.py", DOC + "def f():\n    'Commit nothing: now() is said here only in words.'\n"),
    ("services/hazards/store/rows.py", DOC + "TEXT = 'beginning of the commitment'\n"),
    ("libs/common/clock.py", DOC + "x = datetime.now(UTC)\n"),
    ("libs/common/relay.py", DOC + "x = time.monotonic()\n"),
    ("services/hazards/store/rows.py", DOC + "async def f(clock):\n    return clock.now()\n"),
    ("services/hazards/api/hazards.py", DOC + "x = Answer(CREATED, b'')\n"),
    ("services/hazards/api/hazards.py", DOC + "x = Query(ge=1, le=200)\n"),
    ("libs/common/runner.py", DOC + "try:\n    f()\nexcept Exception:\n    log.exception('')\n"),
    (
        "services/hazards/domain/decide.py",
        DOC + "from libs.common.clock import SHANGHAI\nfrom libs.common.errors import AppError\n",
    ),
    ("services/hazards/domain/decide.py", DOC + "from services.hazards.domain import orders\nimport re\n"),
]


@pytest.mark.parametrize("name", RULES)
def test_the_tree_keeps_the_rule(name: str) -> None:
    found = [f"{s.path}:{line}: {what}" for s in python_files() for line, what in RULES[name](s)]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("name", "path", "text"), [(name, *example) for name, examples in BROKEN.items() for example in examples]
)
def test_the_rule_refuses(name: str, path: str, text: str) -> None:
    assert list(RULES[name](Source(path, text)))


@pytest.mark.parametrize(("path", "text"), SOUND)
def test_no_rule_refuses_what_is_sound(path: str, text: str) -> None:
    assert not [(name, *found) for name, rule in RULES.items() for found in rule(Source(path, text))]


def test_every_rule_has_an_example_that_it_refuses() -> None:
    assert set(BROKEN) == set(RULES)


def test_there_is_something_to_look_at() -> None:
    assert len(python_files("libs", "services")) > 50
