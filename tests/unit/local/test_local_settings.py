"""The settings of `make up`: defaults, and one clear sentence for each thing that cannot be meant."""

import os
import re
from pathlib import Path

import pytest
from dotenv import dotenv_values

from deploy.local.preflight import check_issuer, check_sample
from deploy.local.problems import LocalProblem
from deploy.local.settings import ROOT, environment, read_settings
from deploy.local.system import build_plan
from services.hazards.settings import HazardsSettings


def test_nothing_set_means_the_sample_the_story_and_the_known_ports() -> None:
    settings = read_settings({})
    assert dict(settings.ports) == {"registry": 8001, "hazards": 8002, "notifications": 8003}
    assert (settings.var, settings.bus, settings.story) == (ROOT / "var", "postgres", True)
    assert settings.sample == ROOT / "deploy" / "sample"


def test_what_stands_in_the_file_reaches_every_process_and_the_environment_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / ".env"
    file.write_text("LOG_LEVEL=DEBUG\nDELIVERY_ATTEMPTS=3   # before a message is given up\nHOST=0.0.0.0\nBUS=\n")
    monkeypatch.setattr(os, "environ", {"HOST": "127.0.0.1", "LOG_LEVEL": "", "BUS": "kafka"})
    assert environment(file) == {"LOG_LEVEL": "DEBUG", "DELIVERY_ATTEMPTS": "3", "HOST": "127.0.0.1", "BUS": "kafka"}
    assert {**os.environ} == environment(file), "this is what processes inherit"


def test_a_line_of_the_example_holds_once_its_sign_is_taken_away(tmp_path: Path) -> None:
    lines = [line[2:] for line in (ROOT / ".env.example").read_text().splitlines() if re.match("# [A-Z_]+=.", line)]
    file = tmp_path / ".env"
    file.write_text("\n".join(line for line in lines if not re.match("[A-Z_]+= ", line)))
    said = {name: value or "" for name, value in dotenv_values(file).items()}
    assert [name for name, value in said.items() if " " in value] == []
    settings = HazardsSettings.model_validate({name.lower(): value for name, value in said.items()})
    assert (settings.log_level, settings.max_body_bytes) == ("INFO", HazardsSettings().max_body_bytes)


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
