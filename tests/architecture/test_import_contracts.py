"""The import contracts of pyproject.toml hold, and each is broken by one import that it is there to refuse."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, SERVICES, python_files

# contract → (module that imports, what it imports)
BREACHES: dict[str, list[tuple[str, str]]] = {
    "within a service imports point down": [
        ("services.hazards.store.tables", "services.hazards.operations"),
        ("services.hazards.operations", "services.hazards.api"),
        ("services.notifications.domain.duty", "services.notifications.store"),
        ("services.registry.api", "services.registry.app"),
    ],
    "services know each other by their events alone": [
        ("services.hazards.app", "services.registry.domain.errors"),
        ("services.notifications.worker", "services.hazards.store"),
    ],
    "libs.common knows no service": [("libs.common.outbox", "services.hazards.domain")],
    "rules touch no framework and no I/O, not even by way of others": [
        ("services.hazards.domain.decide", "fastapi"),
        ("services.registry.domain.errors", "libs.common.db"),
        ("services.notifications.domain.duty", "libs.common.models"),
    ],
    "only store and views touch tables": [("services.hazards.operations", "services.hazards.store.tables")],
    "the bus is reached through its port": [
        ("services.notifications.worker", "aiokafka"),
        ("services.hazards.worker", "libs.common.bus.kafka"),
    ],
    "errors and actors need no framework": [("libs.common.errors", "fastapi")],
}


def lint(folder: Path, config: Path) -> tuple[bool, set[str], str]:
    """Whether all contracts are kept, the names of those that are broken, and what import-linter printed."""
    run = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from importlinter.cli import lint_imports; "
            f"sys.exit(lint_imports(config_filename={str(config)!r}, no_cache=True))",
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "NO_COLOR": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    output = run.stdout + run.stderr
    return run.returncode == 0, set(re.findall(r"^(.+) BROKEN", output, re.MULTILINE)), output


def empty_copy(folder: Path) -> Path:
    """The project's packages without their contents, save what makes a framework reachable; the contracts with them."""
    modules = {Path(s.path) for s in python_files("libs", "services")}
    modules |= {Path("services", name, file) for name in SERVICES for file in ("app.py", "worker.py")}
    for path in modules:
        for package in (path.parent, *path.parent.parents):
            (folder / package).mkdir(parents=True, exist_ok=True)
            if package != Path() and "migrations" not in package.parts:
                (folder / package / "__init__.py").touch()
        if not (folder / path).with_suffix("").is_dir():
            (folder / path).touch()
    (folder / "libs/common/db.py").write_text("import asyncpg\n")
    (folder / "libs/common/models.py").write_text("import pydantic\n")
    config = folder / "pyproject.toml"
    config.write_text((ROOT / "pyproject.toml").read_text())
    return config


def file_of(folder: Path, module: str) -> Path:
    """The file of a module in the copy, made if there is none."""
    path = folder.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    file.touch()
    return file


def test_the_project_keeps_its_contracts() -> None:
    kept, _, output = lint(ROOT, ROOT / "pyproject.toml")
    assert kept, output


def test_an_empty_copy_keeps_them_too(tmp_path: Path) -> None:
    kept, _, output = lint(tmp_path, empty_copy(tmp_path))
    assert kept, output


@pytest.mark.parametrize(
    ("contract", "importer", "imported"), [(c, *breach) for c, breaches in BREACHES.items() for breach in breaches]
)
def test_the_contract_refuses(tmp_path: Path, contract: str, importer: str, imported: str) -> None:
    config = empty_copy(tmp_path)
    if imported.startswith("services."):
        file_of(tmp_path, imported)
    file_of(tmp_path, importer).write_text(f"import {imported}\n")
    kept, broken, output = lint(tmp_path, config)
    assert not kept, output
    assert contract in broken, output


def test_a_package_that_no_layer_names_is_refused(tmp_path: Path) -> None:
    config = empty_copy(tmp_path)
    (tmp_path / "services/hazards/sidekicks").mkdir()
    (tmp_path / "services/hazards/sidekicks/__init__.py").touch()
    kept, broken, output = lint(tmp_path, config)
    assert not kept, output
    assert "within a service imports point down" in broken or "sidekicks" in output, output


def test_every_contract_has_a_breach() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    assert {contract["name"] for contract in settings["contracts"]} == set(BREACHES)
