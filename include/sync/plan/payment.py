"""The plan for payments, both ways (rules 1, 7 and 8)."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from include.model.money import ZERO
from include.model.payment import Application, Payment, ordered
from include.model.plan import Cause, Plan, fail, nothing
from include.model.problem import Problem
from include.model.record import RecordKey
from include.model.settings import LabSettings
from include.model.staged import (
    Context,
    Duplicate,
    LmsPayment,
    OpenBalance,
    OtherLine,
    Payer,
    QboPayment,
    StagedRecord,
)
from include.sync.plan import problems, whose
from include.sync.plan.allocation import allocate, only_releases, release_first, total_of, without
from include.sync.plan.decide import Decision, decide
from include.sync.plan.matrix import allowed

#: Seconds before checking again whether a payment of ours, on its way to QuickBooks, is this one.
IN_FLIGHT_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class InvoiceBalance:
    """What QuickBooks said of an invoice that a payment touches. Dollars."""

    sync_token: str
    balance: Decimal
    voided: bool


@dataclass(kw_only=True, slots=True)
class PaymentContext(Context):
    """What is known around a payment."""

    #: Invoices of the LMS payment that are linked, and those that are not yet but will be.
    synced_invoices: tuple[RecordKey, ...] = ()
    expected_invoices: tuple[RecordKey, ...] = ()
    #: QuickBooks' invoices on it that are linked, with their LMS ids; and those that are about to reach the LMS.
    invoice_ids: Mapping[str, str] = field(default_factory=dict)
    expected_qbo_invoices: tuple[str, ...] = ()
    #: Invoices of the base that are not in the LMS any more, by LMS id; and those of them that are linked still and
    #: about to be deleted in QuickBooks, or kept there (rule 8.9).
    deleted_invoices: tuple[str, ...] = ()
    leaving_invoices: tuple[str, ...] = ()
    #: It moves to another customer in QuickBooks: the invoices on it that cannot go along.
    of_other_customers: tuple[RecordKey, ...] = ()
    #: What is open in QuickBooks of the invoices that take more than before, by LMS id.
    open_balances: Mapping[str, Decimal] = field(default_factory=dict)
    #: Every invoice that it touches, by LMS id, as QuickBooks has it.
    balances: Mapping[str, InvoiceBalance] = field(default_factory=dict)
    #: In QuickBooks: whom its customer stands for, the name of its method.
    payer: Payer | None = None
    method_name: str | None = None
    #: In the LMS: QuickBooks' method of that name.
    method_id: str | None = None
    #: It is the payment of $0.00 that applies a credit of the LMS.
    applies_our_credit: bool = False
    #: New on one side: QuickBooks' payment of two that may be the same money (towards the LMS: itself), and the LMS
    #: id of the other; the numbers of the invoices that make them so, and whether both pay those.
    duplicate: Duplicate | None = None
    duplicate_in_lms: str | None = None
    duplicate_numbers: tuple[str, ...] = ()
    duplicate_shares: bool = True
    #: Applied for more in the LMS than is open there: what QuickBooks says of these invoices, by LMS id.
    over_applied: Mapping[str, OpenBalance] = field(default_factory=dict)
    #: New in QuickBooks: a payment of the LMS that looks the same is on its way there.
    match_in_flight: bool = False


StagedPayment = StagedRecord[Payment, LmsPayment, QboPayment, PaymentContext]


def plan_payment(record: StagedPayment, lab: LabSettings) -> Plan[Payment]:
    """Amount and applications, both ways."""
    if record.known.applies_our_credit:
        return nothing(Cause.OUR_CREDIT_APPLICATION)
    if record.link:
        return _linked(record, lab)
    if record.lms:
        return _new_in_lms(record, record.lms, lab)
    if record.fetched:
        return _new_in_quickbooks(record, record.fetched, lab)
    return nothing(Cause.NEVER_SYNCED)


def needs_quickbooks(record: StagedPayment) -> bool:
    """Whether QuickBooks' version matters to a change of the LMS: what both keep in step has changed there."""
    if record.link is None:
        return False
    ours = flowing(record)
    return ours is None or record.link.base is None or _value(ours) != _value(record.link.base)


# ------------------------------------------------------------------ what both sides keep in step


