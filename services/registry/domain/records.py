"""What is on file about an enterprise, as a value: the same for a line of a ledger, a request and a row in store."""

from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any

from services.registry.domain.levels import RiskLevel
from services.registry.domain.text import name_key


@dataclass(frozen=True, slots=True)
class Contact:
    """A person whom an enterprise names."""

    name: str | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class Licence:
    """A permit with its last day of validity; no day means that it does not end or that nobody wrote it down."""

    name: str
    number: str | None = None
    valid_until: date | None = None


@dataclass(frozen=True, slots=True)
class EnterpriseRecord:
    """The fields that a ledger can say. None means that it says nothing, never that something was removed."""

    name: str
    community_code: str
    credit_code: str | None = None
    grid_code: str | None = None
    industry_code: str | None = None
    venue_type: str | None = None
    address: str | None = None
    headcount: int | None = None
    headcount_text: str | None = None
    head: Contact = Contact()
    officer: Contact = Contact()
    risk_level: RiskLevel | None = None
    enterprise_class: str | None = None
    longitude: float | None = None
    latitude: float | None = None
    licences: tuple[Licence, ...] = ()
    remark: str | None = None

    @property
    def identity(self) -> tuple[str, str]:
        """What tells enterprises without a credit code apart."""
        return self.community_code, name_key(self.name)


_WORDING = frozenset({"name", "headcount_text"})  # two ways to write the same thing are no difference
FIELD_LABELS = {
    "community_code": "所属社区",
    "credit_code": "信用代码",
    "grid_code": "网格",
    "industry_code": "行业代码",
    "venue_type": "场所类型",
    "address": "地址",
    "headcount": "从业人数",
    "head": "主要负责人",
    "officer": "安全管理员",
    "risk_level": "风险等级",
    "enterprise_class": "分类",
    "longitude": "经度",
    "latitude": "纬度",
    "licences": "许可证",
    "remark": "备注",
}


def differences(known: EnterpriseRecord, said: EnterpriseRecord) -> dict[str, Any]:
    """The fields in which `said` contradicts or adds to `known`, with the value to keep. What it leaves out is none."""
    found: dict[str, Any] = {}
    for item in fields(EnterpriseRecord):
        old, new = getattr(known, item.name), getattr(said, item.name)
        if item.name in _WORDING or new is None:
            continue
        if isinstance(new, Contact):
            new = Contact(new.name or old.name, new.phone or old.phone)
        elif isinstance(new, tuple):
            new = together(old, new)
        if new != old:
            found[item.name] = new
    if "headcount" in found:
        found["headcount_text"] = said.headcount_text
    if "community_code" in found and "grid_code" not in found:
        found["grid_code"] = None  # a grid lies in its community
    return found


def together(known: tuple[Licence, ...], said: tuple[Licence, ...]) -> tuple[Licence, ...]:
    """All licences; one that is said again with another last day has been renewed."""
    kept = {(licence.name, licence.number): licence for licence in known}
    for licence in said:
        former = kept.get((licence.name, licence.number))
        if former is None or licence.valid_until is not None:
            kept[licence.name, licence.number] = licence
    return tuple(kept.values())


def further(known: tuple[Licence, ...], said: tuple[Licence, ...]) -> tuple[Licence, ...]:
    """The licences that are other documents than those known."""
    documents = {(licence.name, licence.number) for licence in known}
    return tuple(licence for licence in said if (licence.name, licence.number) not in documents)


def contradictions(earlier: EnterpriseRecord, later: EnterpriseRecord) -> list[str]:
    """The fields in which two lines cannot both be right; a field that only one of them fills is none, nor is one
    more licence."""
    if further(earlier.licences, later.licences):
        later = replace(later, licences=())
    return [name for name in differences(earlier, later) if getattr(earlier, name) not in (None, (), Contact())]


def merged(known: EnterpriseRecord, changes: dict[str, Any]) -> EnterpriseRecord:
    """The record with the changes made."""
    return replace(known, **changes)
