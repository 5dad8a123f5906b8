"""The project's own Python files as text and syntax trees: what the architecture checks look at."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("libs", "services", "deploy", "tests")
SERVICES = ("registry", "hazards", "notifications")


@dataclass(frozen=True)
class Source:
    """One file: `path` from the root of the repository with forward slashes, and its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @cached_property
    def lines(self) -> int:
        return len(self.text.splitlines())

    @cached_property
    def service(self) -> str | None:
        """The service that the file belongs to, if any."""
        parts = self.path.split("/")
        return parts[1] if parts[0] == "services" and len(parts) > 2 else None

    def inside(self, *places: str) -> bool:
        """Whether the file is one of the places: a path, a folder ending in `/`, `*` for any one service."""
        for place in places:
            wanted = place.replace("*", self.service or "*")
            if self.path.startswith(wanted) if wanted.endswith("/") else self.path == wanted:
                return True
        return False

    def nodes(self) -> Iterator[ast.AST]:
        return ast.walk(self.tree)

    def texts(self) -> Iterator[ast.Constant]:
        """String constants that are no docstrings."""
        docstrings = {
            id(node.value)
            for node in self.nodes()
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }
        for node in self.nodes():
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                yield node

    def imports(self) -> Iterator[tuple[int, str]]:
        """Line and full name of every module that is imported, wherever in the file; `from a import b` gives `a.b`."""
        for node in self.nodes():
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield node.lineno, alias.name
            elif isinstance(node, ast.ImportFrom):
                base = "." * node.level + (node.module or "")
                for alias in node.names:
                    yield node.lineno, f"{base}.{alias.name}"


def python_files(*folders: str) -> list[Source]:
    """Every Python file below the folders (all of ours without any)."""
    found = []
    for folder in folders or FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "__pycache__" not in path.parts:
                found.append(Source(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")))
    return found


def dotted(node: ast.AST) -> str:
    """`a.b.c` of a name or attribute; what stands before the first call or subscript is left out."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        parts.append(node.id)
    return ".".join(reversed(parts))