def _value(payment: Payment) -> tuple[Any, ...]:
    applications = tuple((one.invoice.id, one.amount) for one in ordered(list(payment.applications)))
    return payment.customer, payment.amount, applications


def flowing(record: StagedPayment) -> Payment | None:
    """What of the LMS payment is, or will be, in QuickBooks: applied to invoices that are, or will be, there."""
    if record.lms is None:
        return None
    known, base = record.known, record.link.base if record.link else None
    kept = [
        one
        for one in record.lms.payment.applications
        if one.invoice in known.synced_invoices or one.invoice in known.expected_invoices
    ]
    return replace(
        record.lms.payment, applications=tuple(kept), customer=whose.customer_in_lms(record.lms.payment, base)
    )


def unsynced_applications(record: StagedPayment) -> tuple[Application, ...]:
    """What the LMS applies of it to invoices that are not in QuickBooks, or not yet."""
    ours = record.lms.payment.applications if record.lms else ()
    return tuple(one for one in ours if one.invoice not in record.known.synced_invoices)


def still_applied(payment: Payment, unsynced: tuple[Application, ...]) -> tuple[Application, ...]:
    """Of what the LMS applies to invoices that cannot be in QuickBooks: what QuickBooks' version leaves money for."""
    return allocate(payment.amount - total_of(payment.applications), unsynced)


def base_now(record: StagedPayment) -> Payment | None:
    """What was agreed on, less what was applied to invoices that have left the LMS and the payment in QuickBooks.

    QuickBooks takes an invoice off its payments when we delete it: that is no change of the bookkeeper's. An invoice
    that was deleted there, as the payment was, leaves the LMS with its applications: that is no change of lab staff's.
    """
    base = record.link.base if record.link else None
    if base is None or record.qbo is None:
        return base
    theirs = record.fetched.invoices if record.fetched else ()
    still_there = {record.known.invoice_ids[id_] for id_ in theirs if id_ in record.known.invoice_ids}
    left = {RecordKey("invoice", id_) for id_ in record.known.deleted_invoices if id_ not in still_there}
    return replace(base, applications=without(base.applications, left))


def qbo_customer(record: StagedPayment) -> RecordKey | None:
    """Whom QuickBooks' version is from; None: its customer is linked to nothing."""
    base = record.link.base if record.link else None
    ours = whose.customer_in_lms(record.lms.payment, base) if record.lms else None
    return whose.customer_in_quickbooks(record.known.payer, base.customer if base else None, ours)


def qbo_version(record: StagedPayment) -> Payment | None:
    """QuickBooks' version, as far as the LMS can have it. Where its customer is not linked, a linked one stays whose it
    is, and of one that is new in QuickBooks there is no version."""
    fetched, known = record.fetched, record.known
    base = record.link.base if record.link else None
    ours = record.lms.payment if record.lms else base
    ours_is_for = whose.customer_in_lms(ours, base) if ours else None
    customer = qbo_customer(record) or ours_is_for
    if fetched is None or customer is None:
        return None
    stays = ours if customer == ours_is_for else None
    owner = stays.owner if stays else known.payer.owner if known.payer else None
    settled = [
        Application(invoice=RecordKey("invoice", known.invoice_ids[qbo_id]), amount=amount)
        for qbo_id, amount in fetched.invoices.items()
        if qbo_id in known.invoice_ids and amount != 0
    ]
    agreed = base_now(record)
    return Payment(
        date=fetched.date,
        customer=customer,
        amount=fetched.amount,
        applications=allocate(fetched.money_applied, settled, agreed.applications if agreed else ()),
        method=known.method_name,
        owner=owner,
    )


def other_lines(record: StagedPayment) -> tuple[OtherLine, ...]:
    """What of QuickBooks' lines is not the LMS's: to be sent back as it is when the others change. Invoices that the
    LMS does not have, and of the others what a credit memo in the payment pays."""
    fetched, theirs = record.fetched, qbo_version(record)
    if fetched is None:
        return ()
    own = {one.invoice.id: one.amount for one in theirs.applications} if theirs else {}
    parts = []
    for qbo_id, amount in fetched.invoices.items():
        rest = amount - own.get(record.known.invoice_ids.get(qbo_id, ""), ZERO)
        if rest:
            parts.append(OtherLine(kind="Invoice", qbo_id=qbo_id, amount=rest, linked=()))
    return (*fetched.other_lines, *parts)


