"""The short form of `make crash ONLY=soak`: seconds of load, to see that everything is watched."""

import math

import pytest

from tests.crash.soak import Answers
from tests.crash.soak_watch import Watched, second_two_thirds, slope
from tests.evidence.loader import Outcome
from tests.support.evidence_runs import figures_of
from tests.support.kafka import require_kafka


@pytest.mark.slow
@pytest.mark.kafka
def test_everything_that_could_grow_is_watched() -> None:
    require_kafka()
    figures = figures_of("crash", "soak")
    assert figures["soak_seconds"].value >= 12
    assert figures["soak_reports"].value >= 12
    assert figures["soak_not_taken"].value == 0
    for service in ("registry", "hazards", "notifications"):
        assert not math.isnan(figures[f"soak_{service}_growth"].value)
    assert {"soak_dead_ratio", "soak_timers_ratio", "soak_woken_ratio"} <= figures.keys()
    assert figures["soak_control_growth"].verdict == "ok"


def test_a_report_that_is_refused_is_counted_and_does_not_end_the_run() -> None:
    answers = Answers()
    answers.add(Outcome(statuses={"201": 40}))
    answers.add(Outcome(statuses={"201": 38, "503": 1}, lost=1, first_refusal="busy"))
    assert answers.taken == 78
    assert answers.others == {"503": 1, "none": 1}
    assert answers.first_refusal == "busy"


def test_a_leak_is_a_slope_and_a_first_rise_is_none() -> None:
    leak = [(second, 80 + second * 0.01) for second in range(600)]
    assert math.isclose(slope(leak), 0.01)
    settled = [(second, 80.0 + min(second, 100)) for second in range(600)]
    assert slope(second_two_thirds(settled)) == 0
    assert math.isnan(slope([(1.0, 80.0)]))


def test_dead_rows_that_only_grow_are_told_from_those_that_are_cleared() -> None:
    watched = Watched()
    for second in range(100):
        watched.dead["growing"].append((second, second * 1000))
        watched.dead["cleared"].append((second, second % 10 * 1000))
        watched.dead["few"].append((second, second))
    growth = watched.dead_growth()
    assert growth.keys() == {"growing", "cleared"}
    assert growth["growing"] > 1.9
    assert growth["cleared"] == 1
