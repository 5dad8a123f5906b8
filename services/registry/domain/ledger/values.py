"""Single cells of a ledger: days in six shapes, headcounts, phones, coordinates."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from services.registry.domain.text import Cell, cell_text, plain, says_nothing


class ImpossibleDay(ValueError):
    """The cell names no day of the calendar."""


_PART = r"[-./\\。、–—·・•]"
_PARTS = re.compile(rf"(\d{{4}})(?:{_PART}|年)(\d{{1,2}})(?:{_PART}|月)(\d{{1,2}})[日号]?")
_SPACED = re.compile(r"(\d{4})\s+(\d{1,2})\s+(\d{1,2})")
_TIME_OF_DAY = re.compile(r"[T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?Z?$")
_UNTIL = re.compile(r"(?:有效期)?(?:截止|截至|至|到)*:?(.*?)(?:截止|为止|止|到期|前)?")
_SPAN = re.compile(r"(.+?)(?:至|到|~|[-–—]{1,2})(\d{4}\D.*|\d{8}|长期.*|永久.*)")
_LONGEST_DAY = 60  # characters, of two days and the words around them
_WITHOUT_END = re.compile(r"(长期|永久|长久)(有效)?|无固定期限|无限期|无期限")
_EPOCH = date(1899, 12, 30)  # day 0 of spreadsheet serial numbers
_SERIAL = re.compile(r"(\d{5,6})(?:\.\d+)?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:\.0+)?")
_SERIALS = range(18264, 109575)  # 1950 to 2199


def day(cell: Cell) -> date | None:
    """The day in the cell, of two the last (`2024.9.1至2027.8.31`); None when it is empty or says that there is no end
    (`长期`). Raises ImpossibleDay."""
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    if isinstance(cell, time | timedelta | bool):
        raise ImpossibleDay
    text = cell_text(cell)
    if says_nothing(text):
        return None
    text = _SPACED.sub(r"\1-\2-\3", unicodedata.normalize("NFKC", text))
    return _written_day(plain(_TIME_OF_DAY.sub("", text)))


def _written_day(bare: str) -> date | None:
    if len(bare) > _LONGEST_DAY:
        raise ImpossibleDay
    if until := _UNTIL.fullmatch(bare):
        bare = until[1]
    if span := _SPAN.fullmatch(bare):
        _written_day(span[1])  # a span that begins on no day is as wrong as one that ends on none
        return _written_day(span[2])
    if _WITHOUT_END.fullmatch(bare):
        return None
    if match := _PARTS.fullmatch(bare) or _COMPACT.fullmatch(bare):
        return _day(*match.groups())
    if (serial := _SERIAL.fullmatch(bare)) and int(serial[1]) in _SERIALS:
        return _EPOCH + timedelta(days=int(serial[1]))
    raise ImpossibleDay


def _day(year: str, month: str, number: str) -> date:
    if not 1900 <= int(year) < 2200:
        raise ImpossibleDay
    try:
        return date(int(year), int(month), int(number))
    except ValueError as error:
        raise ImpossibleDay from error


@dataclass(frozen=True, slots=True)
class Headcount:
    """How many people work there; `text` is what was written when it says more than the number."""

    number: int | None
    text: str | None


_HEADCOUNT = re.compile(r"[约近共大概超过不足]*(\d{1,7})(?:\.0+)?[余多来几]?[人名个位员工]*[左右上下以内]*")
_PLAIN_HEADCOUNT = re.compile(r"\d+(?:\.0+)?人?")


def headcount(cell: Cell) -> Headcount:
    """`约30人`, `３０`, `30人` and 30 are thirty. A text without one clear number keeps the text and has no number."""
    text = cell_text(cell)
    if says_nothing(text):
        return Headcount(None, None)
    bare = plain(text).replace(",", "")
    match = _HEADCOUNT.fullmatch(bare)
    if match is None:
        return Headcount(None, text)
    return Headcount(int(match[1]), None if _PLAIN_HEADCOUNT.fullmatch(bare) else text)


_PHONE = re.compile(r"[0-9()+-]+")
_PHONE_SIGNS = str.maketrans("", "", "()+-")


def phone(cell: Cell) -> str | None:
    """Digits alone when the text is one number (`199-0000-1036`); otherwise the text, for a person to read."""
    text = cell_text(cell)
    if says_nothing(text):
        return None
    bare = plain(text).removesuffix(".0")
    if not _PHONE.fullmatch(bare):
        return text
    digits = bare.translate(_PHONE_SIGNS)
    if 7 <= len(digits) <= 14:
        return digits.removeprefix("86") if len(digits) == 13 and digits.startswith("861") else digits
    return text


@dataclass(frozen=True, slots=True)
class Place:
    """Degrees, as written or put right; `fault` says what was wrong with them."""

    longitude: float | None = None
    latitude: float | None = None
    fault: str | None = None


_DEGREE_SIGNS = re.compile(r"[°:东经北纬]|DEG|^[NE]|[NE]$")
_LONGITUDES = (73.0, 136.0)  # the extent of the country: no place in it could be meant both ways
_LATITUDES = (3.0, 54.0)
EXCHANGED, OUTSIDE, HALF = "exchanged_coordinates", "coordinates_outside_country", "incomplete_coordinates"


def place(longitude: Cell, latitude: Cell) -> Place:
    """The pair of degrees, exchanged back when they were exchanged; no pair at all when it cannot be in the country."""
    if says_nothing(cell_text(longitude)) and says_nothing(cell_text(latitude)):
        return Place()
    east, north = _degrees(longitude), _degrees(latitude)
    if east is None or north is None:
        return Place(fault=HALF)
    if _within(east, _LONGITUDES) and _within(north, _LATITUDES):
        return Place(east, north)
    if _within(north, _LONGITUDES) and _within(east, _LATITUDES):
        return Place(north, east, EXCHANGED)
    return Place(fault=OUTSIDE)


def _degrees(cell: Cell) -> float | None:
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return float(cell)
    bare = _DEGREE_SIGNS.sub("", plain(cell_text(cell)))
    try:
        return round(float(bare), 8)
    except ValueError:
        return None


def _within(degrees: float, bounds: tuple[float, float]) -> bool:
    return bounds[0] <= degrees <= bounds[1]
