"""The life of a hazard as one table: which move leads from where to where, by whom, announcing what, on which clocks.

Read `TABLE` first: the rule "a fail at re-inspection opens the next round" is the row of `Move.FAIL` there. A pair of
state and move that has no row is refused. The clock that belongs to each state is `CLOCK_OF` in `deadlines.py`.
"""

# ruff: noqa: E501  (a table reads as a table)

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from libs.common.actors import Role, Tier
from services.hazards.domain.announcements import Announcement


class State(StrEnum):
    REPORTED = "reported"
    VERIFIED = "verified"
    ORDERED = "ordered"
    RECTIFIED = "rectified"
    CLOSED = "closed"
    VOID = "void"


STATE_LABELS = {
    State.REPORTED: "待核实",
    State.VERIFIED: "已核实",
    State.ORDERED: "整改中",
    State.RECTIFIED: "待复查",
    State.CLOSED: "已销号",
    State.VOID: "已作废",
}


class Move(StrEnum):
    REPORT = "report"
    VERIFY = "verify"
    REJECT = "reject"
    FIX_ON_THE_SPOT = "fix_on_the_spot"
    ASSIGN = "assign"
    ORDER = "order"
    SUBMIT = "submit"
    PASS = "pass"
    FAIL = "fail"
    REOPEN = "reopen"
    MISS_VERIFICATION = "miss_verification"
    MISS_DISPATCH = "miss_dispatch"
    REMIND = "remind"
    MISS_DEADLINE = "miss_deadline"
    ESCALATE = "escalate"
    MISS_REINSPECTION = "miss_reinspection"


MOVE_LABELS = {
    Move.REPORT: "上报",
    Move.VERIFY: "核实",
    Move.REJECT: "不予认定",
    Move.FIX_ON_THE_SPOT: "现场整改",
    Move.ASSIGN: "交办",
    Move.ORDER: "责令限期整改",
    Move.SUBMIT: "提交整改",
    Move.PASS: "复查合格",
    Move.FAIL: "复查不合格",
    Move.REOPEN: "重新立案",
    Move.MISS_VERIFICATION: "核实超时",
    Move.MISS_DISPATCH: "交办超时",
    Move.REMIND: "到期提醒",
    Move.MISS_DEADLINE: "整改逾期",
    Move.ESCALATE: "逾期升级",
    Move.MISS_REINSPECTION: "复查超时",
}


class ClockKind(StrEnum):
    """The clocks a hazard runs on; each is one timer row, and what it does when it rings is a move."""

    VERIFICATION = "verification"
    DISPATCH = "dispatch"
    DEADLINE = "deadline"
    REMINDER = "reminder"
    ESCALATION = "escalation"
    REINSPECTION = "reinspection"


CLOCK_LABELS = {
    ClockKind.VERIFICATION: "核实时限",
    ClockKind.DISPATCH: "交办时限",
    ClockKind.DEADLINE: "整改时限",
    ClockKind.REMINDER: "到期提醒",
    ClockKind.ESCALATION: "逾期升级",
    ClockKind.REINSPECTION: "复查时限",
}

RINGS = MappingProxyType(
    {
        ClockKind.VERIFICATION: Move.MISS_VERIFICATION,
        ClockKind.DISPATCH: Move.MISS_DISPATCH,
        ClockKind.DEADLINE: Move.MISS_DEADLINE,
        ClockKind.REMINDER: Move.REMIND,
        ClockKind.ESCALATION: Move.ESCALATE,
        ClockKind.REINSPECTION: Move.MISS_REINSPECTION,
    }
)


@dataclass(frozen=True, slots=True)
class Post:
    """A role that counts only when borne in one of these tiers: an officer is one of the street or the district."""

    role: Role
    tiers: frozenset[Tier]


_GOVERNMENT = frozenset({Tier.DISTRICT, Tier.STREET, Tier.COMMUNITY})
_GRID = Post(Role.GRID_WORKER, _GOVERNMENT)
_STAFF = Post(Role.COMMUNITY_STAFF, _GOVERNMENT)
_OFFICER = Post(Role.OFFICER, frozenset({Tier.DISTRICT, Tier.STREET}))
_DUTY = Post(Role.DUTY_STAFF, frozenset({Tier.DISTRICT, Tier.STREET}))
_LEADER = Post(Role.LEADER, frozenset({Tier.DISTRICT, Tier.STREET}))
_HEAD = Post(Role.ENTERPRISE_HEAD, frozenset({Tier.ENTERPRISE}))
_SAFETY = Post(Role.SAFETY_OFFICER, frozenset({Tier.ENTERPRISE}))
_SYSTEM = Post(Role.SYSTEM, frozenset({Tier.SYSTEM}))

ON_SITE = (_GRID, _STAFF, _OFFICER)
STAFF = (_STAFF, _OFFICER)
OFFICERS = (_OFFICER,)
ENTERPRISE = (_HEAD, _SAFETY)
NEIGHBOURHOOD = (_STAFF, _GRID)
TIME = (_SYSTEM,)
REPORTERS = (_GRID, _STAFF, _OFFICER, _DUTY, _LEADER, _HEAD, _SAFETY, _SYSTEM)


