"""What each line of a ledger means for the register: created, updated, unchanged or rejected."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from services.registry.domain.imports import Note, Outcome, Severity
from services.registry.domain.ledger.faults import FAULT_ORDER, Doubt, Fault
from services.registry.domain.ledger.lines import Line
from services.registry.domain.ledger.titles import Column
from services.registry.domain.records import (
    FIELD_LABELS,
    EnterpriseRecord,
    contradictions,
    differences,
    further,
    merged,
)
from services.registry.domain.text import name_key


@dataclass(frozen=True, slots=True)
class OnFile:
    """An enterprise that the register knows already; `foreign` when it lies where the importer may not write."""

    id: UUID
    record: EnterpriseRecord
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What a line changes of an enterprise on file."""

    id: UUID
    record: EnterpriseRecord
    fields: Mapping[str, Any]


@dataclass(slots=True)
class Settlement:
    """The decision on a whole ledger: what to write, what to tell, and how many lines went which way."""

    created: list[EnterpriseRecord] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    counts: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))


@dataclass(slots=True, eq=False)
class _Entry:
    """An enterprise while lines are settled; `first` is the earlier line of this same file that spoke of it, `fields`
    what the file changes of it when it is on file."""

    record: EnterpriseRecord
    id: UUID | None = None
    first: Line | None = None
    foreign: bool = False
    fields: dict[str, Any] = field(default_factory=dict)

    def take(self, changes: Mapping[str, Any]) -> None:
        """Makes the changes."""
        self.record = merged(self.record, dict(changes))
        self.fields.update(changes)


class _Register:
    """Enterprises by credit code, and by community and name; grows as lines are accepted."""

    def __init__(self, known: Iterable[OnFile], lines: Iterable[Line]) -> None:
        self._by_code: dict[str, _Entry] = {}
        self._by_identity: dict[tuple[str, str], list[_Entry]] = defaultdict(list)
        self._codes: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.entries: list[_Entry] = []
        for enterprise in known:
            self.add(_Entry(enterprise.record, enterprise.id, foreign=enterprise.foreign))
            self._note_code(enterprise.record)
        for line in lines:
            if not line.faults:
                self._note_code(line.record)

    def _note_code(self, record: EnterpriseRecord) -> None:
        if record.credit_code:
            self._codes[record.identity].add(record.credit_code)

    def add(self, entry: _Entry) -> None:
        self.entries.append(entry)
        self._learn(entry)

    def change(self, entry: _Entry, changes: Mapping[str, Any]) -> None:
        """Makes the changes, which may bring a code or another community."""
        if not changes:
            return
        self._by_identity[entry.record.identity].remove(entry)
        entry.take(changes)
        self._learn(entry)

    def _learn(self, entry: _Entry) -> None:
        self._by_identity[entry.record.identity].append(entry)
        if entry.record.credit_code:
            self._by_code.setdefault(entry.record.credit_code, entry)

    def find(self, record: EnterpriseRecord) -> _Entry | None:
        """The enterprise that a line speaks of: the one with its code; failing that the one of that name in that
        community, if one of them has no code and no more than one code is known for the name.

        All codes of the file count, also those of later lines: where there are two of one name, a line without a code
        could be either, whatever the order, and a second import must see it the same way.
        """
        if record.credit_code and (entry := self._by_code.get(record.credit_code)):
            return entry
        namesakes = self._by_identity.get(record.identity, [])
        without = [entry for entry in namesakes if entry.record.credit_code is None]
        if record.credit_code is None and without:
            return without[0]
        if len(self._codes[record.identity]) > 1:
            return None
        candidates = without if record.credit_code else namesakes
        return candidates[0] if len(candidates) == 1 else None


_CONFLICT_RANK = FAULT_ORDER[Fault.CONFLICTING_DUPLICATE.value]


def settle(lines: Sequence[Line], known: Iterable[OnFile]) -> Settlement:
    """Settles the lines in order against what the register knows and what earlier lines said.

    The earlier always stands: a later line with the same code under another name is a conflicting duplicate; a later
    line about the same enterprise changes nothing (and is doubted when it contradicts the earlier), except that it may
    bring one more licence, for offices write a line for each, or the code that was missing.
    """
    register = _Register(known, lines)
    settlement = Settlement()
    for line in lines:
        outcome, notes = _settle_line(line, register)
        settlement.counts[outcome] += 1
        settlement.notes.extend(notes)
    settlement.created = [entry.record for entry in register.entries if entry.id is None]
    settlement.changed = [Change(e.id, e.record, e.fields) for e in register.entries if e.id is not None and e.fields]
    return settlement


def _settle_line(line: Line, register: _Register) -> tuple[Outcome, Sequence[Note]]:
    first_fault = line.faults[0] if line.faults else None
    if first_fault and FAULT_ORDER[first_fault.code.value] < _CONFLICT_RANK:
        return Outcome.REJECTED, [first_fault]
    entry = register.find(line.record)
    if entry is not None and name_key(entry.record.name) != name_key(line.record.name):
        return Outcome.REJECTED, [_conflict(line, entry)]
    if first_fault:
        return Outcome.REJECTED, [first_fault]
    if entry is not None and entry.foreign:
        message = "该统一社会信用代码已在管辖范围以外登记，请由上级管理员处理"
        return Outcome.REJECTED, [Note(line.spot, line.header.title(Column.CREDIT_CODE), Fault.OUT_OF_SCOPE, message)]
    if entry is None:
        register.add(_Entry(line.record, first=line))
        return Outcome.CREATED, line.doubts
    if entry.first is not None:
        return _repeated(line, entry, entry.first, register)
    entry.first = line
    changes = differences(entry.record, line.record)
    register.change(entry, changes)
    return Outcome.UPDATED if changes else Outcome.UNCHANGED, line.doubts


def _repeated(line: Line, entry: _Entry, first: Line, register: _Register) -> tuple[Outcome, Sequence[Note]]:
    """A line about an enterprise of which an earlier line of the file spoke."""
    changes: dict[str, Any] = {}
    if papers := further(entry.record.licences, line.record.licences):
        changes["licences"] = (*entry.record.licences, *papers)
    if line.record.credit_code and entry.record.credit_code is None:
        changes["credit_code"] = line.record.credit_code
    register.change(entry, changes)
    notes = [*line.doubts, *_doubts_of_repeat(line, first)]
    return Outcome.UPDATED if changes else Outcome.UNCHANGED, notes


def _conflict(line: Line, entry: _Entry) -> Note:
    spot = line.spot
    earlier = "已有档案"
    if entry.first is not None:
        sheet = "" if entry.first.spot.sheet == spot.sheet else f"工作表“{entry.first.spot.sheet}”"
        earlier = f"{sheet}第{entry.first.spot.row}行"
    whose = "管辖范围以外的单位" if entry.foreign else f"{earlier}的“{entry.record.name[:40]}”"
    message = f"统一社会信用代码与{whose}相同而名称不同，以先登记的为准"
    return Note(spot, line.header.title(Column.CREDIT_CODE), Fault.CONFLICTING_DUPLICATE, message)


def _doubts_of_repeat(line: Line, first: Line) -> list[Note]:
    labels = [FIELD_LABELS[name] for name in contradictions(first.record, line.record) if name in FIELD_LABELS]
    if not labels:
        return []
    where = f"工作表“{first.spot.sheet}”第{first.spot.row}行"
    message = f"与{where}是同一单位，但{'、'.join(labels)}不同，以先出现的为准"
    return [Note(line.spot, labels[0], Doubt.DIFFERS_FROM_EARLIER, message, Severity.WARNING)]
