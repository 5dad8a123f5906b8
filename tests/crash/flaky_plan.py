"""Which message goes to which phone, drawn from a seed, and the rows that make the service send it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from uuid import UUID, uuid5

import asyncpg

from services.notifications.domain.audience import Channel
from services.notifications.domain.delivery import delivery_id
from tests.crash.flaky_names import DOMAIN, MUTE, UNKNOWN
from tests.crash.flaky_phones import GOOD, MOODY, REFUSING, RESETTING, SILENT, SLOW

ATTEMPTS_ALLOWED = 30
_AREA = "410503001001001"
_SPACE = UUID("3f1a2c1e-9d4b-5b0a-8c55-0a4d2f6e7b90")
_HAZARD = uuid5(_SPACE, "hazard")
_PER_ALERT = 100

# What goes wrong → on which port, for which share of the messages. `names` are hosts that must be looked up.
FAULTS: Mapping[str, tuple[str, float]] = {
    "none": (GOOD, 0.36),
    "found-by-name": (GOOD, 0.06),
    "refused": (REFUSING, 0.05),
    "reset-unread": (RESETTING, 0.05),
    "reset": (MOODY, 0.05),
    "500": (MOODY, 0.06),
    "503": (MOODY, 0.05),
    "429": (MOODY, 0.05),
    "slow": (SLOW, 0.02),
    "silent": (SILENT, 0.03),
    "half-answer": (MOODY, 0.05),
    "endless": (MOODY, 0.04),
    "redirect": (MOODY, 0.04),
    "garbage": (MOODY, 0.04),
    "lost-answer": (MOODY, 0.04),
    f"{UNKNOWN}-name": (GOOD, 0.02),
    f"{MUTE}-name": (GOOD, 0.01),
}
KINDS = 12  # of the faults above: the two resets are one, so are slow and silent, and the two ways to lack a name
HEALTHY = ("none", "found-by-name")
_BY_NAME = {"found-by-name": "found", f"{UNKNOWN}-name": UNKNOWN, f"{MUTE}-name": MUTE}


@dataclass(frozen=True, slots=True)
class Planned:
    """One message: its number, what goes wrong how often, when it is due."""

    number: int
    fault: str
    times: int
    due: datetime

    @property
    def person(self) -> UUID:
        """To whom it goes."""
        return uuid5(_SPACE, f"person {self.number}")

    @property
    def alert(self) -> UUID:
        """What it is about."""
        return uuid5(_SPACE, f"alert {self.number // _PER_ALERT}")

    @property
    def id(self) -> UUID:
        """Its id, by the rule of the service."""
        return delivery_id(self.alert, 0, self.person, Channel.WEBHOOK)

    def address(self, ports: Mapping[str, int]) -> str:
        """Where the phone is."""
        port, _ = FAULTS[self.fault]
        host = f"{_BY_NAME[self.fault]}-{self.number % 50}.{DOMAIN}" if self.fault in _BY_NAME else "127.0.0.1"
        does = self.fault if port == MOODY or self.fault == "slow" else "none"
        return f"http://{host}:{ports[port]}/{does}/{self.times if does != 'none' else 0}/{self.number}"


def draw(chance: Random, count: int, rate: float, start: datetime, *, names: bool) -> list[Planned]:
    """So many messages, due one after another at that rate; without `names` none has to be looked up."""
    faults = [fault for fault in FAULTS if names or fault not in _BY_NAME]
    drawn = chance.choices(faults, [FAULTS[fault][1] for fault in faults], k=count)
    return [
        Planned(number, fault, chance.randint(1, 3), start + timedelta(seconds=number / rate))
        for number, fault in enumerate(drawn)
    ]


async def write(
    connection: "asyncpg.Connection[asyncpg.Record]", plan: Sequence[Planned], ports: Mapping[str, int]
) -> None:
    """The messages as the ladders leave them behind: hazard, alerts, contacts, deliveries."""
    now = plan[0].due
    await connection.execute(
        "INSERT INTO hazards (id, number, version, state, level, area_path, place, simulated) "
        "VALUES ($1, 'HZ-410503-2026-000001', 1, 'reported', 'general', $2, '二层东侧楼梯间', false)",
        _HAZARD,
        _AREA,
    )
    alerts = {one.alert for one in plan}
    await _copy(
        connection,
        "alerts",
        "id hazard_id kind occasion state version area_path told_enterprise rungs cursor recheck opened_version "
        "opened_at",
        [(one, _HAZARD, "found", str(one), "open", 1, _AREA, False, "[]", 0, "P1D", 1, now) for one in sorted(alerts)],
    )
    await _copy(
        connection,
        "contacts",
        "id person_id channel area_path address secret version created_at created_by",
        [(one.person, one.person, "webhook", _AREA, one.address(ports), "秘", 1, now, "flaky") for one in plan],
    )
    await _copy(
        connection,
        "deliveries",
        "id alert_id area_path person_id contact_id text ticket next_at created_at rung tier channel state version "
        "attempts attempts_allowed",
        [
            (
                *(one.id, one.alert, _AREA, one.person, one.person, f"第{one.number}条", one.person.hex),
                *(one.due, one.due, 0, "community", "webhook", "pending", 1, 0, ATTEMPTS_ALLOWED),
            )
            for one in plan
        ],
    )


async def _copy(
    connection: "asyncpg.Connection[asyncpg.Record]", table: str, columns: str, records: Sequence[tuple[object, ...]]
) -> None:
    await connection.copy_records_to_table(table, columns=columns.split(), records=records)
    await connection.execute(f"ANALYZE {table}")
