"""The settings of `make up`: defaults, and one clear sentence for each thing that cannot be meant."""

from pathlib import Path

import pytest

from deploy.local.preflight import check_issuer, check_sample
from deploy.local.problems import LocalProblem
from deploy.local.settings import ROOT, read_settings
from deploy.local.system import build_plan


def test_nothing_set_means_the_sample_the_story_and_the_known_ports() -> None:
    settings = read_settings({})
    assert dict(settings.ports) == {"registry": 8001, "hazards": 8002, "notifications": 8003}
    assert (settings.var, settings.bus, settings.story) == (ROOT / "var", "postgres", True)
    assert settings.sample == ROOT / "deploy" / "sample"


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ({"PORT_HAZARDS": "eighty"}, "PORT_HAZARDS"),
        ({"PORT_HAZARDS": "70000"}, "PORT_HAZARDS"),
        ({"PORT_HAZARDS": "8001"}, "PORT_"),
        ({"BUS": "rabbit"}, "BUS"),
        ({"DATABASE_URL": "mysql://localhost/x"}, "DATABASE_URL"),
    ],
)
def test_a_wrong_setting_is_named(words: dict[str, str], named: str) -> None:
    with pytest.raises(LocalProblem, match=named):
        read_settings(words)


@pytest.mark.parametrize(
    ("words", "one_shots"),
    [
        ({}, {"prepare", "sample", "story"}),
        ({"STORY": "no"}, {"prepare", "sample"}),
        ({"SAMPLE": "none"}, {"prepare"}),
        ({"AUTH_ISSUER": "https://sso.example.gov.cn"}, {"prepare"}),
    ],
)
def test_the_plan_leaves_out_what_is_not_wanted(words: dict[str, str], one_shots: set[str], tmp_path: Path) -> None:
    words = {"VAR": str(tmp_path), "DATABASE_URL": "postgresql://a:b@db:5432/postgres", **words}
    plan = build_plan(read_settings(words), None, words)
    assert {process.name for process in plan.processes if process.once} == one_shots


def test_each_service_gets_a_database_of_its_own(tmp_path: Path) -> None:
    words = {"VAR": str(tmp_path), "DATABASE_URL": "postgresql://a:b@db:5432/postgres", "DATABASE_PREFIX": "x_"}
    plan = build_plan(read_settings(words), None, words)
    urls = {process.name: process.environment.get("DATABASE_URL") for process in plan.processes}
    assert urls["hazards"] == "postgresql://a:b@db:5432/x_hazards"
    assert urls["registry"] == "postgresql://a:b@db:5432/x_registry"


def test_a_sample_without_its_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "areas.csv").touch()
    with pytest.raises(LocalProblem, match=r"enterprises\.xlsx"):
        check_sample(read_settings({"SAMPLE": str(tmp_path)}))
    check_sample(read_settings({"SAMPLE": "none"}))
    check_sample(read_settings({}))


def test_production_refuses_the_development_issuer() -> None:
    with pytest.raises(LocalProblem, match="development issuer"):
        check_issuer({"ENVIRONMENT": "production"})
    check_issuer({"ENVIRONMENT": "production", "AUTH_ISSUER": "https://sso.example.gov.cn"})
