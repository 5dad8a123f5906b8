"""An areas file: which nodes it makes, renames or repeats, and which lines cannot be right, in whatever order."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from services.registry.domain.areas import SPELLINGS, BadAreaCode, Position, position
from services.registry.domain.errors import NoHeader, UnreadableFile
from services.registry.domain.imports import Note, Outcome, Spot
from services.registry.domain.text import clean, plain, says_nothing


class AreaFault(StrEnum):
    """Why a line of an areas file is rejected; a line with several faults is reported under the first."""

    BAD_AREA_CODE = "bad_area_code"
    MISSING_NAME = "missing_name"
    VALUE_TOO_LONG = "value_too_long"
    WRONG_LEVEL = "wrong_level"
    WRONG_PARENT = "wrong_parent"
    UNKNOWN_PARENT = "unknown_parent"
    CONFLICTING_DUPLICATE = "conflicting_duplicate"
    OUT_OF_SCOPE = "out_of_scope"


class AreaColumn(StrEnum):
    CODE = "code"
    NAME = "name"
    LEVEL = "level"
    PARENT = "parent"


_TITLES: Mapping[str, AreaColumn] = {
    **{column.value.upper(): column for column in AreaColumn},
    **dict.fromkeys(("AREACODE", "编码", "代码", "区划编码", "区划代码", "行政区划代码"), AreaColumn.CODE),
    **dict.fromkeys(("名称", "区划名称", "单位名称"), AreaColumn.NAME),
    **dict.fromkeys(("级别", "层级", "类型"), AreaColumn.LEVEL),
    **dict.fromkeys(
        ("PARENTCODE", "PARENT_CODE", "上级", "上级编码", "上级代码", "上级区划编码", "上级区划代码"), AreaColumn.PARENT
    ),
}
_NAME_LIMIT = 100


@dataclass(frozen=True, slots=True)
class AreaLine:
    """A data line as written. `titles` are the header's words."""

    spot: Spot
    titles: Mapping[AreaColumn, str]
    code: str
    name: str
    level: str
    parent: str


@dataclass(frozen=True, slots=True)
class NodeOnFile:
    """A node in force that the register knows."""

    id: UUID
    name: str


@dataclass(slots=True)
class AreaSettlement:
    """What to make and rename, what to tell, and how many lines went which way."""

    created: list[tuple[Position, str]] = field(default_factory=list)
    renamed: list[tuple[UUID, str]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    counts: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))


def read_area_lines(rows: Iterable[Sequence[str]], file_name: str) -> list[AreaLine]:
    """The data lines below the header, which is found by its words. Raises NoHeader, UnreadableFile."""
    numbered = enumerate(rows, start=1)
    columns: dict[AreaColumn, int] = {}
    titles: dict[AreaColumn, str] = {}
    for _, row in numbered:
        found = {_TITLES[bare]: at for at, title in enumerate(row) if (bare := plain(clean(title))) in _TITLES}
        if {AreaColumn.CODE, AreaColumn.NAME} <= found.keys():
            columns = found
            titles = {column: clean(row[at]) for column, at in found.items()}
            break
    else:
        raise NoHeader("没有找到含有 code、name（编码、名称）的表头")
    data = list(numbered)
    _refuse_cut_off(data, columns)
    return list(_data(data, columns, titles, file_name))


def _refuse_cut_off(rows: Sequence[tuple[int, Sequence[str]]], columns: Mapping[AreaColumn, int]) -> None:
    """A file cut in the middle ends in a line that lacks columns: half a name must not rename a street."""
    said = [row for _, row in rows if any(clean(text) for text in row)]
    if said and len(said[-1]) <= max(columns.values()):
        raise UnreadableFile("文件不完整：最后一行缺列，文件可能在传输中被截断")