def skipped_lines(record: StagedPayment) -> Problem | None:
    """What QuickBooks' payment settles that the LMS does not have: left out, and reported if it carries money."""
    qbo, known = record.fetched, record.known
    if qbo is None or known.applies_our_credit:
        return None
    skipped = [
        OtherLine(kind="Invoice", qbo_id=qbo_id, amount=amount, linked=())
        for qbo_id, amount in qbo.invoices.items()
        if amount != 0 and qbo_id not in known.invoice_ids and qbo_id not in known.expected_qbo_invoices
    ]
    skipped += [one for one in qbo.other_lines if one.amount != 0]
    return problems.unsynced_application(qbo, skipped) if skipped else None


# ------------------------------------------------------------------ linked


def _linked(record: StagedPayment, lab: LabSettings) -> Plan[Payment]:
    known = record.known
    if any(qbo_id in known.expected_qbo_invoices for qbo_id in _paid(record)):
        return _wait_for_invoice(record)
    lms, theirs, base = flowing(record), qbo_version(record), base_now(record)
    lms_value = _value(lms) if lms else None
    qbo_value = _value(theirs) if theirs else None
    # Linked by hand, nothing was agreed on yet: QuickBooks' version counts.
    base_value = _value(base) if base else lms_value or qbo_value
    if record.qbo is None:
        qbo_value = base_value
    may = allowed("payment", lab.connection, voided=_is_void(theirs))
    if record.lms and record.fetched and qbo_customer(record) is None and "update" in may.to_lms:
        # Moved in QuickBooks to a customer that nobody knows: the LMS keeps what it had.
        return fail(_customer_not_linked(record.fetched), "lms")
    if base is None and record.lms and record.qbo and (theirs is None or _is_void(theirs)):
        return Plan(step="unlink", cause=Cause.LINKED_TO_NOTHING)
    decision = decide(base_value, lms_value, qbo_value, may)
    if decision.step == "unlink":
        return Plan(step="unlink", cause=Cause.DELETED_ON_BOTH_SIDES)
    if decision.step == "rebase":
        return Plan(step="rebase", cause=Cause.CHANGED_ALIKE, target=theirs or lms, problem=skipped_lines(record))
    if base and lms and theirs and _only_moved(base, lms, theirs) and decision.side == "lms":
        # The LMS has changed the rest, which goes to QuickBooks once the customer has followed: no conflict.
        return Plan(step="update", cause=Cause.MOVED, side="lms", target=theirs, problem=skipped_lines(record))
    if decision.side == "lms":
        return _to_lms(record, decision, theirs)
    if decision.side == "qbo":
        return _to_qbo(record, decision, lms, theirs)
    if base is None and theirs and record.lms and theirs.date != record.lms.payment.date and "update" in may.to_lms:
        return Plan(step="update", cause=Cause.LINKED_BY_HAND, side="lms", target=theirs, problem=skipped_lines(record))
    if base is None and theirs:
        return Plan(step="rebase", cause=Cause.LINKED_BY_HAND, target=theirs, problem=skipped_lines(record))
    if base and lms and record.qbo and theirs is None and lms_value != base_value:
        return fail(problems.deleted_in_quickbooks(noun(record)), "qbo")
    if base and lms and lms_value == base_value == qbo_value and whose.names_another(lms, base):
        # Another pair of a combined account: the same customer, as long as its structure stays.
        return Plan(step="rebase", cause=Cause.CHANGED_ALIKE, target=lms, problem=skipped_lines(record))
    return Plan(step="nothing", cause=Cause.IN_STEP, side="lms", problem=skipped_lines(record))


def _customer_not_linked(qbo: QboPayment) -> Problem:
    what = problems.named("payment", qbo.amount, qbo.date)
    return problems.customer_not_linked(what, qbo.customer_id, qbo.customer_name)


def _only_moved(base: Payment, lms: Payment, theirs: Payment) -> bool:
    """QuickBooks has changed nothing but the customer, and the LMS all but that."""
    moved = theirs.customer != base.customer and _value(replace(theirs, customer=base.customer)) == _value(base)
    return moved and lms.customer == base.customer and _value(lms) != _value(base)


