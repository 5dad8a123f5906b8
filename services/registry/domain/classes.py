"""The class scheme of a place: which classes there are, from when on, on what basis."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from libs.common.errors import FieldError, InvalidInput


@dataclass(frozen=True, slots=True)
class EnterpriseClass:
    """One class; `rank` 1 is the one that asks for least attention."""

    code: str
    label: str
    meaning: str
    rank: int


@dataclass(frozen=True, slots=True)
class ClassScheme:
    """The classes in force at and below an area path; that of the most specific path holds, as a whole."""

    area_path: str
    effective_from: date
    basis: str
    classes: Sequence[EnterpriseClass]


Schemes = Mapping[str, frozenset[str]]
"""The codes of every scheme in force, by its area path."""


def codes_at(schemes: Schemes, path: str) -> frozenset[str]:
    """The codes of the most specific scheme for the place; none when no scheme reaches it."""
    nearest = max((place for place in schemes if path.startswith(place)), key=len, default=None)
    return frozenset() if nearest is None else schemes[nearest]


def check_scheme(scheme: ClassScheme, today: date) -> None:
    """Raises InvalidInput when codes or ranks are doubled, or the scheme would begin in the past."""
    found = []
    for name in ("code", "rank"):
        values = [getattr(one, name) for one in scheme.classes]
        found += [
            FieldError(f"/classes/{at}/{name}", "duplicate", "与前面的分类重复")
            for at, value in enumerate(values)
            if value in values[:at]
        ]
    if scheme.effective_from < today:
        found.append(FieldError("/effectiveFrom", "in_the_past", "生效日期不能早于今天"))
    if found:
        raise InvalidInput(errors=found)
