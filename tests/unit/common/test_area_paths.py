"""Laws of area paths: a path is its code without trailing zero groups, and a prefix of all that lies below it."""

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.actors import SYSTEM_ACTOR, Scope, Tier, area_code, area_path, scope_of

_SIZES = (2, 2, 2, 3, 3, 3)


def _group(size: int) -> st.SearchStrategy[str]:
    return st.integers(1, 10**size - 1).map(lambda number: str(number).zfill(size))


# the groups of a real place: from the province down to some level, none of them zero
places = st.integers(1, 6).flatmap(lambda depth: st.tuples(*(_group(size) for size in _SIZES[:depth])))


def code_of(place: tuple[str, ...]) -> str:
    return "".join(place).ljust(12, "0")


@given(places)
def test_path_and_code_are_inverses(place: tuple[str, ...]) -> None:
    assert area_path(code_of(place)) == "".join(place)
    assert area_code(area_path(code_of(place))) == code_of(place)


@given(places, places)
def test_a_path_is_a_prefix_of_just_the_paths_below(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    below = other[: len(one)] == one
    assert area_path(code_of(other)).startswith(area_path(code_of(one))) == below
    assert Scope(area_path(code_of(one))).covers(area_path(code_of(other)), uuid4()) == below


@given(places, places)
def test_bounds_select_just_what_is_covered(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    scope, path = Scope("".join(one)), "".join(other)
    low, high = scope.bounds()
    assert (low <= path < high) == scope.covers(path, None)


@pytest.mark.parametrize(
    ("code", "path"),
    [
        ("410503000000", "410503"),
        ("410503001000", "410503001"),
        ("410503001002", "410503001002"),
        ("410503001002003", "410503001002003"),
        ("410503001002000", "410503001002"),
        ("410500000000", "4105"),
        ("410510000000", "410510"),
        ("410503010000", "410503010"),
        ("100000000000", "10"),
        ("000000000000", ""),
    ],
)
def test_examples(code: str, path: str) -> None:
    assert area_path(code) == path


@pytest.mark.parametrize(
    "code",
    [
        "",
        "4105",
        "41050300100",
        "4105030010000",
        "41050300100x",
        "４１０５０３００１０００",
        "410503001000 ",
        "-10503001000",
    ],
)
def test_what_is_no_code_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match="12 or 15"):
        area_path(code)


def test_an_enterprise_sees_itself_alone_wherever_it_lies() -> None:
    mine, other = uuid4(), uuid4()
    scope = Scope("410503", mine)
    assert scope.covers("999999", mine)
    assert not scope.covers("410503", other)
    assert not scope.covers("410503", None)


def test_the_system_sees_everything() -> None:
    assert SYSTEM_ACTOR.scope.covers("410503", None)
    low, high = SYSTEM_ACTOR.scope.bounds()
    assert low <= "410503001002003" < high


@pytest.mark.parametrize(
    ("tier", "fits"),
    [
        (Tier.DISTRICT, {"410503000000"}),
        (Tier.STREET, {"410503001000"}),
        (Tier.COMMUNITY, {"410503001002", "410503001002003"}),
    ],
)
def test_a_tier_is_bound_to_an_area_of_its_own_level(tier: Tier, fits: set[str]) -> None:
    codes = {"000000000000", "410000000000", "410503000000", "410503001000", "410503001002", "410503001002003"}
    for code in sorted(codes):
        if code in fits:
            assert scope_of(tier, code) == Scope(area_path(code))
        else:
            with pytest.raises(ValueError, match="not the code of a"):
                scope_of(tier, code)
    with pytest.raises(ValueError, match="not the code of a"):
        scope_of(tier, None)