def _is_void(theirs: Payment | None) -> bool:
    """QuickBooks shows a voided payment with the amount 0, and a payment of ours is never that (rule 7)."""
    return theirs is not None and theirs.amount == ZERO


def _paid(record: StagedPayment) -> list[str]:
    """The QuickBooks invoices that it settles with money."""
    return [qbo_id for qbo_id, amount in record.fetched.invoices.items() if amount != 0] if record.fetched else []


def _wait_for_invoice(record: StagedPayment) -> Plan[Payment]:
    first = next(qbo_id for qbo_id in _paid(record) if qbo_id in record.known.expected_qbo_invoices)
    return Plan(step="wait", cause=Cause.REFERENCE, side="lms", waits_for=RecordKey("invoice", first))


def _to_lms(record: StagedPayment, decision: Decision, theirs: Payment | None) -> Plan[Payment]:
    problem = _taken_back(record, decision, theirs) or _conflict_in_lms(record, decision, theirs)
    if decision.step == "delete":
        return Plan(step="delete", cause=Cause.DELETED, side="lms", problem=problem)
    # What QuickBooks still applies to an invoice that the LMS has deleted has nowhere to go there.
    leaving = {RecordKey("invoice", id_) for id_ in record.known.leaving_invoices}
    return Plan(
        step="update",
        cause=_cause(record, theirs),
        side="lms",
        target=replace(theirs, applications=without(theirs.applications, leaving)) if theirs else None,
        problem=problem or skipped_lines(record),
    )


def _cause(record: StagedPayment, theirs: Payment | None) -> Cause:
    if record.link and record.link.base is None:
        return Cause.LINKED_BY_HAND
    return Cause.VOIDED if _is_void(theirs) else Cause.CHANGED


def _taken_back(record: StagedPayment, decision: Decision, theirs: Payment | None) -> Problem | None:
    """QuickBooks settles other invoices with what the LMS had applied to those that cannot be there."""
    if decision.step != "update" or record.lms is None or theirs is None:
        return None
    unsynced = unsynced_applications(record)
    taken_back = total_of(unsynced) - total_of(still_applied(theirs, unsynced))
    if taken_back == ZERO:
        return None
    return problems.applications_taken_back(record.lms.payment, theirs, total_of(theirs.applications), taken_back)


def _conflict_in_lms(record: StagedPayment, decision: Decision, theirs: Payment | None) -> Problem | None:
    ours = flowing(record)
    if decision.conflict is None or ours is None:
        return None
    if decision.conflict == "conflict_deleted":
        return problems.payment_deleted_in_quickbooks(ours)
    customer = record.fetched.customer_name if record.fetched else ""
    return problems.payment_changed_on_both_sides(ours, theirs, customer)


def _to_qbo(record: StagedPayment, decision: Decision, lms: Payment | None, theirs: Payment | None) -> Plan[Payment]:
    known = record.known
    if decision.step == "delete" or lms is None:
        problem = problems.money_deleted_in_lms(noun(record), theirs) if decision.conflict else None
        return Plan(step="delete", cause=Cause.DELETED, side="qbo", problem=problem)
    leaving = {RecordKey("invoice", id_) for id_ in known.leaving_invoices}
    if (
        theirs
        and leaving
        and _value(lms) == _value(replace(theirs, applications=without(theirs.applications, leaving)))
    ):
        # Deleting the invoice takes it off the payment; should that be held, the payment must not lose it before.
        return nothing(Cause.LEAVES_WITH_INVOICE)
    if known.missing:
        return Plan(step="wait", cause=Cause.REFERENCE, side="qbo", target=lms, waits_for=known.missing[0])
    if theirs and lms.customer != theirs.customer and known.of_other_customers:
        # The money moves with what can go along; QuickBooks then refuses the rest, and the error says whose it is.
        moved = replace(lms, applications=without(lms.applications, known.of_other_customers))
        later = known.of_other_customers[0]
        return Plan(step="update", cause=Cause.MOVED, side="qbo", target=moved, waits_for=later)
    open_balances = {RecordKey("invoice", id_): amount for id_, amount in known.open_balances.items()}
    left = release_first(theirs.applications, lms.applications, open_balances) if theirs else None
    if left is None:
        less_open = _less_open(record, lms)
        if less_open:
            return fail(less_open, "qbo", lms)
        return Plan(step="update", cause=Cause.CHANGED, side="qbo", target=lms)
    later = next(one.invoice for one in lms.applications if one not in left)
    return Plan(step="update", cause=Cause.CHANGED, side="qbo", target=replace(lms, applications=left), waits_for=later)


