"""Where a sheet holds what: the header is found by its words, wherever it is and in whatever order."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from services.registry.domain import levels
from services.registry.domain.ledger.sheets import Merge, Sheet
from services.registry.domain.ledger.titles import Column, is_title, is_unowned_phone, meaning
from services.registry.domain.text import cell_text, says_nothing


@dataclass(frozen=True, slots=True)
class Header:
    """Where the data begins and which column holds what; `titles` are the words to quote in a row error, `unread`
    those of columns that say something and are not read."""

    first_data_row: int
    columns: Mapping[Column, int]
    titles: Mapping[Column, str]
    unread: Sequence[str] = ()

    def title(self, column: Column) -> str:
        """The sheet's own words for the column, without line breaks."""
        return self.titles.get(column, column.value)


_SEARCHED_LINES = 40
_LEAST_COLUMNS = 4
_VALUES_ASKED = 500
_QUOTED = 40  # characters of a title that nobody knows


def find_header(sheet: Sheet) -> Header | None:
    """The first line that names the enterprise and at least three other things; None when the sheet has none.

    A header over two lines (`主要负责人` above `姓名` and `联系电话`), merged or not, is read as one.
    """
    for top in range(min(_SEARCHED_LINES, len(sheet.rows))):
        bottom = min(top + 2, max((m.bottom for m in sheet.merges if m.top == top and m.bottom > m.top), default=top))
        places = _places(_titles(sheet, top, bottom))
        if Column.NAME not in places or len(places) < _LEAST_COLUMNS:
            continue
        if bottom == top and _continues_header(sheet, top + 1, places[Column.NAME][0]):
            bottom = top + 1
        return _header(sheet, bottom + 1, _titles(sheet, top, bottom))
    return None


def _continues_header(sheet: Sheet, row: int, name_column: int) -> bool:
    """Whether a line below the header names nobody and holds nothing but titles."""
    texts = [text for cell in sheet.rows[row] if (text := cell_text(cell))] if row < len(sheet.rows) else []
    return bool(texts) and not cell_text(sheet.cell(row, name_column)) and all(map(is_title, texts))


def _header(sheet: Sheet, first_data_row: int, titles: Sequence[str]) -> Header:
    columns = _columns(sheet, first_data_row, _places(titles))
    quoted = {column: _quoted(titles[at]) for column, at in columns.items()}
    read = set(columns.values())
    unread = [
        _quoted(title)[:_QUOTED]
        for at, title in enumerate(titles)
        if title and at not in read and any(_values(sheet, first_data_row, at))
    ]
    return Header(first_data_row, columns, quoted, unread)


def _quoted(title: str) -> str:
    return "".join(title.split())


def _values(sheet: Sheet, first_row: int, at: int) -> Iterator[str]:
    """What is written in a column, without placeholders."""
    for row in sheet.rows[first_row : first_row + _VALUES_ASKED]:
        if at < len(row) and not says_nothing(text := cell_text(row[at])):
            yield text


def _columns(sheet: Sheet, first_row: int, places: Mapping[Column, Sequence[int]]) -> dict[Column, int]:
    """The columns to read. Which of those for a class, a kind or a level is what, the values tell: one office calls
    `企业类别` what holds letters, another the trade."""
    columns = {column: found[0] for column, found in places.items()}
    graded, kinds = places.get(Column.CLASS, ()), places.get(Column.VENUE, ())
    lettered = [at for at in (*graded, *kinds) if _mostly(_values(sheet, first_row, at), levels.looks_like_a_class)]
    if lettered:
        columns.pop(Column.VENUE, None)
        columns[Column.CLASS] = lettered[0]
        if others := [at for at in (*kinds, *graded) if at not in lettered]:
            columns[Column.VENUE] = others[0]
    elif graded and Column.RISK not in places and _mostly(_values(sheet, first_row, graded[0]), levels.risk_level):
        columns[Column.RISK] = columns.pop(Column.CLASS)
    return columns


def _mostly(texts: Iterator[str], fits: Callable[[str], object]) -> bool:
    answers = [bool(fits(text)) for text in texts]
    return bool(answers) and 2 * sum(answers) >= len(answers)


def _titles(sheet: Sheet, top: int, bottom: int) -> list[str]:
    """The words above each column, those of merged groups first."""
    width = max((len(line) for line in sheet.rows[top : bottom + 1]), default=0)
    wide = {(row, at): (m.top, m.left) for m in sheet.merges for row, at in _cells(m, top, bottom)}
    titles = []
    for at in range(width):
        words: list[str] = []
        for row in range(top, bottom + 1):
            source = wide.get((row, at), (row, at))
            word = cell_text(sheet.cell(*source))
            if word and word not in words:
                words.append(word)
        titles.append(_understood(words))
    return titles


def _understood(words: Sequence[str]) -> str:
    """The words as one title; when only one of them says what the column is, such as `信息|行业`, that one."""
    joined = "".join(words)
    return next((text for text in (joined, *reversed(words)) if is_title(text)), joined)


def _cells(merge: Merge, top: int, bottom: int) -> list[tuple[int, int]]:
    if merge.bottom < top or merge.top > bottom:
        return []
    return [
        (row, at)
        for row in range(max(merge.top, top), min(merge.bottom, bottom) + 1)
        for at in range(merge.left, min(merge.right, merge.left + 64) + 1)
    ]


def recognise(titles: Sequence[str]) -> dict[Column, int]:
    """The columns behind the titles; of two that mean the same the one with the plainer words, then the first."""
    return {column: found[0] for column, found in _places(titles).items()}


def _places(titles: Sequence[str]) -> dict[Column, list[int]]:
    """The columns for each meaning, the likeliest first."""
    ranked: dict[Column, list[tuple[int, int]]] = defaultdict(list)
    for at, title in enumerate(titles):
        if known := meaning(title):
            ranked[known[1]].append((known[0], at))
    places = {column: [at for _, at in sorted(found)] for column, found in ranked.items()}
    _give_phones(places, [at for at, title in enumerate(titles) if is_unowned_phone(title)])
    return places


def _give_phones(places: dict[Column, list[int]], phones: Sequence[int]) -> None:
    """Of columns that are only called `联系电话` the first belongs to the head, the second to the safety officer,
    unless each of them stands at once behind one of the two: then it is that one's."""
    owners = {Column.HEAD: Column.HEAD_PHONE, Column.OFFICER: Column.OFFICER_PHONE}
    beside = {places[person][0] + 1: phone for person, phone in owners.items() if person in places}
    free = [phone for phone in owners.values() if phone not in places]
    if all(beside.get(at) in free for at in phones):
        places.update({beside[at]: [at] for at in phones})
    else:
        places.update({phone: [at] for phone, at in zip(free, phones, strict=False)})


def repeats_header(sheet: Sheet, header: Header, row: int) -> bool:
    """Whether a line is the header printed once more, as at a page break."""
    known = meaning(cell_text(sheet.cell(row, header.columns[Column.NAME])))
    return known is not None and known[1] is Column.NAME
