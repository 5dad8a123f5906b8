"""Every paragraph of the bench says the floor and what would move the figure, in words of its own."""

import inspect
from typing import Any, get_type_hints

import pytest

from tests.bench import shortfalls
from tests.evidence.rounds import Spread

_EXAMPLES: dict[str, Any] = {
    "cost": {"hazards": 12.0, "notifications": 3.0},
    "floor": Spread(20.0, 18.0, 21.0),
    "sizes": [100.0, 120.0, 130.0],
    "events": [0, 500, 1000],
}
_OF_A_KIND: dict[type, Any] = {float: 1.5, str: "so"}


def paragraphs() -> list[str]:
    return [name for name, what in inspect.getmembers(shortfalls, inspect.isfunction) if not name.startswith("_")]


@pytest.mark.parametrize("name", paragraphs())
def test_it_names_the_floor_and_the_remedy(name: str) -> None:
    write = getattr(shortfalls, name)
    kinds = get_type_hints(write)
    given = {word: _OF_A_KIND.get(kinds[word], _EXAMPLES.get(word)) for word in inspect.signature(write).parameters}
    said = write(**given)
    assert "floor" in said.lower()
    assert "would move" in said
