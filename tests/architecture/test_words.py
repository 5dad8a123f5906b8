"""No file says what is unfinished, or names a place that only one machine has."""

import re
from pathlib import Path

import pytest

from tests.architecture.sources import FOLDERS, ROOT

SUFFIXES = {
    ".py",
    ".md",
    ".yaml",
    ".yml",
    ".toml",
    ".txt",
    ".lock",
    ".json",
    ".sh",
    ".xml",
    ".properties",
    ".cfg",
    ".ini",
}
PLACES = (*FOLDERS, "docs", ".ci")
NAMELESS = {"Makefile", "Dockerfile", ".env.example", "run"}

# Written in halves, so that this file keeps its own rule.
FORBIDDEN = {
    "unfinished": re.compile(r"\b(TO" r"DO|FIX" r"ME)\b|\braise NotImplemented" r"Error\b"),
    "a place on someone's machine": re.compile(r"/ho" r"me/\w+/|/ro" r"ot/\w"),
    "an address of a package index": re.compile(r"--(extra-)?index" r"-url|--trusted" r"-host", re.IGNORECASE),
}


def texts() -> list[Path]:
    """Every text file that belongs to the project."""
    found = [p for p in ROOT.iterdir() if p.is_file() and (p.suffix in SUFFIXES or p.name in NAMELESS)]
    for place in PLACES:
        for path in sorted((ROOT / place).rglob("*")):
            if (
                path.is_file()
                and (path.suffix in SUFFIXES or path.name in NAMELESS)
                and "__pycache__" not in path.parts
            ):
                found.append(path)
    return found


def said(text: str, what: str) -> list[int]:
    """Numbers of the lines that say it."""
    return [number for number, line in enumerate(text.splitlines(), 1) if FORBIDDEN[what].search(line)]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_nothing_forbidden_is_said(what: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}" for path in texts() for line in said(path.read_text(encoding="utf-8"), what)
    ]
    assert not found, f"says {what}:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("unfinished", "# TO" + "DO: the rest"),
        ("unfinished", "    raise NotImplemented" + "Error"),
        ("a place on someone's machine", "see /ho" + "me/somebody/notes"),
        ("an address of a package index", "--index" + "-url https://example.org"),
    ],
)
def test_the_check_hears_it(what: str, line: str) -> None:
    assert said(f"x = 1\n{line}\n", what) == [2]


def test_ordinary_words_pass() -> None:
    line = "a home for every file; the root of the tree; temporary files under /tmp; an index of the table"
    assert not any(said(line, what) for what in FORBIDDEN)


def test_the_whole_project_is_read() -> None:
    names = {path.relative_to(ROOT).parts[0] for path in texts()}
    assert {"libs", "services", "deploy", "tests", "pyproject.toml"} <= names
