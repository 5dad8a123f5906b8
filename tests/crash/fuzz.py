"""Part `fuzz`: requests made from the three OpenAPI documents, and never an answer that is not documented.

One schemathesis process a service, all at the same time, again and again with another seed until there were enough
cases. Parameters and bodies often hold what exists (`tests/support/residents.py`), so that cases come past the 404.
"""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from deploy.local.issuer import Issuer
from libs.common.actors import Tier
from tests.contracts.documents import SERVICES
from tests.crash import fuzz_targets
from tests.crash.settings import Effort
from tests.evidence.cluster import BenchCluster
from tests.evidence.command import Tell
from tests.evidence.figures import Figure, Result, Row
from tests.support.fuzzing import EXEMPT, Outcome, fuzz
from tests.support.live import PEOPLES_ROLES, Live, bearer, serving
from tests.support.residents import Residents, settle

LONG, SHORT = 100_000, 600
_EXAMPLES, _SHORT_EXAMPLES, _CONTROL_EXAMPLES = 60, 6, 20
_SECONDS = 1800
_FIRST_PHASES, _PHASES, _SHORT_PHASES = "examples,coverage,fuzzing,stateful", "fuzzing,stateful", "fuzzing"
_TIERS = (None, None, Tier.STREET, Tier.COMMUNITY, Tier.ENTERPRISE)  # None: someone with every role of the district

# What a failed check of schemathesis says was wrong. What is not named here is a break of the schema.
_SERVER_ERROR = ("ServerError",)
_UNDOCUMENTED = ("UndefinedStatusCode", "UndefinedContentType", "UnsupportedMethodResponse")
_ACCEPTED = ("AcceptedNegativeData", "IgnoredAuth", "MissingHeaderNotRejected")


@dataclass(slots=True)
class Found:
    """What all runs against one service say together."""

    cases: int = 0
    accepted: int = 0  # cases that were answered with success
    runs: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)  # of schemathesis itself
    said: list[str] = field(default_factory=list)

    def add(self, report: Mapping[str, Any], printed: str) -> None:
        """One run more."""
        self.runs += 1
        self.cases += report["test_cases"]["generated"]
        for phases in report["valid_rates"].values():
            self.accepted += sum(phase["accepted"] for phase in phases.values())
        for failure in report["failures"]:
            self.failures[failure["type"]] += failure["count"]
        self.errors += [json.dumps(error)[:300] for error in report["errors"]]
        if report["failures"]:
            self.said.append(printed.partition("= FAILURES =")[2][:1500])

    def count(self, types: Sequence[str]) -> int:
        """Failures of these types."""
        return sum(self.failures[one] for one in types)


