"""What every plan passes through, whatever the entity: one list, each guard a pure function of a few lines.

A guard lets the plan go on as it is, or puts another in its place.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from include.model.plan import WRITES, Cause, Match, Plan, fail, nothing
from include.model.record import Entity, Operation
from include.model.settings import LabSettings, MassDeleteLimit
from include.model.staged import Context, StagedRecord, Version
from include.model.typed_json import base_of
from include.sync.plan import problems


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """What the guards need to know of a record beside its row."""

    #: How a bookkeeper would name it at the beginning of a sentence: “Invoice 1042”.
    noun: str
    #: A transaction's day; None for customers and items.
    dated: date | None = None
    #: Its day in QuickBooks, if QuickBooks was asked: the bookkeeper may have changed it there.
    dated_in_quickbooks: date | None = None
    #: The currency of QuickBooks' transaction, if it names one.
    currency: str | None = None


Guard = Callable[[Plan[Any], StagedRecord[Any, Any, Any, Context], Subject, LabSettings], Plan[Any]]
_Row = StagedRecord[Any, Any, Any, Context]


def unreadable(plan: Plan[Any], record: _Row, subject: Subject, lab: LabSettings) -> Plan[Any]:
    """QuickBooks refuses to show the record: nobody can tell what became of it, so nothing is done (rule 8.3)."""
    if record.qbo is None or record.qbo.refused is None:
        return plan
    side = "qbo" if record.direction == "lms_to_qbo" else "lms"
    return fail(problems.unreadable(subject.noun, record.qbo.refused), side)  # type: ignore[arg-type]  # one of both


def start_date(plan: Plan[Any], record: _Row, subject: Subject, lab: LabSettings) -> Plan[Any]:
    """Transactions dated before the lab's start date are left alone, both ways, whatever happens to them (rule 1)."""
    start = lab.connection.sync_start_date
    if start and subject.dated and subject.dated < start:
        return nothing(Cause.BEFORE_START_DATE)
    return plan


def held(plan: Plan[Any], record: _Row, subject: Subject, lab: LabSettings) -> Plan[Any]:
    """The lab lets new invoices wait: one is neither created nor adopted before its time, and nothing is reported of
    it that nobody can know before. What an earlier create has made in spite of a fault is there already."""
    until = record.context.held_until if record.context else None
    if until is None or record.link or plan.side != "qbo" or (record.context and record.context.unconfirmed):
        return plan
    return Plan(step="wait", cause=Cause.HELD, side="qbo", target=plan.target, wait_until=until)


def refused_lookup(plan: Plan[Any], record: _Row, subject: Subject, lab: LabSettings) -> Plan[Any]:
    """Whether QuickBooks has it already cannot be asked, so it is not created (rule 8.3)."""
    if record.context and record.context.refused_lookup and plan.step in ("create", "adopt", "fail"):
        return fail(problems.lookup_refused(record.context.refused_lookup), "qbo", plan.target)
    return plan


def unconfirmed_create(plan: Plan[Any], record: _Row, subject: Subject, lab: LabSettings) -> Plan[Any]:
    """An earlier create was answered with a fault and done all the same (trap 6): that is it, no second one is made."""
    if record.context is None:
        return plan
    made, base, unclear = record.context.unconfirmed, record.context.unconfirmed_base, record.context.unclear
    if made and base:
        # Whatever has become of it in the LMS since: that goes after, to what is there.
        target = base_of(record.entity, base)
        return Plan(
            step="adopt",
            cause=Cause.UNCONFIRMED_CREATE,
            side="qbo",
            target=target,
            match=_match(made),
            plan_again=plan.step != "create" or plan.target != target,
        )
    if plan.step == "create" and plan.side == "qbo" and made is None and unclear:
        # Created again, it would be there twice, and once more with each try.
        return fail(problems.unreadable(subject.noun, unclear), "qbo", plan.target)
    if plan.step != "create" or plan.side != "qbo" or made is None:
        return plan
    return replace(plan, step="adopt", cause=Cause.UNCONFIRMED_CREATE, match=_match(made))


def _match(made: Version) -> Match:
    return Match(id=made.qbo_id, sync_token=made.sync_token)


