"""What the story has already told: a small file, written after every step, read again after any end."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4


class Book:
    """Facts of one story by name; its id is the seed of every Idempotency-Key."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._facts: dict[str, Any] = json.loads(path.read_text())
            self.continues = True
        except (FileNotFoundError, ValueError):
            self._facts = {}
            self.continues = False
            self["id"] = uuid4().hex[:12]

    def __getitem__(self, name: str) -> Any:
        return self._facts[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._facts[name] = value
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(self._facts, ensure_ascii=False, indent=1))
        fresh.rename(self._path)

    def get(self, name: str, default: Any = None) -> Any:
        """The fact, or `default` while it is not known."""
        return self._facts.get(name, default)

    def key(self, step: str) -> str:
        """The Idempotency-Key of one step: the same however often the step is taken."""
        return f"story-{self['id']}-{step}"

    @classmethod
    def open(cls, path: Path, bus: str) -> "Book":
        """The book of the story told over that bus; one that was told to its end over another is shelved."""
        book = cls(path)
        if book.finished and book.get("bus", bus) != bus:
            book.shelve()
            book = cls(path)
        book["bus"] = bus
        return book

    def shelve(self) -> None:
        """Puts the book aside under its id, so that the next story begins with a new hazard."""
        self._path.rename(self._path.with_name(f"story-{self['id']}.json"))

    @property
    def finished(self) -> bool:
        """Whether the story has come to its end."""
        return bool(self._facts.get("finished"))