async def prove(cluster: BenchCluster, effort: Effort, tell: Tell) -> Result:
    """Every service until its share of the cases is done, and the control."""
    wanted = effort.count(LONG, short=SHORT)
    async with AsyncExitStack() as stack:
        started = [stack.enter_async_context(fuzz_targets.service(name, cluster, cluster.folder)) for name in SERVICES]
        lives = [await starting for starting in started]
        homes = await asyncio.gather(*(asyncio.to_thread(settle, live) for live in lives))
        loop = asyncio.get_running_loop()
        began = loop.time()
        found = await asyncio.gather(
            *(
                _one_service(live, residents, cluster.folder, -(-wanted // len(lives)), effort, tell)
                for live, residents in zip(lives, homes, strict=True)
            )
        )
        seconds = loop.time() - began
        control = await asyncio.to_thread(_control, cluster.folder)
    return _result(dict(zip(SERVICES, found, strict=True)), control, wanted, seconds)


async def _one_service(
    live: Live, residents: Residents, folder: Path, wanted: int, effort: Effort, tell: Tell
) -> Found:
    chance = effort.random(f"fuzz {live.service}")
    found = Found()
    while found.cases < wanted:
        await asyncio.to_thread(_one_run, live, residents, folder, found, chance, effort.short)
        tell(f"{live.service}: {found.cases} cases in {found.runs} runs, failures {dict(found.failures)}")
        if found.errors:
            raise RuntimeError(f"schemathesis failed: {found.errors[0]}")
    return found


def _one_run(live: Live, residents: Residents, folder: Path, found: Found, chance: Random, short: bool) -> None:
    tier = _TIERS[found.runs % len(_TIERS)]
    token = live.token(tier) if tier else live.token(roles=PEOPLES_ROLES)
    phases = _SHORT_PHASES if short else _PHASES if found.runs else _FIRST_PHASES
    report, outcome = _fuzz(
        live.address,
        token,
        folder / f"fuzz-{live.service}-{found.runs}",
        known=residents.known(),
        texts=list(residents.texts()),
        examples=_SHORT_EXAMPLES if short else _EXAMPLES,
        phases=phases,
        exempt=EXEMPT[live.service],
        seed=chance.randrange(2**32),
    )
    found.add(report, outcome.report)


def _fuzz(address: str, token: str, folder: Path, **how: Any) -> tuple[dict[str, Any], Outcome]:
    """One run of schemathesis, and what it reports of itself. Raises RuntimeError when it reports nothing."""
    path = folder / "report.json"
    reports = ["--report", "json", "--report-json-path", str(path)]
    outcome = fuzz(address, token, folder, seconds=_SECONDS, reports=reports, **how)
    if not path.exists():
        raise RuntimeError(f"schemathesis failed: {outcome.report[-1000:]}")
    report: dict[str, Any] = json.loads(path.read_text())
    return report, outcome


def _control(folder: Path) -> Found:
    """The same command against a service that breaks its word."""
    logging.getLogger("libs").setLevel(logging.CRITICAL)  # that it fails is what it is for
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    issuer = Issuer(folder / "control-issuer")
    issuer.ensure_keys()
    found = Found()
    with serving(fuzz_targets.broken_app(issuer)) as address:
        token = issuer.sign(bearer(Tier.DISTRICT))
        report, outcome = _fuzz(
            address,
            token,
            folder / "fuzz-control",
            known={},
            texts=["name"],
            examples=_CONTROL_EXAMPLES,
            phases=_SHORT_PHASES,
            seed=1,
        )
    found.add(report, outcome.report)
    return found


def _breaks(found: Found) -> int:
    named = (*_SERVER_ERROR, *_UNDOCUMENTED, *_ACCEPTED)
    return found.failures.total() - found.count(named)


def _result(found: Mapping[str, Found], control: Found, wanted: int, seconds: float) -> Result:
    result = Result("fuzz", "Requests made from the OpenAPI documents")
    cases, accepted = sum(one.cases for one in found.values()), sum(one.accepted for one in found.values())
    said = "\n\n".join(text for one in found.values() for text in one.said)[:4000]
    counts = {
        "server_errors": ("answers of 5xx", sum(one.count(_SERVER_ERROR) for one in found.values())),
        "undocumented": ("statuses or media types not documented", sum(f.count(_UNDOCUMENTED) for f in found.values())),
        "schema_breaks": ("bodies or headers that break their schema", sum(_breaks(one) for one in found.values())),
        "accepted": ("accepted though forbidden, or without a token", sum(f.count(_ACCEPTED) for f in found.values())),
    }
    caught = sum(map(bool, (*map(control.count, (_SERVER_ERROR, _UNDOCUMENTED, _ACCEPTED)), _breaks(control))))
    result.figures += [
        Figure("fuzz_cases", "cases over the three documents", cases, "cases", wanted, "more"),
        *(
            Figure(f"fuzz_{name}", title, value, "cases", 0, "less", shortfall=f"```\n{said}\n```")
            for name, (title, value) in counts.items()
        ),
        Figure(
            "fuzz_successes", "cases that were answered with success", accepted / max(1, cases), "ratio", None, "more"
        ),
        Figure(
            "fuzz_control_caught",
            "control: kinds of broken word caught in a service that breaks it in four ways",
            caught,
            "kinds",
            4,
            "more",
            shortfall=f"Only {dict(control.failures)} were seen.",
        ),
    ]
    for name, one in found.items():
        result.rows.append(Row(f"{name}: {one.cases} cases in {one.runs} runs", f"{one.cases / seconds:.0f}"))
    exempt = "; ".join(f"{path} {', '.join(names)}" for some in EXEMPT.values() for path, names in some.items())
    result.notes.append(
        "Checked: no 5xx; status, media type, body and headers as documented; nothing accepted that the document "
        "forbids; nothing answered without a token; no method that is not offered. Asked by someone with every role of "
        "a district, by a street, a community and an enterprise in turn. Not checked, since the tool cannot ask it "
        f"there: {exempt} (no file is sent as an empty one; a bad item is answered in its place; GET …/batch asks for "
        "a hazard of that name)."
    )
    return result