def foreign_currency(plan: Plan[Any], record: _Row, subject: Subject, lab: LabSettings) -> Plan[Any]:
    """Amounts in another currency than the company's own never pass for amounts in it, both ways. A delete has none."""
    home = lab.preferences.home_currency
    if plan.side not in (None, "qbo" if record.direction == "lms_to_qbo" else "lms"):
        return plan  # the other side's run sees to it
    if record.direction == "lms_to_qbo":
        if plan.plan_again:
            return plan  # it is there; its customer now is looked at with what has changed
        customer = record.context.foreign_customer if record.context else None
        if customer and plan.step in ("create", "update", "adopt", "rebase"):
            return fail(problems.foreign_customer(subject.noun, customer, home), "qbo", plan.target)
        return plan
    foreign = subject.currency if home and subject.currency != home else None
    if foreign and plan.step in ("create", "update", "adopt", "rebase", "fail"):
        return fail(problems.foreign_transaction(subject.noun, foreign, home), "lms")
    return plan


def closed_books(plan: Plan[Any], record: _Row, subject: Subject, lab: LabSettings) -> Plan[Any]:
    """Nothing is created, changed or deleted in a closed period of QuickBooks: it waits for whoever closed the books,
    and is never sent to be refused (fact 9.6).

    The transaction's day counts, on either side. The days of what it is applied to do not: a payment dated after the
    close may pay an invoice dated before it. Customers and items have no day. What comes from QuickBooks has been
    allowed there, so nothing is held back on its way to the LMS; an adoption writes nothing.
    """
    closed = lab.preferences.book_close_date
    if closed is None or record.direction != "lms_to_qbo" or plan.side != "qbo" or plan.step not in WRITES:
        return plan
    days = [day for day in (subject.dated_in_quickbooks, subject.dated) if day and day <= closed]
    if not days:
        return plan
    operation: Operation = plan.step  # type: ignore[assignment]  # one of WRITES
    return fail(problems.books_closed(subject.noun, days[0], closed, operation), "qbo", plan.target)


#: In this order: the first that steps in decides, and the later ones see what it decided.
GUARDS: tuple[Guard, ...] = (
    unreadable,
    start_date,
    held,
    refused_lookup,
    unconfirmed_create,
    foreign_currency,
    closed_books,
)


def guarded(plan: Plan[Any], record: _Row, subject: Subject, lab: LabSettings) -> Plan[Any]:
    """The plan after all guards of a single record. What is left alone needs none of them."""
    if is_left_alone(plan, record):
        return nothing(Cause.LEFT_ALONE)
    for guard in GUARDS:
        plan = guard(plan, record, subject, lab)
    return plan


def is_left_alone(plan: Plan[Any], record: _Row) -> bool:
    """Whether nothing is done because somebody wants the record left alone (decision 0022).

    A refused delete is over when the side that had lost the record has it again, or the other has lost it too.
    """
    left = record.context.left_alone if record.context else None
    if left is None or left.gone_from is None:
        return left is not None
    there = record.lms if left.gone_from == "lms" else record.fetched
    is_over = plan.step == "unlink" or (there is not None and not deletes_or_voids(plan))
    return not is_over


# ------------------------------------------------------------------ many at once (rule 8.9)


def deletes_or_voids(plan: Plan[Any]) -> bool:
    """Whether the record loses all that it is on the side that is written."""
    return plan.step == "delete" or (plan.step == "update" and plan.cause is Cause.VOIDED)


def many_at_once(
    plans: Sequence[tuple[Entity, int | None, Plan[Any]]],
    linked: Mapping[tuple[Entity, int | None], int],
    held: Mapping[tuple[Entity, int | None], int],
    limit: MassDeleteLimit,
) -> dict[tuple[Entity, int | None], int]:
    """The kinds and labs of which a run would delete or void too many, with the count of those.

    `plans`: entity, billing lab, plan. `linked`: the lab's linked records of a kind. `held`: those that are held
    already and are not among the plans.
    """
    doomed = Counter((entity, lab) for entity, lab, plan in plans if deletes_or_voids(plan))
    counts = {kind: count + held.get(kind, 0) for kind, count in doomed.items()}
    return {kind: count for kind, count in counts.items() if not limit.allows(count, linked.get(kind, 0))}


def hold(plan: Plan[Any]) -> Plan[Any]:
    """The plan of one of too many: it waits for a person, and for no record that could let it go on by itself."""
    return replace(plan, step="wait", cause=Cause.MANY_AT_ONCE, waits_for=None, problem=None)
