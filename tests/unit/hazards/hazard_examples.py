"""Hazards, callers and rulebooks for tests of the rules."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from libs.common.actors import USUAL_ROLES, Actor, Role, Scope, Tier
from services.hazards.domain.deadlines import Counting, DayKind, Term, WorkingCalendar
from services.hazards.domain.decide import Decision, decide
from services.hazards.domain.escalation import Rung, Step
from services.hazards.domain.facts import Facts
from services.hazards.domain.lifecycle import ClockKind
from services.hazards.domain.moves import Duties, Order, Request, Submit, Verify
from services.hazards.domain.periods import Period
from services.hazards.domain.reporting import Identity, Report, Site, open_case
from services.hazards.domain.rulebook import DeadlinePolicy, EscalationPolicy, ReminderPolicy, Rulebook
from services.hazards.domain.vocabulary import Level, Source

NOW = datetime(2026, 9, 24, 2, 0, tzinfo=UTC)
WORKS = UUID(int=7)
GRID = "410503001001001"
LONG_AGO = date(2000, 1, 1)

HOLIDAYS = [date(2026, 9, 25), *(date(2026, 10, day) for day in range(1, 8)), date(2026, 2, 16)]
MAKE_UP = [date(2026, 9, 20), date(2026, 10, 10), date(2026, 2, 14), date(2026, 2, 28)]
CALENDAR = WorkingCalendar(
    days=dict.fromkeys(HOLIDAYS, DayKind.HOLIDAY) | dict.fromkeys(MAKE_UP, DayKind.MAKE_UP),
    settled_years=frozenset({2026}),
)


def term(text: str, counting: Counting = Counting.CALENDAR_DAYS, roll: bool = True) -> Term:
    return Term(Period.parse(text), counting, roll)


def deadline(nr: int, clock: ClockKind, period: Term, **values: Any) -> DeadlinePolicy:
    common: dict[str, Any] = {"id": UUID(int=nr), "area_path": "", "effective_from": LONG_AGO} | values
    return DeadlinePolicy(clock=clock, term=period, **common)


RULES = Rulebook(
    deadlines=[
        deadline(1, ClockKind.VERIFICATION, term("P3D", Counting.WORKING_DAYS)),
        deadline(2, ClockKind.DISPATCH, term("P3D", Counting.WORKING_DAYS)),
        deadline(3, ClockKind.DEADLINE, term("P15D")),
        deadline(4, ClockKind.REINSPECTION, term("P10D")),
    ],
    reminders=[
        ReminderPolicy(
            id=UUID(int=5), area_path="", effective_from=LONG_AGO, before=(Period.parse("P3D"), Period.parse("P1D"))
        )
    ],
    escalations=[
        EscalationPolicy(
            id=UUID(int=6),
            area_path="",
            effective_from=LONG_AGO,
            steps=(Step(Rung.COMMUNITY, Period.parse("P1D")), Step(Rung.STREET, Period.parse("P3D"))),
        )
    ],
    calendar=CALENDAR,
    categories=frozenset({"fire", "other"}),
)

DUTIES = Duties(measures="清空", responsible="厂长", funds="自筹", contingency_plan="停工")


def actor(tier: Tier, *roles: Role, who: str | None = None) -> Actor:
    enterprise = WORKS if tier is Tier.ENTERPRISE else None
    held = frozenset(roles) or USUAL_ROLES[tier]
    return Actor(who or tier.value, tier, held, Scope("410503", enterprise), None)


SYSTEM = actor(Tier.SYSTEM)
OFFICER = actor(Tier.STREET)
STAFF = actor(Tier.COMMUNITY)
FIRM = actor(Tier.ENTERPRISE)
EVERYONE = (SYSTEM, OFFICER, STAFF, FIRM, actor(Tier.DISTRICT))


def reported(at_enterprise: bool = True, **changes: Any) -> Facts:
    """A fresh hazard."""
    report = Report(Source.INSPECTION, "通道堵塞", WORKS if at_enterprise else None, category="fire")
    site = Site(GRID, WORKS if at_enterprise else None, "彩印厂" if at_enterprise else None)
    identity = Identity(UUID(int=99), "HZ-410503-2026-000001")
    return replace(open_case(report, site, identity, OFFICER, NOW, RULES).facts, **changes)


def after(facts: Facts, *steps: tuple[Request, Actor], now: datetime = NOW) -> Facts:
    """The hazard after these moves."""
    for request, who in steps:
        facts = decide(facts, request, who, now, RULES).facts
    return facts


def verified(level: Level = Level.GENERAL, **changes: Any) -> Facts:
    facts = after(reported(), (Verify(Level.GENERAL), OFFICER))
    return replace(facts, level=level, **changes)


def ordered(due_at: datetime | None = None, at_enterprise: bool = True) -> Facts:
    facts = after(reported(at_enterprise), (Verify(Level.GENERAL), OFFICER))
    return after(facts, (Order(replace(DUTIES, due_at=due_at)), OFFICER))


def rectified() -> Facts:
    return after(ordered(), (Submit(), FIRM))


def decided(facts: Facts, request: Request, who: Actor, now: datetime = NOW) -> Decision:
    return decide(facts, request, who, now, RULES)
