"""Imports the sample district through the public API, once, into a registry that has no enterprises yet."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from deploy.local.api import Address, Api, Refused
from deploy.local.problems import PERMANENT, LocalProblem
from deploy.local.settings import SERVICES
from libs.common.actors import Tier
from services.registry.domain.area_files import read_area_lines
from services.registry.domain.areas import BadAreaCode, position
from services.registry.domain.errors import FileRefused
from services.registry.domain.places import AreaLevel
from services.registry.files.areas_csv import read_areas_csv

PERSON = "sample-import"
_POLL_SECONDS = 0.3
_SILENT_SECONDS = 90.0


def main(var: Path, sample: Path, address: Address) -> None:
    """Import `areas.csv` and `enterprises.xlsx` of the folder `sample`; leave the marker that lets the story begin."""
    with Api(address, var / "issuer") as api:
        api.wait_ready()
        token = api.token(Tier.DISTRICT, district_code(sample / "areas.csv"), person=PERSON)
        state = _State(var / "sample.json")
        there = api.get("registry", "/v1/enterprises", token, limit=1, total="true")["total"]
        if there and not state.unfinished():
            print(f"registry: {there} enterprises are there already, nothing to import")
        else:
            print(f"registry: importing the sample district from {sample}")
            for kind, file in (("areas", "areas.csv"), ("enterprises", "enterprises.xlsx")):
                _import(api, token, kind, sample / file, state, var / "run" / "sample.progress")
            state.finish()
    (var / "run" / "sample.done").touch()


def district_code(areas: Path) -> str:
    """The code of the district in `areas.csv`, read as the registry reads it. Raises LocalProblem if it names none."""
    try:
        lines = read_area_lines(read_areas_csv(areas.read_bytes()), areas.name)
    except FileRefused as refusal:
        raise LocalProblem(f"{areas} is no file of areas: {refusal.detail}", PERMANENT) from None
    district = next((line.code for line in lines if _is_district(line.code)), None)
    if district is None:
        raise LocalProblem(f"{areas} has no row of a district (six digits and six zeros).", PERMANENT)
    return district


def _is_district(code: str) -> bool:
    try:
        return position(code).level is AreaLevel.DISTRICT
    except BadAreaCode:
        return False


class _State:
    """Which imports were begun, so that a start that was cut off goes on with them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._known: dict[str, Any] = json.loads(path.read_text())
        except (FileNotFoundError, ValueError):
            self._known = {}

    def unfinished(self) -> bool:
        """Whether an import was begun and its end not seen."""
        return bool(self._known) and not self._known.get("finished")

    def location(self, kind: str) -> str | None:
        """The address of a begun import; none once all have been finished."""
        return self._known.get(kind) if self.unfinished() else None

    def key(self, kind: str) -> str:
        """The Idempotency-Key of the upload: cut off and sent again, it is the same import."""
        name = f"{kind}-key"
        if not self.unfinished() or not self._known.get(name):
            self._known = {**(self._known if self.unfinished() else {}), name: uuid4().hex, "finished": False}
            self._save()
        return str(self._known[name])

    def forget(self, kind: str) -> None:
        """Send the file anew: the import that was begun is not there."""
        self._known = {**self._known, kind: "", f"{kind}-key": ""}
        self._save()

    def begin(self, kind: str, location: str) -> None:
        """Remember an import."""
        self._known = {**self._known, kind: location, "finished": False}
        self._save()

    def finish(self) -> None:
        """Remember that all imports have ended."""
        self._known["finished"] = True
        self._save()

    def _save(self) -> None:
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(self._known))
        fresh.rename(self._path)


def _import(api: Api, token: str, kind: str, file: Path, state: _State, progress: Path) -> None:
    """One import to its end; one that has vanished or fallen silent is begun again, which changes nothing twice."""
    job: dict[str, Any] | None = None
    while job is None:
        location = state.location(kind) or _upload(api, token, kind, file, state.key(kind))
        state.begin(kind, location)
        job = _follow(api, token, location, file.name, progress)
        if job is None:
            state.forget(kind)
    if job["state"] != "done":
        raise LocalProblem(f"The registry refused {file}: {json.dumps(job, ensure_ascii=False)}", PERMANENT)
    counts = ", ".join(f"{job.get(name, 0)} {name}" for name in ("created", "updated", "unchanged", "rejected"))
    print(f"{file.name}: {counts}")


def _upload(api: Api, token: str, kind: str, file: Path, key: str) -> str:
    with file.open("rb") as handle:
        answer = api.request(
            "registry",
            "POST",
            f"/v1/imports/{kind}",
            token,
            files={"file": (file.name, handle.read())},
            headers={"Idempotency-Key": key},
        )
    return httpx.URL(answer.headers["Location"]).path


def _follow(api: Api, token: str, location: str, name: str, progress: Path) -> dict[str, Any] | None:
    """The job once it has ended; None if it is unknown or has not moved for a long time."""
    moved, seen = time.monotonic(), ""
    while time.monotonic() - moved < _SILENT_SECONDS:
        try:
            job: dict[str, Any] = api.get("registry", location, token)
        except Refused as refused:
            if refused.status == 404:
                return None
            raise
        _tell(progress, name, job)
        if job["state"] in ("done", "refused"):
            return job
        if (now := json.dumps(job)) != seen:
            moved, seen = time.monotonic(), now
        time.sleep(_POLL_SECONDS)
    return None


def _tell(progress: Path, name: str, job: dict[str, Any]) -> None:
    rows, per_cent = job.get("rows") or 0, 100 if job["state"] == "done" else job.get("progress") or 0
    fresh = progress.with_suffix(".new")
    fresh.write_text(json.dumps({"file": name, "done": rows * per_cent // 100, "total": rows}))
    fresh.rename(progress)


def address_from_environment() -> Address:
    """The ports that the supervisor handed over."""
    return Address({name: int(os.environ[f"PORT_{name.upper()}"]) for name in SERVICES})


if __name__ == "__main__":
    try:
        main(Path(os.environ["VAR"]), Path(os.environ["SAMPLE"]), address_from_environment())
    except LocalProblem as problem:
        print(problem, file=sys.stderr)
        sys.exit(problem.exit_code)
    except Refused as refused:
        sys.exit(f"the registry refused: {refused}")
