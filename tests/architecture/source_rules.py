"""What every file of the project must keep: one function a rule, each yielding the lines that break it."""

import ast
import re
from collections.abc import Callable, Iterator

from tests.architecture.sources import Source, dotted

Found = Iterator[tuple[int, str]]
Rule = Callable[[Source], Found]

MAX_LINES, MAX_TEST_LINES = 400, 600

# Where a loop or a hand-over must survive anything, log it or pass it on; everyone else names what they expect.
CATCHES_ALL = (
    "libs/common/batcher.py",
    "libs/common/bus/",
    "libs/common/consumer.py",
    "libs/common/db.py",
    "libs/common/operation.py",
    "libs/common/relay.py",
    "libs/common/runner.py",
    "libs/common/timers.py",
    "deploy/local/",
    "tests/",
)
COMMITS = ("libs/common/db.py", "libs/common/bus/", "libs/common/migrations.py", "services/*/migrations/")
CONNECTS = (*COMMITS, "libs/common/connections.py")
# The one table of statuses, and the probes that it is built upon.
SPEAKS_HTTP = ("libs/common/http.py", "libs/common/health.py")
# Leases and group membership compare instants that several machines wrote: the one clock they share is the database's.
READS_SQL_CLOCK = ("libs/common/bus/", "libs/common/relay.py", "libs/common/relay_leases.py")
PURE_MODULES = frozenset(
    {"__future__", "abc", "bisect", "calendar", "collections", "dataclasses", "datetime", "decimal", "enum"}
    | {"functools", "hashlib", "itertools", "math", "operator", "re", "stdnum", "string", "types", "typing"}
    | {"unicodedata", "uuid", "zoneinfo"}
)
PURE_OF_OURS = ("libs.common.actors", "libs.common.errors", "libs.common.clock.SHANGHAI")
_IMPURE_CALLS = frozenset({"open", "print", "input", "uuid.uuid1", "uuid.uuid4", "uuid1", "uuid4"})

_TRANSACTION_WORD = re.compile(r"^\s*(BEGIN|COMMIT|ROLLBACK|START\s+TRANSACTION|SAVEPOINT)\b", re.IGNORECASE)
_ENGINES = frozenset({"create_engine", "create_async_engine", "async_sessionmaker", "sessionmaker", "create_pool"})
_READS_CLOCK = re.compile(
    r"(^|\.)(datetime\.(now|utcnow|today)|date\.today|time\.(time|time_ns|localtime|gmtime|ctime)|func\."
    r"(now|current_timestamp|current_date|clock_timestamp))$"
)
_SQL_CLOCK = re.compile(
    r"\b(now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday)\s*\(\s*\)"
    r"|\b(CURRENT_TIMESTAMP|CURRENT_DATE|CURRENT_TIME|LOCALTIMESTAMP|LOCALTIME)\b"
)
_STATUS_NAMES = frozenset({"status", "status_code"})
_STATUS_TAKERS = frozenset({"Answer", "Response", "JSONResponse", "HTTPException", "PlainTextResponse"})
_ALL_SESSIONS = re.compile(r"\bFROM\s+(pg_stat_activity|pg_locks)\b")
_NAMELESS = re.compile(r"(^|/)(utils?|helpers?|managers?|misc|common_?utils|\w+_(utils?|helpers?|managers?))(\.py$|/)")


def file_is_small(source: Source) -> Found:
    """A file that outgrows the limit hides a noun."""
    limit = MAX_TEST_LINES if source.inside("tests/") else MAX_LINES
    if source.lines > limit:
        yield limit, f"{source.lines} lines, at most {limit}"


def module_says_what_it_owns(source: Source) -> Found:
    """The first statement is a docstring; an empty `__init__.py` owns nothing."""
    empty_package = source.path.endswith("__init__.py") and not source.text.strip()
    if not empty_package and not (ast.get_docstring(source.tree) or "").strip():
        yield 1, "no docstring that says what the module owns"


def module_is_named_for_a_noun(source: Source) -> Found:
    """No drawer for everything."""
    if _NAMELESS.search(source.path):
        yield 1, "a name that says nothing"


def only_db_commits(source: Source) -> Found:
    """One place begins, commits and rolls back; nobody else opens connections of their own."""
    if source.inside(*COMMITS) or not source.inside("services/", "libs/"):
        return
    for node in source.nodes():
        if isinstance(node, ast.Call):
            name = dotted(node.func)
            if isinstance(node.func, ast.Attribute) and node.func.attr in {
                "commit",
                "rollback",
                "begin",
                "begin_nested",
            }:
                yield node.lineno, f"calls .{node.func.attr}()"
            connects = name.rsplit(".", 1)[-1] in _ENGINES or name == "asyncpg.connect"
            if connects and not source.inside(*CONNECTS):
                yield node.lineno, f"opens its own connection with {name}"
    for text in source.texts():
        if _TRANSACTION_WORD.match(str(text.value)):
            yield text.lineno, "executes transaction control"


