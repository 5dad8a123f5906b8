"""Everything that the project promises in public, written out as documents: file name → text, the same every time."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from libs.common.contracts import CONTRACTS
from tests.contracts.asyncapi import asyncapi, event_schema

ROOT = Path(__file__).resolve().parents[2]
FROZEN = ROOT / "libs" / "common" / "contracts" / "frozen"
EXAMPLES = FROZEN / "examples"
SERVICES = ("registry", "hazards", "notifications")

_NOTE = "# Generated from the contract models by `make contracts`: change those.\n"


def documents() -> dict[str, str]:
    """All of them. Raises CalledProcessError when a service cannot say what its API is."""
    return dict(
        [
            *((f"openapi/{service}.json", as_json(openapi(service))) for service in SERVICES),
            *(
                (f"schemas/{contract.schema_id()}.json", as_json(event_schema(contract)))
                for contract in CONTRACTS.values()
            ),
            ("asyncapi.yaml", _NOTE + as_yaml(asyncapi(CONTRACTS.values(), topics(), golden()))),
        ]
    )


def openapi(service: str) -> dict[str, Any]:
    """The OpenAPI document that the service's own command prints."""
    printed = subprocess.run(
        [sys.executable, "-m", f"services.{service}", "openapi"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    document: dict[str, Any] = json.loads(printed.stdout)
    return document


def topics() -> dict[str, dict[str, Any]]:
    """The topics of deploy/topics.yaml, by name."""
    document = yaml.safe_load((ROOT / "deploy" / "topics.yaml").read_text(encoding="utf-8"))
    return {name: options or {} for name, options in document["topics"].items()}


def golden() -> dict[str, dict[str, Any]]:
    """The golden examples by schema id and name, as they are on disk."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(EXAMPLES.glob("*/*.json")):
        found.setdefault(path.parent.name, {})[path.stem] = json.loads(path.read_text(encoding="utf-8"))
    return found


def frozen() -> dict[str, str]:
    """The documents as they are on disk, without the examples: those are written by hand, and only added to."""
    return {
        path.relative_to(FROZEN).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(FROZEN.rglob("*"))
        if path.is_file() and path.suffix in {".json", ".yaml"} and EXAMPLES not in path.parents
    }


def differences(now: Mapping[str, str], before: Mapping[str, str]) -> Iterator[str]:
    """What drifted, one line a document."""
    for name in sorted({*now, *before}):
        if name not in before:
            yield f"{name} is not frozen yet"
        elif name not in now:
            yield f"{name} is frozen and no longer promised"
        elif now[name] != before[name]:
            yield f"{name} differs from line {_first_difference(now[name], before[name])} on"


def _first_difference(now: str, before: str) -> int:
    a, b = now.splitlines(), before.splitlines()
    return next((n for n, (x, y) in enumerate(zip(a, b, strict=False), 1) if x != y), min(len(a), len(b)) + 1)


def as_json(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


class _Plain(yaml.SafeDumper):
    """Writes a repeated part out again, and indents lists under their key."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def as_yaml(document: Any) -> str:
    return yaml.dump(document, Dumper=_Plain, allow_unicode=True, sort_keys=False, width=118)