# ------------------------------------------------------------------ new


def _new_in_lms(record: StagedPayment, ours: LmsPayment, lab: LabSettings) -> Plan[Payment]:
    lms = flowing(record)
    if ours.origin == "qbo" or lms is None:
        return nothing(Cause.FROM_QUICKBOOKS)
    decision = decide(None, _value(lms), None, allowed("payment", lab.connection))
    if decision.step != "create":
        return nothing(Cause.DIRECTION)
    known = record.known
    if known.duplicate:
        shared = known.duplicate_shares
        problem = problems.possible_duplicate(lms, known.duplicate, known.duplicate_numbers, shared=shared)
        return fail(problem, "qbo", lms)
    if known.missing:
        return Plan(step="wait", cause=Cause.REFERENCE, side="qbo", target=lms, waits_for=known.missing[0])
    less_open = None if known.unconfirmed else _less_open(record, lms)
    if less_open:
        return fail(less_open, "qbo", lms)
    return Plan(step="create", cause=Cause.NEW, side="qbo", target=lms)


def _less_open(record: StagedPayment, lms: Payment) -> Problem | None:
    """QuickBooks would refuse it: reported before anything is sent."""
    there = record.known.over_applied
    wanted = [(one.amount, there[one.invoice.id]) for one in lms.applications if one.invoice.id in there]
    return problems.less_open(noun(record), wanted, held_by=record.qbo_id)


def _new_in_quickbooks(record: StagedPayment, qbo: QboPayment, lab: LabSettings) -> Plan[Payment]:
    theirs = qbo_version(record)
    decision = decide(None, None, qbo, allowed("payment", lab.connection))
    if qbo.amount == ZERO:
        return nothing(Cause.NO_MONEY)
    if decision.step != "create":
        return nothing(Cause.DIRECTION)
    if theirs is None:
        return fail(_customer_not_linked(qbo), "lms")
    if record.known.match_in_flight:
        return Plan(step="wait", cause=Cause.MATCH_IN_FLIGHT, side="lms", wait_seconds=IN_FLIGHT_SECONDS)
    if any(qbo_id in record.known.expected_qbo_invoices for qbo_id in _paid(record)):
        return _wait_for_invoice(record)
    if record.known.duplicate:
        # Until somebody has chosen it waits for itself: a link makes it due. The LMS's payment is the one reported.
        itself = RecordKey("payment", record.record_id)
        return Plan(step="wait", cause=Cause.POSSIBLE_DUPLICATE, side="lms", waits_for=itself)
    return Plan(step="create", cause=Cause.NEW, side="lms", target=theirs, problem=skipped_lines(record))


# ------------------------------------------------------------------ order, guards and messages


def releases_money(record: StagedPayment) -> bool:
    """Whether it only takes money off invoices: such writes go first (rule 8.5)."""
    plan, theirs = record.planned, qbo_version(record)
    if plan.step != "update" or plan.target is None or theirs is None:
        return plan.step == "delete"
    return only_releases(theirs.applications, plan.target.applications)


def dated(record: StagedPayment) -> dt.date | None:
    """The day that counts for start date and closed books: the LMS's, where it has one."""
    ours = record.lms.payment if record.lms else record.link.base if record.link else None
    return ours.date if ours else record.fetched.date if record.fetched else None


def noun(record: StagedPayment) -> str:
    """How a bookkeeper would name it at the beginning of a sentence."""
    ours = flowing(record) or (record.link.base if record.link else None)
    if ours:
        return problems.named("payment", ours.amount, ours.date)
    if record.fetched:
        return problems.named("payment", record.fetched.amount, record.fetched.date)
    return f"The payment with QuickBooks id {record.qbo_id}"
