"""Finding a street, community or grid by the words that an office uses for it."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from services.registry.domain.text import name_key


class AreaLevel(StrEnum):
    DISTRICT = "district"
    STREET = "street"
    COMMUNITY = "community"
    GRID = "grid"


LEVEL_LABELS = {
    AreaLevel.DISTRICT: "区县",
    AreaLevel.STREET: "街道(镇)",
    AreaLevel.COMMUNITY: "社区(村)",
    AreaLevel.GRID: "网格",
}


@dataclass(frozen=True, slots=True)
class KnownArea:
    """What a reader of ledgers must know of an area node in force."""

    code: str
    path: str
    name: str
    level: AreaLevel


@dataclass(frozen=True, slots=True)
class Gazetteer:
    """The areas in force, looked up by name. Two streets may hold communities of one name; the street decides."""

    streets: Mapping[str, tuple[KnownArea, ...]] = field(default_factory=dict)
    streets_by_stem: Mapping[str, tuple[KnownArea, ...]] = field(default_factory=dict)
    communities: Mapping[tuple[str, str], KnownArea] = field(default_factory=dict)
    grids: Mapping[str, KnownArea] = field(default_factory=dict)

    @staticmethod
    def of(areas: Iterable[KnownArea]) -> "Gazetteer":
        """An index over the areas. A community's street is the start of its path."""
        streets: dict[str, list[KnownArea]] = defaultdict(list)
        stems: dict[str, list[KnownArea]] = defaultdict(list)
        communities: dict[tuple[str, str], KnownArea] = {}
        grids: dict[str, KnownArea] = {}
        for area in areas:
            if area.level is AreaLevel.STREET:
                streets[name_key(area.name)].append(area)
                stems[_STREET_SUFFIX.sub("", name_key(area.name))].append(area)
            elif area.level is AreaLevel.COMMUNITY:
                communities[area.path[:9], name_key(area.name)] = area
                communities[area.path[:9], area.code] = area
            elif area.level is AreaLevel.GRID:
                grids[area.code] = area
        return Gazetteer(_frozen(streets), _frozen(stems), communities, grids)

    def street(self, *texts: str) -> KnownArea | None:
        """The one street that the first telling text names, as a whole or within it; failing that, by its stem
        (`彰北9月` for 彰北街道). None when none or several do."""
        for find in (self._named, self._named_within, self._named_by_stem):
            for text in texts:
                if (found := _only(find(name_key(text)))) is not None:
                    return found
        return None

    def _named(self, key: str) -> Sequence[KnownArea]:
        return self.streets.get(key, ())

    def _named_within(self, key: str) -> Sequence[KnownArea]:
        names = [name for name in self.streets if name in key]
        longest = [name for name in names if not any(name != other and name in other for other in names)]
        return [area for name in longest for area in self.streets[name]]

    def _named_by_stem(self, key: str) -> Sequence[KnownArea]:
        return [
            area
            for stem, found in self.streets_by_stem.items()
            if len(stem) >= _SHORTEST_STEM and re.search(rf"{re.escape(stem)}{_BEHIND_A_STEM}", key)
            for area in found
        ]

    def street_at(self, scope: str) -> KnownArea | None:
        """The one street that lies at or above the scope, or is the only one below it."""
        streets = [area for found in self.streets.values() for area in found]
        return _only([one for one in streets if scope.startswith(one.path) or one.path.startswith(scope)])

    def community(self, street: KnownArea, text: str) -> KnownArea | None:
        """The street's community of that name (or 12-digit code), with or without the street's name before it."""
        key = name_key(text)
        own = self.communities.get((street.path, key))
        return own or self.communities.get((street.path, key.removeprefix(name_key(street.name)).lstrip("/-")))


_STREET_SUFFIX = re.compile(r"(街道办事处|街道|办事处|地区|镇|乡)$")
_SHORTEST_STEM = 2
# What may follow the stem of a street's name where the street is meant, and not a district or village of that name.
_BEHIND_A_STEM = r"(?=$|[^\w]|[\d_]|街|镇|乡|办|辖区|台账|企业|单位|商户|生产|安全|汇总|明细|统计|表)"


def _only(areas: Sequence[KnownArea]) -> KnownArea | None:
    return areas[0] if len(areas) == 1 else None


def _frozen(found: Mapping[str, Sequence[KnownArea]]) -> dict[str, tuple[KnownArea, ...]]:
    return {name: tuple(areas) for name, areas in found.items()}
