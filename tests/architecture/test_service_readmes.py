"""What a service's README says it listens to and announces is what its code consumes and publishes; its files exist."""

import ast
import importlib
import re
from pathlib import Path

import pytest

from libs.common.contracts import CONTRACTS
from tests.architecture.sources import ROOT, SERVICES, Source, dotted

TYPES = {contract.__name__: contract.event_type for contract in CONTRACTS.values()}
TOPICS = {contract.topic for contract in CONTRACTS.values()}
_WORD = re.compile(r"`([^`\n]+)`")


def section(readme: str, title: str) -> str:
    """From `**Title**` to the next such word, or the next heading."""
    found = re.search(rf"\*\*{title}\*\*(.*?)(?=\n\*\*\w+\*\*|\n## |\Z)", readme, re.DOTALL)
    return found[1] if found else ""


def said(readme: str, title: str, known: set[str]) -> set[str]:
    """Which of the known words the section names in backquotes."""
    return set(_WORD.findall(section(readme, title))) & known


def announced(publishing: Source) -> set[str]:
    """Types of the contracts that the module names."""
    names = {node.attr for node in publishing.nodes() if isinstance(node, ast.Attribute)}
    names |= {node.id for node in publishing.nodes() if isinstance(node, ast.Name)}
    return {TYPES[name] for name in names & set(TYPES)}


def consumed(consumers: Source) -> set[str]:
    """The topics in `TOPICS = (…)`, each a constant of a contract module."""
    modules = {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in consumers.nodes()
        if isinstance(node, ast.ImportFrom) and node.module == "libs.common.contracts"
        for alias in node.names
    }
    for node in consumers.nodes():
        if isinstance(node, ast.Assign) and dotted(node.targets[0]) == "TOPICS" and isinstance(node.value, ast.Tuple):
            pairs = [dotted(element).split(".") for element in node.value.elts]
            return {str(getattr(importlib.import_module(modules[module]), name)) for module, name in pairs}
    raise AssertionError(f"{consumers.path} has no TOPICS")


def lies(readme: str, publishing: Source, consumers: Source | None) -> list[str]:
    """What the README says and the code does not, or the other way round."""
    publishes = announced(publishing)
    topics = {contract.topic for contract in CONTRACTS.values() if contract.event_type in publishes}
    listens = consumed(consumers) if consumers else set()
    pairs = {
        "events it announces": (said(readme, "Announces", set(TYPES.values())), publishes),
        "topics it announces on": (said(readme, "Announces", TOPICS), topics),
        "topics it listens to": (said(readme, "Listens", TOPICS), listens),
    }
    found = [f"{what}: README and code differ in {sorted(a ^ b)}" for what, (a, b) in pairs.items() if a != b]
    return found + [f"no {title}" for title in ("Owns", "Listens", "Announces") if not section(readme, title).strip()]


def missing_files(readme: str, folder: Path) -> list[str]:
    """Python and YAML files and folders that the README names and the service does not have."""
    named = {word for word in _WORD.findall(readme) if re.fullmatch(r"[\w/]+(\.py|\.yaml|/)", word)}
    return sorted(name for name in named if not (folder / name).exists() and not list(folder.rglob(name.rstrip("/"))))


def source(service: str, name: str) -> Source | None:
    path = ROOT / "services" / service / name
    return Source(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")) if path.exists() else None


@pytest.mark.parametrize("service", SERVICES)
def test_the_readme_says_what_the_code_does(service: str) -> None:
    readme = (ROOT / "services" / service / "README.md").read_text(encoding="utf-8")
    publishing = source(service, "publishing.py")
    assert publishing is not None
    assert lies(readme, publishing, source(service, "consumers.py")) == []


@pytest.mark.parametrize("service", SERVICES)
def test_the_files_that_the_readme_names_exist(service: str) -> None:
    folder = ROOT / "services" / service
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert "domain/" in readme
    assert missing_files(readme, folder) == []


SOUND = """# toys
**Owns** toys.

**Listens** to `registry.areas` (`area-changed`).

**Announces** on `hazards.hazards`: `hazard-found`, `hazard-closed`.

## Else
`hazard-verified` is said elsewhere.
"""
PUBLISHES = Source("services/toys/publishing.py", "x = [contracts.HazardFound, HazardClosed]\n")
LISTENS = Source("services/toys/consumers.py", "from libs.common.contracts import registry as r\nTOPICS = (r.AREAS,)\n")


def test_a_true_readme_passes() -> None:
    assert lies(SOUND, PUBLISHES, LISTENS) == []


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("`hazard-found`, ", ""),
        ("`hazard-closed`", "`hazard-closed`, `hazard-ordered`"),
        ("`hazards.hazards`", "`notifications.alerts`"),
        ("`registry.areas`", "`registry.enterprises`"),
        ("`registry.areas`", "areas"),
        ("**Owns** toys.", ""),
    ],
)
def test_an_untrue_readme_is_refused(was: str, becomes: str) -> None:
    assert lies(SOUND.replace(was, becomes), PUBLISHES, LISTENS)


def test_listening_to_nothing_must_be_so() -> None:
    assert lies(SOUND, PUBLISHES, None)


def test_a_file_that_is_not_there_is_missed(tmp_path: Path) -> None:
    (tmp_path / "domain").mkdir()
    (tmp_path / "domain" / "rules.py").touch()
    assert missing_files("`domain/rules.py`, `rules.py`, `domain/`", tmp_path) == []
    assert missing_files("`domain/gone.py` and `views/`", tmp_path) == ["domain/gone.py", "views/"]
