"""A folder with a district of one's own: its areas file may be written in every way that the registry reads."""

from pathlib import Path

import pytest

from deploy.local.problems import LocalProblem
from deploy.local.seed import district_code
from deploy.local.settings import ROOT
from tests.support.registry import AREAS, DISTRICT, areas_csv

LEVELS = {"district": "区县", "street": "街道", "community": "社区", "grid": "网格"}
CHINESE = areas_csv([(code, name, LEVELS[level], parent) for code, name, level, parent in AREAS], "编码,名称,级别,上级")


@pytest.mark.parametrize(
    "content",
    [
        areas_csv(),
        areas_csv(AREAS[::-1]),
        CHINESE,
        CHINESE.replace(b",", b";"),
        CHINESE.replace(b",", b"\t"),
        CHINESE.decode("utf-8-sig").encode("gb18030"),
        "北关区行政区划表\r\n".encode() + CHINESE.decode("utf-8-sig").replace(",", ";").encode(),
        areas_csv([row[:2] for row in AREAS], "区划代码,区划名称"),
    ],
    ids=["usual", "any-order", "chinese", "semicolons", "tabs", "gb18030", "title", "no-levels"],
)
def test_the_district_is_found_in_whatever_the_registry_accepts(tmp_path: Path, content: bytes) -> None:
    areas = tmp_path / "areas.csv"
    areas.write_bytes(content)
    assert district_code(areas) == DISTRICT


def test_the_sample() -> None:
    assert district_code(ROOT / "deploy" / "sample" / "areas.csv") == "410503000000"


@pytest.mark.parametrize("content", [b"", b"a,b\n", areas_csv(AREAS[1:]), areas_csv([("x", "y", "district", "")])])
def test_a_file_without_a_district_is_named(tmp_path: Path, content: bytes) -> None:
    areas = tmp_path / "areas.csv"
    areas.write_bytes(content)
    with pytest.raises(LocalProblem, match=r"areas\.csv"):
        district_code(areas)
