"""The plan for invoices from QuickBooks to the LMS (sync rules, sections 1, 5 and 8)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from include.model.invoice import Invoice
from include.model.money import ZERO, show
from include.model.plain import to_plain
from include.model.problem import Problem
from include.model.record import RecordKey
from include.sync.plan.inbound import (
    InboundPlan,
    conflict,
    customer_not_linked,
    leave,
    leave_until_settings_move,
    refuse,
    wait,
)
from include.sync.plan.invoice_agreed import agreed, agreed_base
from include.sync.plan.two_way import Decision, allowed, decide

#: The matrix: to QuickBooks an invoice is created and deleted, never changed.
_TO_QBO, _TO_LMS = {"create", "delete"}, {"create", "update", "delete"}

#: Seconds before an invoice that came without its lines is asked for again (trap 50).
LINES_MISSING_SECONDS = 60.0
#: Seconds before looking again whether an invoice of ours, on its way out, is this one.
ON_ITS_WAY_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class LmsInvoice:
    """An invoice of the LMS, with what the sync of its balance needs."""

    invoice: Invoice
    billing_lab_id: int
    balance: Decimal
    #: Payments and credits that QuickBooks does not know yet.
    not_in_quickbooks: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class QboInvoice:
    """An invoice as QuickBooks has it."""

    number: str
    date: date
    total: Decimal
    balance: Decimal
    customer_id: str
    customer_name: str
    voided: bool
    #: A total without a single line.
    lines_lost: bool
    #: None: its customer is linked to nothing.
    invoice: Invoice | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Alike:
    """An invoice in the LMS with the number of one that is new in QuickBooks."""

    lms_id: str
    lab_id: int
    lab: str
    linked: bool
    customer: RecordKey
    date: date
    total: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class InvoiceInbound:
    """What is known of one invoice of QuickBooks."""

    linked: bool
    base: Invoice | None
    lms: LmsInvoice | None
    qbo: QboInvoice | None
    direction: str
    start_date: date | None = None
    receiving_lab: int | None = None
    #: Not linked: invoices of the company's labs that have its number.
    alike: Sequence[Alike] = field(default_factory=tuple)
    #: Not linked: an invoice of the LMS that looks the same may be on its way out under a number of QuickBooks'.
    on_its_way: bool = False


def plan_invoice_inbound(now: InvoiceInbound) -> InboundPlan:
    """The amounts follow QuickBooks; the case and its items never do."""
    if now.qbo is not None and now.qbo.lines_lost:
        return wait("QuickBooks shows a total without lines", LINES_MISSING_SECONDS)
    if not now.linked:
        return _unlinked(now)
    ours = now.lms.invoice if now.lms else now.base
    if ours and now.start_date and ours.date < now.start_date:
        return leave_until_settings_move("dated before the sync's start date")
    theirs = now.qbo.invoice if now.qbo else None
    origin = ours.origin if ours else "qbo"
    lms = agreed(now.lms.invoice, origin) if now.lms else None
    qbo = agreed(theirs, origin) if theirs else None
    decision = decide(agreed_base(now.base, lms, qbo, origin), lms, qbo, allowed(_TO_QBO, _TO_LMS, now.direction))
    return _linked(now, decision)


def target_balance(qbo_balance: Decimal, not_in_quickbooks: Decimal, *, voided: bool) -> Decimal:
    """The LMS balance: QuickBooks', less what QuickBooks does not know yet. A void leaves nothing open."""
    return ZERO if voided else qbo_balance - not_in_quickbooks


def _linked(now: InvoiceInbound, decision: Decision) -> InboundPlan:
    if decision.side == "qbo":
        return leave("changed in the LMS: that direction's DAG sees to it")
    if decision.step == "unlink":
        return InboundPlan(action="unlink", reason="gone on both sides")
    if decision.step == "delete":
        return InboundPlan(action="delete", reason="deleted in QuickBooks", problem=_conflict(now, decision))
    if decision.step == "update":
        return InboundPlan(action="update", reason="amounts changed", problem=_conflict(now, decision))
    if _balance_differs(now):
        return InboundPlan(action="update", reason="balance changed")
    if decision.step == "rebase":
        return InboundPlan(action="rebase", reason="changed alike on both sides")
    return leave("in step")


