"""The legal basis of a finding: standard, version and clause, cited as fields or in one sentence."""

import re
from dataclasses import dataclass
from typing import Any

_CLAUSE = re.compile(
    r"第\s*[0-9一二三四五六七八九十百零〇.\-]+\s*[条款项章节目](?:\s*第?\s*[（(]?[0-9一二三四五六七八九十百]+[）)]?\s*[条款项目]?)*"
    r"|(?:§|[Cc]l(?:ause|\.)|[Aa]rt(?:icle|\.))\s*\d+(?:\.\d+)*"
    r"|(?:第\s*)?(?<![\d.])\d+(?:\.\d+)+(?![\d.])"
)
_VERSION = re.compile(r"(?<!\d)(?:19|20)\d{2}(?!\d)\s*(?:年版|年|版)?")
_ORDER_NUMBER = re.compile(r"第?\s*\d+\s*号")
_BRACKETS = re.compile(r"[《》〔〕\[\]()（）:：,，;；、。\s—-]+")


@dataclass(frozen=True, slots=True)
class Basis:
    """What a level rests on. `text` is the citation as staff wrote it."""

    standard: str | None = None
    version: str | None = None
    clause: str | None = None
    text: str | None = None

    @classmethod
    def cite(cls, text: str) -> "Basis":
        """Reads one sentence such as `GB 35181-2025 第6.1条`; what it does not say stays None."""
        clause = _CLAUSE.search(text)
        rest = text if clause is None else text[: clause.start()] + " " + text[clause.end() :]
        version = _VERSION.search(rest)
        name = rest if version is None else rest[: version.start()] + " " + rest[version.end() :]
        version = version or _ORDER_NUMBER.search(rest)  # an order is known by its number, which stays in its name
        standard = _BRACKETS.sub(" ", name).strip()
        return cls(
            standard=standard or None,
            version=version.group().strip() if version else None,
            clause=clause.group().strip() if clause else None,
            text=text,
        )

    def to_data(self) -> dict[str, Any]:
        """As it is stored and shown."""
        return {"standard": self.standard, "version": self.version, "clause": self.clause, "text": self.text}