def _data(
    rows: Iterable[tuple[int, Sequence[str]]],
    columns: Mapping[AreaColumn, int],
    titles: Mapping[AreaColumn, str],
    file_name: str,
) -> Iterator[AreaLine]:
    for number, row in rows:
        if not any(clean(text) for text in row):
            continue
        said = {column: clean(row[at]) if at < len(row) else "" for column, at in columns.items()}
        yield AreaLine(
            Spot(file_name, number),
            titles,
            plain(said[AreaColumn.CODE]),
            said[AreaColumn.NAME],
            said.get(AreaColumn.LEVEL, ""),
            plain(said.get(AreaColumn.PARENT, "")),
        )


@dataclass(slots=True)
class _Reader:
    """Settles lines against the nodes on file and those that earlier lines made."""

    known: Mapping[str, NodeOnFile]
    may_write: Callable[[str], bool]
    said: dict[str, str] = field(default_factory=dict)
    settlement: AreaSettlement = field(default_factory=AreaSettlement)

    def outcome(self, line: AreaLine, where: Position) -> Outcome | Note:
        on_file = self.known.get(line.code)
        if line.code in self.said:
            if self.said[line.code] == line.name:
                return Outcome.UNCHANGED
            message = f"编码与前面的“{self.said[line.code][:40]}”相同而名称不同，以先出现的为准"
            return _note(line, AreaColumn.CODE, AreaFault.CONFLICTING_DUPLICATE, message)
        if where.parent_code and where.parent_code not in self.known and where.parent_code not in self.said:
            return _note(line, AreaColumn.PARENT, AreaFault.UNKNOWN_PARENT, f"上级区划 {where.parent_code} 不存在")
        if on_file is not None and on_file.name == line.name:
            self.said[line.code] = line.name
            return Outcome.UNCHANGED
        if not self.may_write(where.path):
            return _note(line, AreaColumn.CODE, AreaFault.OUT_OF_SCOPE, "该区划不在导入人员的管辖范围内")
        self.said[line.code] = line.name
        if on_file is None:
            self.settlement.created.append((where, line.name))
            return Outcome.CREATED
        self.settlement.renamed.append((on_file.id, line.name))
        return Outcome.UPDATED


def settle_areas(
    lines: Sequence[AreaLine], known: Mapping[str, NodeOnFile], may_write: Callable[[str], bool]
) -> AreaSettlement:
    """Settles the lines, parents before children wherever they stand in the file; notes stay in the file's order."""
    reader = _Reader(known, may_write)
    placed = [_place(line) for line in lines]
    order = sorted(range(len(lines)), key=lambda i: len(where.path) if isinstance(where := placed[i], Position) else 0)
    outcomes: dict[int, Outcome | Note] = {}
    for index in order:
        where = placed[index]
        outcomes[index] = where if isinstance(where, Note) else reader.outcome(lines[index], where)
    for index in range(len(lines)):
        result = outcomes[index]
        if isinstance(result, Note):
            reader.settlement.notes.append(result)
            result = Outcome.REJECTED
        reader.settlement.counts[result] += 1
    return reader.settlement


def _place(line: AreaLine) -> Position | Note:
    """What can be said of a line alone: the place of its code, or what is wrong."""
    try:
        where = position(line.code)
    except BadAreaCode:
        message = "编码须为12位区划代码或15位网格编码，且属于区县、街道(镇)、社区(村)或网格"
        return _note(line, AreaColumn.CODE, AreaFault.BAD_AREA_CODE, message)
    if says_nothing(line.name):
        return _note(line, AreaColumn.NAME, AreaFault.MISSING_NAME, "名称为空")
    if len(line.name) > _NAME_LIMIT:
        return _note(line, AreaColumn.NAME, AreaFault.VALUE_TOO_LONG, f"名称超过{_NAME_LIMIT}字")
    if line.level and SPELLINGS.get(plain(line.level).lower()) is not where.level:
        return _note(line, AreaColumn.LEVEL, AreaFault.WRONG_LEVEL, "级别与编码不符")
    if line.parent and line.parent != where.parent_code:
        return _note(line, AreaColumn.PARENT, AreaFault.WRONG_PARENT, "上级编码与编码不符")
    return where


def _note(line: AreaLine, column: AreaColumn, code: AreaFault, message: str) -> Note:
    return Note(line.spot, line.titles.get(column, column.value), code, message)
