"""What the crash matrix found, as figures."""

from dataclasses import dataclass, field

from libs.common.failpoints import PLACES
from tests.crash.asking import Unsettled
from tests.crash.matrix_books import Fault, Faults
from tests.crash.mortals import Deaths
from tests.evidence.figures import Figure, Result, Row


@dataclass(slots=True)
class Tally:
    """Everything that was counted. `never` are the failpoints at which no process died."""

    seed: int
    seeds: int
    seeds_wanted: int
    kills_wanted: int
    events_wanted: int
    deaths: Deaths
    postgres: int
    kafka: int
    events: int
    repeated: int
    faults: Faults
    unsettled: Unsettled
    never: list[str] = field(default_factory=list)


def result_of(tally: Tally, control: int) -> Result:
    """Figures, deaths by failpoint, and what is to be said about them. `control` is what the naive consumer lost."""
    result = Result("crash-matrix", "Crash matrix: every process killed at every failpoint")
    deaths, faults = tally.deaths, tally.faults
    told = "; ".join(faults.lines())
    result.figures = [
        Figure("matrix_kills", "processes killed with -9", deaths.kills, "kills", tally.kills_wanted, "more"),
        Figure("matrix_events", "events announced meanwhile", tally.events, "events", tally.events_wanted, "more"),
        Figure("matrix_seeds", "seeds", tally.seeds, "seeds", tally.seeds_wanted, "more"),
        Figure("matrix_failpoints", "failpoints declared", len(PLACES), "failpoints", 40, "more"),
        Figure(
            "matrix_failpoints_never_reached",
            "failpoints at which no process died",
            len(tally.never),
            "failpoints",
            0,
            "less",
            shortfall=f"Nobody died at {', '.join(tally.never)}.",
        ),
        Figure("matrix_postgres_crashes", "crashes of PostgreSQL", tally.postgres, "crashes", 1, "more"),
        Figure("matrix_kafka_kills", "kills of Kafka", tally.kafka, "kills", 1, "more"),
        *(
            Figure(f"matrix_{name}", title, faults.total(fault), "things", 0, "less", shortfall=told)
            for fault, name, title in (
                (Fault.LOST, "lost", "lost"),
                (Fault.DOUBLED, "doubled", "doubled"),
                (Fault.DISORDERED, "out_of_order", "out of order within a hazard"),
                (Fault.HALF, "half_written", "half written"),
                (Fault.STUCK, "stuck", "stuck past its lease"),
            )
        ),
        Figure(
            "matrix_ended_by_themselves",
            "processes that ended though nobody killed them",
            len(deaths.unasked),
            "processes",
            0,
            "less",
            shortfall="; ".join(deaths.unasked[:5]),
        ),
        Figure(
            "matrix_control_lost",
            "control that acknowledges before the effect: events lost",
            control,
            "events",
            1,
            "more",
            shortfall="The control lost nothing, so the count has not been seen to fail.",
        ),
    ]
    result.rows = [Row(f"{name}: {PLACES[name]}", f"{count} kills") for name, count in sorted(deaths.at.items())]
    result.rows.append(Row("wherever it was (kill -9 from outside)", f"{deaths.anywhere} kills"))
    refusals = ", ".join(f"{n} × {status}" for status, n in sorted(tally.unsettled.refused.items())) or "none"
    result.notes = [
        f"Seeds {tally.seed} to {tally.seed + tally.seeds - 1}. Four processes (HTTP and background of hazards apart, "
        f"registry and notifications whole) are killed and started again while people report one by one and in bulk, "
        f"lead cases through the loop on clocks of seconds, import ledgers and acknowledge alerts, and receivers fail "
        f"one call in ten. {tally.unsettled.lost} requests were left without an answer and asked again under their "
        f"key, answers with a fault of the server: {refusals}. {tally.repeated} events stand in the log more than "
        f"once, which is what at least once means; each had one effect.",
    ]
    return result
