"""The ledger of a whole district comes in with exactly the counts that a careful person would find."""

import time
from collections import Counter
from pathlib import Path

from tests.service.registry.conftest import World

SAMPLE = Path(__file__).parents[3] / "deploy" / "sample"


async def test_the_sample_comes_in_whole_and_a_second_time_changes_nothing(bare: World) -> None:
    clerk = bare.district()
    areas = await bare.imported(clerk, "areas", (SAMPLE / "areas.csv").read_bytes(), "areas.csv")
    assert (areas["state"], areas["rows"], areas["created"], areas["rejected"]) == ("done", 250, 250, 0)

    ledger = (SAMPLE / "enterprises.xlsx").read_bytes()
    began = time.perf_counter()
    job = await bare.imported(clerk, "enterprises", ledger, "enterprises.xlsx")
    took = time.perf_counter() - began
    counts = {name: job[name] for name in ("state", "rows", "created", "updated", "unchanged", "rejected")}
    assert counts == {
        "state": "done",
        "rows": 3996,
        "created": 3910,
        "updated": 0,
        "unchanged": 21,
        "rejected": 65,
    }
    errors = await clerk.items(f"/v1/imports/{job['id']}/errors", limit=10)
    assert Counter(error["code"] for error in errors) == {
        "bad_check_digit": 18,
        "unknown_community": 12,
        "missing_name": 9,
        "conflicting_duplicate": 7,
        "unknown_class": 11,
        "impossible_date": 8,
    }
    assert all(set(error) == {"sheet", "row", "column", "code", "message", "severity"} for error in errors)

    async def total(**query: str | bool) -> int:
        answer = await clerk.get("/v1/enterprises", limit=1, total=True, **query)
        return int(answer.json()["total"])

    assert await total() == 3910
    assert await total(hasCreditCode=False) == 167
    assert await total(hasGrid=False) == 449
    assert await total(licenceEndsBefore="2026-11-21") == 449
    assert await bare.value("SELECT count(*) FROM licences") == 1897
    streets = {"彰北街道": 641, "红旗路街道": 549, "豆腐营街道": 731, "彰东街道": 655, "柏庄镇": 1334}
    for street in (await clerk.get("/v1/areas", level="street")).json()["items"]:
        assert await total(areaCode=street["code"]) == streets[street["name"]]
    for grade, expected in {"A": 1801, "B": 1553, "C": 400, "D": 156}.items():
        assert await total(enterpriseClass=grade) == expected
    assert await bare.value("SELECT count(*) FROM outbox WHERE type = 'enterprise-registered'") == 3910

    before = await bare.counts()
    again = await bare.imported(clerk, "enterprises", ledger, "enterprises.xlsx")
    assert (again["created"], again["updated"], again["unchanged"], again["rejected"]) == (0, 0, 3931, 65)
    assert await bare.counts() == before

    export = await clerk.get("/v1/areas/410503000000/ledger")
    back = await bare.imported(clerk, "enterprises", export.content)
    assert (back["rows"], back["unchanged"], back["warnings"]) == (3910, 3910, 0), "what goes out can come in again"
    assert await bare.counts() == before
    assert took < 60, "a few seconds on an idle machine"