def only_clock_reads_the_clock(source: Source) -> Found:
    """`now` is a parameter, in Python and in SQL. Durations are measured with the monotonic clock, which is no time."""
    if not source.inside("services/", "libs/") or source.inside("libs/common/clock.py"):
        return
    for node in source.nodes():
        if isinstance(node, ast.Call) and _READS_CLOCK.search(dotted(node.func)):
            yield node.lineno, f"reads the clock with {dotted(node.func)}()"
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from ((node.lineno, "imports from time") for a in node.names if a.name in {"time", "time_ns"})
    for text in source.texts():
        if _SQL_CLOCK.search(str(text.value)) and not source.inside(*READS_SQL_CLOCK):
            yield text.lineno, "lets PostgreSQL read the clock"


def statuses_live_in_http(source: Source) -> Found:
    """HTTP statuses are written in libs/common/http.py; everyone else uses its names."""
    if not source.inside("services/", "libs/") or source.inside(*SPEAKS_HTTP):
        return
    for line, module in source.imports():
        if module in {"http.HTTPStatus", "fastapi.status", "starlette.status"}:
            yield line, f"imports {module}"
    for node in source.nodes():
        if isinstance(node, ast.Call):
            spoken = [k.value for k in node.keywords if k.arg in _STATUS_NAMES]
            if dotted(node.func).rsplit(".", 1)[-1] in _STATUS_TAKERS:
                spoken += node.args
            spoken += [key for k in node.keywords if k.arg == "responses" for key in _keys(k.value)]
        elif isinstance(node, ast.Compare) and isinstance(node.left, ast.Attribute) and node.left.attr in _STATUS_NAMES:
            spoken = node.comparators
        else:
            continue
        for value in spoken:
            if any(isinstance(n, ast.Constant) and _is_status(n.value) for n in ast.walk(value)):
                yield value.lineno, "writes a status"


def _keys(node: ast.expr) -> list[ast.expr]:
    return [key for key in node.keys if key is not None] if isinstance(node, ast.Dict) else []


def _is_status(value: object) -> bool:
    return type(value) is int and 100 <= value <= 599


def exceptions_are_named(source: Source) -> Found:
    """`except Exception` hides what nobody thought of."""
    if source.inside(*CATCHES_ALL):
        return
    for node in source.nodes():
        if isinstance(node, ast.ExceptHandler):
            caught = "everything" if node.type is None else ast.unparse(node.type)
            if node.type is None or re.search(r"\b(Base)?Exception\b", caught):
                yield node.lineno, f"catches {caught}"
        elif isinstance(node, ast.Call) and dotted(node.func).endswith("suppress"):
            caught = " ".join(ast.unparse(argument) for argument in node.args)
            if re.search(r"\b(Base)?Exception\b", caught):
                yield node.lineno, "suppresses everything"


def nothing_prints(source: Source) -> Found:
    """Services log; only commands of `deploy/` talk to a person."""
    if source.inside("services/", "libs/"):
        for node in source.nodes():
            if isinstance(node, ast.Call) and dotted(node.func) == "print":
                yield node.lineno, "prints"


def domain_is_pure(source: Source) -> Found:
    """Rules import rules, and a few parts of the standard library that touch nothing."""
    if not source.inside("services/*/domain/"):
        return
    own = f"services.{source.service}.domain"
    for line, module in source.imports():
        pure = module.split(".")[0] in PURE_MODULES or module == own or module.startswith(own + ".")
        if not pure and not any(module == ours or module.startswith(ours + ".") for ours in PURE_OF_OURS):
            yield line, f"imports {module}"
    for node in source.nodes():
        if isinstance(node, ast.AsyncFunctionDef | ast.Await):
            yield node.lineno, "waits for something"
        if isinstance(node, ast.Call) and dotted(node.func) in _IMPURE_CALLS:
            yield node.lineno, f"calls {dotted(node.func)}()"


def services_do_not_sleep(source: Source) -> Found:
    """A service waits for an event with a time limit, or on its clock: never blindly."""
    if source.inside("services/"):
        for node in source.nodes():
            if isinstance(node, ast.Call) and dotted(node.func) in {"asyncio.sleep", "time.sleep", "sleep"}:
                yield node.lineno, "sleeps"


def looks_stay_in_one_database(source: Source) -> Found:
    """A server is shared, by parallel tests above all: nobody counts or ends the sessions and locks of others."""
    if source.inside("tests/architecture/"):  # the examples of what is refused
        return
    for text in source.texts():
        if _ALL_SESSIONS.search(str(text.value)) and "datname" not in str(text.value):
            yield text.lineno, "looks at the sessions of every database of the server"


RULES: dict[str, Rule] = {
    rule.__name__: rule
    for rule in (
        file_is_small,
        module_says_what_it_owns,
        module_is_named_for_a_noun,
        only_db_commits,
        only_clock_reads_the_clock,
        statuses_live_in_http,
        exceptions_are_named,
        nothing_prints,
        domain_is_pure,
        services_do_not_sleep,
        looks_stay_in_one_database,
    )
}