@dataclass(frozen=True, slots=True)
class Rule:
    """One row. `source` is None for the move that begins a case; `major` says who acts on what is or becomes major."""

    source: State | None
    move: Move
    target: State
    who: tuple[Post, ...]
    major: tuple[Post, ...]
    announces: Announcement
    stops: tuple[ClockKind, ...]
    starts: tuple[ClockKind, ...]
    opens_round: bool = False
    other_person: bool = False  # never by whoever submitted the rectification
    without_enterprise: tuple[Post, ...] = ()  # who instead, where no enterprise is responsible


S, M, A = State, Move, Announcement
NONE: tuple[ClockKind, ...] = ()
VERIFICATION = (ClockKind.VERIFICATION,)
DISPATCH = (ClockKind.DISPATCH,)
DEADLINE = (ClockKind.DEADLINE, ClockKind.REMINDER)
REMINDER = (ClockKind.REMINDER,)
ESCALATION = (ClockKind.ESCALATION,)
ON_ORDER = (*DEADLINE, *ESCALATION)
REINSPECTION = (ClockKind.REINSPECTION,)

# fmt: off
TABLE: tuple[Rule, ...] = (
    #    from         move                 to           who         a major     announces               stops         starts
    Rule(None,        M.REPORT,            S.REPORTED,  REPORTERS,  REPORTERS,  A.FOUND,                NONE,         VERIFICATION),

    Rule(S.REPORTED,  M.VERIFY,            S.VERIFIED,  ON_SITE,    OFFICERS,   A.VERIFIED,             VERIFICATION, DISPATCH),
    Rule(S.REPORTED,  M.REJECT,            S.VOID,      ON_SITE,    OFFICERS,   A.REJECTED,             VERIFICATION, NONE),
    Rule(S.REPORTED,  M.FIX_ON_THE_SPOT,   S.CLOSED,    ON_SITE,    OFFICERS,   A.CLOSED,               VERIFICATION, NONE),
    Rule(S.REPORTED,  M.MISS_VERIFICATION, S.REPORTED,  TIME,       TIME,       A.VERIFICATION_OVERDUE, NONE,         NONE),

    Rule(S.VERIFIED,  M.FIX_ON_THE_SPOT,   S.CLOSED,    ON_SITE,    OFFICERS,   A.CLOSED,               DISPATCH,     NONE),
    Rule(S.VERIFIED,  M.ASSIGN,            S.ORDERED,   STAFF,      OFFICERS,   A.ORDERED,              DISPATCH,     DEADLINE,
         opens_round=True),
    Rule(S.VERIFIED,  M.ORDER,             S.ORDERED,   OFFICERS,   OFFICERS,   A.ORDERED,              DISPATCH,     DEADLINE,
         opens_round=True),
    Rule(S.VERIFIED,  M.MISS_DISPATCH,     S.VERIFIED,  TIME,       TIME,       A.DISPATCH_OVERDUE,     NONE,         NONE),

    Rule(S.ORDERED,   M.SUBMIT,            S.RECTIFIED, ENTERPRISE, ENTERPRISE, A.RECTIFIED,            ON_ORDER,     REINSPECTION,
         without_enterprise=NEIGHBOURHOOD),
    Rule(S.ORDERED,   M.REMIND,            S.ORDERED,   TIME,       TIME,       A.DEADLINE_APPROACHING, NONE,         REMINDER),
    Rule(S.ORDERED,   M.MISS_DEADLINE,     S.ORDERED,   TIME,       TIME,       A.DEADLINE_MISSED,      REMINDER,     ESCALATION),
    Rule(S.ORDERED,   M.ESCALATE,          S.ORDERED,   TIME,       TIME,       A.ESCALATED,            NONE,         ESCALATION),

    Rule(S.RECTIFIED, M.PASS,              S.CLOSED,    STAFF,      OFFICERS,   A.CLOSED,               REINSPECTION, NONE,
         other_person=True),
    Rule(S.RECTIFIED, M.FAIL,              S.ORDERED,   STAFF,      OFFICERS,   A.REINSPECTION_FAILED,  REINSPECTION, DEADLINE,
         other_person=True, opens_round=True),
    Rule(S.RECTIFIED, M.MISS_REINSPECTION, S.RECTIFIED, TIME,       TIME,       A.REINSPECTION_OVERDUE, NONE,         NONE),

    Rule(S.CLOSED,    M.REOPEN,            S.VERIFIED,  STAFF,      OFFICERS,   A.REOPENED,             NONE,         DISPATCH),
)
# fmt: on

_BY_PAIR = MappingProxyType({(rule.source, rule.move): rule for rule in TABLE})
_BY_MOVE = MappingProxyType({move: tuple(rule for rule in TABLE if rule.move is move) for move in Move})
_FROM = MappingProxyType({state: tuple(rule for rule in TABLE if rule.source is state) for state in State})

FINAL = frozenset({State.CLOSED, State.VOID})
BIRTH = _BY_PAIR[None, Move.REPORT]


def rule_for(state: State, move: Move) -> Rule | None:
    """The row of that state and move; None means that the move is not allowed there."""
    return _BY_PAIR.get((state, move))


def rules_from(state: State) -> tuple[Rule, ...]:
    """All rows that leave (or stay in) the state."""
    return _FROM[state]


def rules_of(move: Move) -> tuple[Rule, ...]:
    """All rows of the move."""
    return _BY_MOVE[move]
