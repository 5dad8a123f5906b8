"""Finding a street, community or grid by the words that an office uses for it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
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
    communities: Mapping[tuple[str, str], KnownArea] = field(default_factory=dict)
    grids: Mapping[str, KnownArea] = field(default_factory=dict)

    @staticmethod
    def of(areas: Iterable[KnownArea]) -> "Gazetteer":
        """An index over the areas. A community's street is the start of its path."""
        streets: dict[str, list[KnownArea]] = defaultdict(list)
        communities: dict[tuple[str, str], KnownArea] = {}
        grids: dict[str, KnownArea] = {}
        for area in areas:
            if area.level is AreaLevel.STREET:
                streets[name_key(area.name)].append(area)
            elif area.level is AreaLevel.COMMUNITY:
                communities[area.path[:9], name_key(area.name)] = area
                communities[area.path[:9], area.code] = area
            elif area.level is AreaLevel.GRID:
                grids[area.code] = area
        return Gazetteer({name: tuple(found) for name, found in streets.items()}, communities, grids)

    def street(self, *texts: str) -> KnownArea | None:
        """The one street that the first telling text names, as a whole or within it; None when none or several do."""
        for text in texts:
            exact = self.streets.get(name_key(text), ())
            if len(exact) == 1:
                return exact[0]
        for text in texts:
            within = [area for name, found in self.streets.items() if name in name_key(text) for area in found]
            if len(within) == 1:
                return within[0]
        return None

    def community(self, street: KnownArea, text: str) -> KnownArea | None:
        """The street's community of that name (or 12-digit code)."""
        return self.communities.get((street.path, name_key(text)))
