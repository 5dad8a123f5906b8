"""The rulebook as it stands in the tables, kept in memory for as long as the epoch row says that nothing changed."""

from libs.common.db import Record, Tx
from libs.common.questions import Question
from services.hazards.domain.deadlines import Counting, DayKind, Term, WorkingCalendar
from services.hazards.domain.escalation import Rung, Step
from services.hazards.domain.lifecycle import ClockKind
from services.hazards.domain.periods import Period
from services.hazards.domain.rulebook import DeadlinePolicy, EscalationPolicy, ReminderPolicy, Rulebook
from services.hazards.domain.vocabulary import Level

CATEGORIES = "categories"


class Rulebooks:
    """Gives the rulebook in force to a transaction.

    The epoch is read in that very transaction, before the rows: a change that is committed is never missed, one that
    commits in between is at worst read twice.
    """

    def __init__(self) -> None:
        self._epoch = -1
        self._rulebook = Rulebook()

    async def current(self, tx: Tx) -> Rulebook:
        """All policy, calendar and code rows in force."""
        asked = epoch()
        await tx.ask(asked)
        return await self.at(tx, asked.answer)

    async def at(self, tx: Tx, epoch: int) -> Rulebook:
        """The same where this transaction has asked for the epoch already."""
        if epoch != self._epoch:
            rulebook = await _load(tx)
            self._epoch, self._rulebook = epoch, rulebook
            return rulebook
        return self._rulebook


def epoch() -> Question[int]:
    """Which state of the tables is in force."""
    return Question(lambda rows: int(rows[0]["epoch"]), "SELECT epoch FROM policy_epoch")


async def advance(tx: Tx) -> None:
    """Says that policy, calendar or codes changed in this transaction."""
    await tx.execute("UPDATE policy_epoch SET epoch = epoch + 1")


async def _load(tx: Tx) -> Rulebook:
    return Rulebook(
        deadlines=[_deadline(row) for row in await tx.fetch("SELECT * FROM deadline_policies")],
        reminders=[_reminder(row) for row in await tx.fetch("SELECT * FROM reminder_policies")],
        escalations=[_escalation(row) for row in await tx.fetch("SELECT * FROM escalation_policies")],
        calendar=WorkingCalendar(
            days={row["day"]: DayKind(row["kind"]) for row in await tx.fetch("SELECT day, kind FROM calendar_days")},
            settled_years=frozenset(
                row["year"] for row in await tx.fetch("SELECT year FROM calendar_years WHERE NOT provisional")
            ),
        ),
        categories=frozenset(
            row["code"] for row in await tx.fetch("SELECT code FROM code_values WHERE code_table = $1", CATEGORIES)
        ),
    )


def _level(row: Record) -> Level | None:
    return Level(row["level"]) if row["level"] else None


def _deadline(row: Record) -> DeadlinePolicy:
    return DeadlinePolicy(
        id=row["id"],
        area_path=row["area_path"],
        level=_level(row),
        effective_from=row["effective_from"],
        effective_to=row["effective_to"],
        clock=ClockKind(row["clock"]),
        category=row["category"],
        term=Term(Period.parse(row["period"]), Counting(row["counting"]), row["roll_forward"]),
    )


def _reminder(row: Record) -> ReminderPolicy:
    return ReminderPolicy(
        id=row["id"],
        area_path=row["area_path"],
        level=_level(row),
        effective_from=row["effective_from"],
        effective_to=row["effective_to"],
        before=tuple(Period.parse(text) for text in row["before"]),
        at_time=row["at_time"],
    )


def _escalation(row: Record) -> EscalationPolicy:
    return EscalationPolicy(
        id=row["id"],
        area_path=row["area_path"],
        level=_level(row),
        effective_from=row["effective_from"],
        effective_to=row["effective_to"],
        steps=tuple(Step(Rung(step["tier"]), Period.parse(step["after"])) for step in row["steps"]),
    )