def _balance_differs(now: InvoiceInbound) -> bool:
    if now.lms is None or now.qbo is None or "update" not in allowed(_TO_QBO, _TO_LMS, now.direction).to_lms:
        return False
    target = target_balance(now.qbo.balance, now.lms.not_in_quickbooks, voided=now.qbo.voided)
    return now.lms.balance != target


def _conflict(now: InvoiceInbound, decision: Decision) -> Problem | None:
    if decision.conflict is None or now.lms is None:
        return None
    number, lms = now.lms.invoice.number, to_plain(now.lms.invoice)
    if decision.conflict == "conflict_deleted":
        return conflict(
            decision.conflict,
            f"Invoice {number} was deleted in QuickBooks while it was changed in Pilot. It is deleted in Pilot too.",
            "If the invoice was meant to stay, invoice the case again; the lost version is in the details.",
            lost="lms",
            lms=lms,
            qbo=None,
        )
    theirs = now.qbo.invoice if now.qbo else None
    return conflict(
        decision.conflict,
        f"Invoice {number} was changed in Pilot ({show(now.lms.invoice.total)}) and in QuickBooks "
        f"({show(theirs.total if theirs else ZERO)}). QuickBooks' amounts were kept.",
        "If Pilot's amounts were right, change the invoice in QuickBooks; the lost version is in the details.",
        lost="lms",
        lms=lms,
        qbo=to_plain(theirs) if theirs else None,
    )


def _unlinked(now: InvoiceInbound) -> InboundPlan:
    qbo = now.qbo
    if qbo is None:
        return leave("deleted before it came")
    if now.start_date and qbo.date < now.start_date:
        return leave("dated before the sync's start date")
    if "create" not in allowed(_TO_QBO, _TO_LMS, now.direction).to_lms:
        return leave("nothing comes from QuickBooks")
    if qbo.invoice is None:
        what = f"Invoice {qbo.number} over {show(qbo.total)}"
        return refuse(customer_not_linked(what, qbo.customer_id, qbo.customer_name))
    if now.on_its_way:
        return wait("an invoice of the LMS that looks the same is on its way out", ON_ITS_WAY_SECONDS)
    free = [one for one in now.alike if not one.linked]
    same = [one for one in free if (one.customer, one.date, one.total) == (qbo.invoice.customer, qbo.date, qbo.total)]
    if len(free) == len(same) == 1:
        return InboundPlan(
            action="adopt", reason="same number, customer, date and total, linked to nothing", lms_id=same[0].lms_id
        )
    if free:
        return refuse(_ambiguous(qbo, free))
    taken = [one for one in now.alike if one.lab_id == now.receiving_lab]
    if taken:
        return refuse(_number_taken(qbo, taken[0]))
    return InboundPlan(action="create", reason="created in QuickBooks")


def _ambiguous(qbo: QboInvoice, alike: Sequence[Alike]) -> Problem:
    named = "; ".join(f"{one.lab}: {show(one.total)} of {one.date:%m/%d/%Y} (id {one.lms_id})" for one in alike)
    return Problem(
        code="ambiguous_match",
        message=(
            f"Invoice {qbo.number} in QuickBooks ({show(qbo.total)} of {qbo.date:%m/%d/%Y}, {qbo.customer_name}) has "
            f"the number of another one in Pilot, and Pilot cannot tell whether it is the same: {named}."
        ),
        resolution="If they are the same, make customer, date and total agree; if not, give the one in QuickBooks "
        "another number.",
        detail={"candidates": [one.lms_id for one in alike], "customer_id": qbo.customer_id},
    )


def _number_taken(qbo: QboInvoice, holder: Alike) -> Problem:
    return Problem(
        code="number_taken",
        message=(
            f"Invoice {qbo.number} over {show(qbo.total)} cannot be brought from QuickBooks: {holder.lab} has another "
            f"invoice with this number in Pilot ({show(holder.total)} of {holder.date:%m/%d/%Y})."
        ),
        # A number that is changed in QuickBooks changes nothing of an invoice that Pilot has already.
        resolution=f"Give this one, over {show(qbo.total)}, another number in QuickBooks; it then comes by itself.",
        detail={"holder_lms_id": holder.lms_id},
    )
