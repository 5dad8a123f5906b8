"""The list of failpoints is true: every place in the source is declared, and every declared place is in the source."""

import ast
from collections import Counter

from libs.common.failpoints import PLACES
from tests.architecture.sources import Source, dotted, python_files

MODULE = "libs/common/failpoints.py"


def passed(*sources: Source) -> Counter[str]:
    """How often each failpoint is passed in the source; a name that is not written out counts as ``."""
    names: Counter[str] = Counter()
    for source in sources:
        for node in source.nodes():
            if isinstance(node, ast.Call) and dotted(node.func).rsplit(".", 1)[-1] == "failpoint":
                name = node.args[0]
                names[str(name.value) if isinstance(name, ast.Constant) else ""] += 1
    return names


def test_every_failpoint_is_declared_once_and_passed_at_one_place() -> None:
    sources = [source for source in python_files("libs", "services") if source.path != MODULE]
    assert passed(*sources) == Counter(dict.fromkeys(PLACES, 1))


def test_a_failpoint_passed_twice_or_under_a_name_that_is_made_up_is_found() -> None:
    source = Source("libs/x.py", 'failpoint("a.b")\nif y:\n    failpoints.failpoint("a.b")\nfailpoint(name)\n')
    assert passed(source) == Counter({"a.b": 2, "": 1})


def test_there_are_enough_of_them_in_every_part() -> None:
    parts = Counter(name.split(".")[0] for name in PLACES)
    assert len(PLACES) >= 40
    assert {"api", "batcher", "relay", "consumer", "sweeper", "sender", "importer"} <= parts.keys()
