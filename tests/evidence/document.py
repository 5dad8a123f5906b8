"""Writes a document of figures: one section a part, so that a part that ran alone replaces its own section only."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.evidence.figures import Result

_SECTION = re.compile(r"<!-- part ([\w-]+) -->\n(.*?)<!-- end \1 -->\n", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Document:
    """A file that begins with `head`; everything after it is written by the parts."""

    path: Path
    head: str

    def write(self, result: Result, taken: Sequence[str], order: Sequence[str]) -> None:
        """Puts one result in; `taken` says when and on what, `order` how the parts follow one another.

        A part that had to be skipped leaves the section that stands there: it was measured where it could be.
        """
        sections = dict(_SECTION.findall(self.path.read_text())) if self.path.exists() else {}
        if result.skipped and not result.figures and result.part in sections:
            return
        under = "\n".join(f"- {line}" for line in taken)
        title, _, rest = result.markdown().partition("\n")
        sections[result.part] = f"{title}\n\n{under}\n{rest}"
        parts = [name for name in order if name in sections]
        text = [f"<!-- part {name} -->\n{sections[name].rstrip()}\n<!-- end {name} -->\n" for name in parts]
        self.path.write_text("\n".join([self.head, *text]))
