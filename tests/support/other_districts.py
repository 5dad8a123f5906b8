"""Districts that nobody has seen: their areas, a ledger with other proportions and faults, and what must come of it."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from services.registry.domain.credit_codes import is_valid
from tests.support.registry import TITLES, Office, areas_csv, credit_code, enterprise, workbook

_FULL_WIDTH = {ord(char): ord(char) + 0xFEE0 for char in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
_NO_CODE = ("", "无", "/", "办理中", "—")
_DAYS = ("2027-9-1", "2027.9.1", "2027年9月1日", "2027/9/1", "20270901", "２０２７.９.１")
_NO_DAYS = ("2027-02-29", "2026.13.1", "2026年9月31日", "20260230", "2026/4/31")
_CLASSES = {"A": ("A", "a类", "Ａ", "A级"), "B": ("b", "B级", "Ｂ", "b类"), "C": ("C", "c类"), "D": ("D", "Ｄ")}
_NO_CLASSES = ("E", "甲", "待定", "F级", "Ｇ")
_RISKS = ("红", "重大(红)", "橙", "较大(橙)", "黄", "一般(黄)", "蓝", "低(蓝)")


@dataclass
class District:
    """Two files, and the outcome of each line of the ledger by its code (or `created`, `unchanged`)."""

    code: str
    areas: bytes
    ledger: bytes
    outcomes: Counter[str] = field(default_factory=Counter)

    @property
    def rows(self) -> int:
        return self.outcomes.total()

    @property
    def rejected(self) -> Counter[str]:
        return Counter({code: n for code, n in self.outcomes.items() if code not in ("created", "unchanged")})


def district(seed: int) -> District:
    """A district made from a seed: streets, communities of the same names, sheets with columns in other orders."""
    rng = random.Random(seed)
    root = f"4105{seed % 80 + 10:02}000000"
    count = rng.randint(1, 4)
    streets = [(f"{root[:6]}{nr + 1:03}000", f"第{nr + 1}{'街道' if nr % 2 else '镇'}") for nr in range(count)]
    rows: list[tuple[str, str, str, str]] = [(root, "某区", "district", "")]
    communities: dict[str, list[tuple[str, str]]] = {}
    for street, name in streets:
        rows.append((street, name, "street", root))
        own = [(f"{street[:9]}{nr + 1:03}", f"{'东西南北'[nr]}关社区") for nr in range(rng.randint(2, 4))]
        communities[name] = own
        for code, community in own:
            rows.append((code, community, "community", street))
            rows.append((f"{code}001", f"{community}第1网格", "grid", code))
    rng.shuffle(rows)
    made = District(root, areas_csv(rows), b"")
    writer = _Writer(rng, made.outcomes, root[:6])
    made.ledger = workbook(*(writer.office(name, communities[name]) for _, name in streets))
    return made


class _Writer:
    """Fills in sheets, counting what each line must lead to."""

    def __init__(self, rng: random.Random, outcomes: Counter[str], region: str) -> None:
        self._rng = rng
        self._outcomes = outcomes
        self._region = region
        self._number = 0

    def office(self, name: str, communities: Sequence[tuple[str, str]]) -> Office:
        titles = self._titles()
        above = [f"{name}台账", "填报日期:2026年9月10日"][: self._rng.randint(0, 2)]
        office = Office(name, titles, above=above, merge_communities=self._rng.random() < 0.7)
        for code, community in communities:
            for _ in range(self._rng.randint(5, 25)):
                self._line(office, code, community)
                if self._rng.random() < 0.1:
                    office.say(self._rng.choice(["小计", "", "合  计", "本页小计", "填表人:     审核人:"]))
        return office.say("总计").say("填表人：甲   审核人：乙")

    def _titles(self) -> list[str]:
        people = [["主要负责人", "联系电话"], ["安全管理员", "联系电话 "]]
        blocks = [[title] for title in TITLES if title.strip() not in ("主要负责人", "安全管理员", "联系电话")] + people
        self._rng.shuffle(blocks)
        return [title for block in blocks for title in block]

    def _line(self, office: Office, community_code: str, community: str) -> None:
        self._number += 1
        code = credit_code(self._number, kind=self._rng.choice(["91", "92", "N2", "Y1"]), region=self._region)
        name = f"{community}第{self._number}厂"
        fields: dict[str, Any] = {
            "name": name,
            "community": community,
            "code": self._spelling(code),
            "grid": self._rng.choice(["", f"{community_code}001"]),
            "grade": self._rng.choice(_CLASSES[self._rng.choice("ABCD")]),
            "risk": self._rng.choice(_RISKS),
            "headcount": self._rng.choice([12, "约12人", "１２", "12人"]),
            "licence": "食品经营许可证",
            "until": self._rng.choice(_DAYS),
            "remark": self._rng.choice(["", "已停业", '=HYPERLINK("x")']),
        }
        fault = self._rng.choices(
            ["", "none", "repeat", "other_name", "digit", "community", "name", "class", "day"],
            [60, 8, 5, 5, 5, 5, 4, 4, 4],
        )[0]
        outcome = self._spoil(fields, fault, code)
        self._add(office, fields, outcome)
        if fault == "repeat":
            self._add(office, fields | {"code": self._spelling(code), "headcount": "12人"}, "unchanged")
        elif fault == "other_name":
            self._add(office, fields | {"name": f"变更{name}", "code": self._spelling(code)}, "conflicting_duplicate")

    def _spoil(self, fields: dict[str, Any], fault: str, code: str) -> str:
        """Writes the fault into the line; what must come of it."""
        if fault == "none":
            fields["code"] = self._rng.choice(_NO_CODE)
        elif fault == "digit":
            wrong = next(code[:-1] + last for last in "0123456789" if not is_valid(code[:-1] + last))
            fields["code"] = self._spelling(wrong)
            return "bad_check_digit"
        elif fault == "community":
            fields["community"] = self._rng.choice(["外区", "??社区", "中关社区"])
            return "unknown_community"
        elif fault == "name":
            fields["name"] = self._rng.choice(["", "  ", "—", "-", "——"])
            return "missing_name"
        elif fault == "class":
            fields["grade"] = self._rng.choice(_NO_CLASSES)
            return "unknown_class"
        elif fault == "day":
            fields["until"] = self._rng.choice(_NO_DAYS)
            return "impossible_date"
        return "created"

    def _spelling(self, code: str) -> str:
        spellings = (code, code.lower(), code.translate(_FULL_WIDTH), f" {code[:9]} {code[9:]} ")
        return self._rng.choice(spellings)

    def _add(self, office: Office, fields: dict[str, Any], outcome: str) -> None:
        office.lines.append(enterprise(**fields))
        self._outcomes[outcome] += 1
