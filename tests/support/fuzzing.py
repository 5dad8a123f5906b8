"""Drives a running service with requests that schemathesis makes from its OpenAPI document."""

import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

# Texts that have broken something somewhere: NUL, escapes, bidirectional overrides, 4-byte characters, lone marks,
# numbers that are no numbers, SQL, formulas, a very long one.
NASTY = (
    "\x00",
    "a\x1b[2Jb",
    "\u202egnp.exe",
    "𠮷祥里🔥",
    "\ufeff\u200b",
    "e\u0301" * 40,
    "NaN",
    "-0",
    "1e999",
    "9" * 40,
    "' OR 1=1 --",
    "=HYPERLINK(1)",
    "%00%0a",
    "../../etc/passwd",
    "隐" * 5000,
    "",
    " ",
    "null",
)
HUGE = (0, -1, 2**31, 2**31 - 1, -(2**31) - 1, 2**63, 2**63 - 1, 2**64, 10**30)
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "negative_data_rejection",
    "ignored_auth",
    "unsupported_method",
)

# Checks that do not fit: where a method that is not offered meets the operation of a parameter (`GET /v1/hazards/batch`
# asks for the hazard "batch"), and where "no file" is sent as an empty file.
EXEMPT: dict[str, dict[str, tuple[str, ...]]] = {
    "registry": {
        "/v1/imports/areas": ("negative_data_rejection",),
        "/v1/imports/enterprises": ("negative_data_rejection",),
    },
    "hazards": {
        "/v1/hazards/batch": ("unsupported_method", "negative_data_rejection"),  # a bad item is answered in its place
    },
    "notifications": {},
}


@dataclass(frozen=True)
class Outcome:
    """Whether every answer was as promised, and what schemathesis printed."""

    clean: bool
    report: str


def fuzz(
    address: str,
    token: str,
    folder: Path,
    *,
    known: Mapping[str, Sequence[str]],
    texts: Iterable[str],
    examples: int,
    seconds: int,
    phases: str = "examples,coverage,fuzzing",
    exempt: Mapping[str, Sequence[str]] = MappingProxyType({}),
    seed: int | None = None,
    reports: Sequence[str] = (),
) -> Outcome:
    """One run, the same every time, or drawn from `seed`; `reports` are options that write what was found to files.

    `known` gives parameters (`path.hazardId`) values that exist; `texts` are fields of bodies that often get nasty
    ones; `exempt` names checks that do not fit a path.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "schemathesis.toml"
    config.write_text(_config(known, texts, exempt), encoding="utf-8")
    run = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run"),
            f"{address}/openapi.json",
            *("--header", f"Authorization: Bearer {token}"),
            *("--phases", phases),
            *("--max-examples", str(examples)),
            *(("--seed", str(seed)) if seed is not None else ("--generation-deterministic",)),
            *reports,
            *("--request-timeout", "10"),
            *("--warnings", "off"),
            "--continue-on-failure",
            "--no-shrink",
            "--no-color",
            *("--suppress-health-check", "all"),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    return Outcome(run.returncode == 0, run.stdout + run.stderr)


def _config(known: Mapping[str, Sequence[str]], texts: Iterable[str], exempt: Mapping[str, Sequence[str]]) -> str:
    lines = ["[checks]", "enabled = false", *(f"{check}.enabled = true" for check in CHECKS)]
    lines += ["[dictionaries]", f"nasty = {{ values = {_toml(NASTY)} }}", f"huge = {{ values = {_toml(HUGE)} }}"]
    names = {parameter: f"known{n}" for n, parameter in enumerate(known)}
    lines += [f"{names[parameter]} = {{ values = {_toml(values)} }}" for parameter, values in known.items()]
    lines += ["[generation.dictionaries]", 'string = { dictionary = "nasty", probability = 0.2 }']
    lines += ['integer = { dictionary = "huge", probability = 0.2 }']
    lines += ["[parameters]"]
    lines += [f'"{parameter}" = {{ dictionary = "{names[parameter]}", probability = 0.7 }}' for parameter in known]
    lines += [f'"body.{name}" = {{ dictionary = "nasty", probability = 0.4 }}' for name in sorted(set(texts))]
    for path, checks in exempt.items():
        lines += ["[[operations]]", f'include-path = "{path}"', *(f"checks.{c}.enabled = false" for c in checks)]
    return "\n".join(lines) + "\n"


def _toml(values: Sequence[str | int]) -> str:
    return "[" + ", ".join(str(value) if isinstance(value, int) else _quoted(value) for value in values) + "]"


def _quoted(text: str) -> str:
    return '"' + "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08X}" for c in text) + '"'
