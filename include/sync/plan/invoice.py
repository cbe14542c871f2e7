"""The plan for invoices from the LMS to QuickBooks (sync rules, sections 1, 2 and 4)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from include.model.invoice import Invoice
from include.model.money import ZERO, show
from include.model.plain import to_plain
from include.model.problem import Problem
from include.model.record import RecordKey
from include.sync.plan.action import Plan, fail, nothing
from include.sync.plan.invoice_agreed import agreed, agreed_base


@dataclass(frozen=True, kw_only=True, slots=True)
class InvoiceSituation:
    """What is known of one invoice in one company."""

    linked: bool
    lms: Invoice | None
    qbo_id: str | None = None
    sync_token: str | None = None
    #: linked: the total that QuickBooks made of it.
    qbo_total: Decimal | None = None
    #: linked: what was agreed on.
    base: Invoice | None = None
    #: un-invoiced: QuickBooks' version that is about to go; None: it is gone already.
    qbo: Invoice | None = None
    #: Transactions dated earlier are left alone.
    start_date: date | None = None
    #: The books are closed up to and including this day.
    book_close_date: date | None = None
    #: Customer and items that are not in QuickBooks yet.
    missing: Sequence[RecordKey] = field(default_factory=tuple)
    #: Unlinked QuickBooks invoices of the same number, customer, date and total: (id, SyncToken).
    same: Sequence[tuple[str, str]] = field(default_factory=tuple)


def plan_invoice(now: InvoiceSituation) -> Plan:
    """An invoice is created when its case is invoiced and deleted when it is un-invoiced; edits are not pushed."""
    if now.lms is None:
        if not now.linked:
            return nothing("un-invoiced before it was sent")
        if now.start_date and now.base and now.base.date < now.start_date:
            return nothing("dated before the sync's start date")
        return Plan(
            action="delete", reason="un-invoiced", qbo_id=now.qbo_id, sync_token=now.sync_token, problem=_lost(now)
        )
    if now.linked:
        if now.qbo_total != now.lms.total and now.qbo_total is not None:
            return fail(total_mismatch(now.lms.number, now.lms.total, now.qbo_total))
        if now.base and now.base.total == ZERO:
            # Perhaps voided: then nothing is open, whatever the LMS makes of its balance (section 5).
            return Plan(action="nothing", reason="of a void QuickBooks tells the balance", hand_over=now.qbo_id)
        return nothing("in QuickBooks already; edits in the LMS are not pushed")
    if now.lms.origin == "qbo":
        return nothing("it came from QuickBooks")
    if now.start_date and now.lms.date < now.start_date:
        return nothing("dated before the sync's start date")
    if now.missing:
        return Plan(action="wait", reason="its customer or an item is not in QuickBooks yet", waits_for=now.missing[0])
    if len(now.same) == 1:
        qbo_id, sync_token = now.same[0]
        return Plan(
            action="adopt",
            reason="same number, customer, date and total, linked to nothing",
            qbo_id=qbo_id,
            sync_token=sync_token,
        )
    if now.same:
        return fail(_ambiguous(now.lms, [qbo_id for qbo_id, _ in now.same]))
    if now.book_close_date and now.lms.date <= now.book_close_date:
        return fail(_books_closed(now.lms, now.book_close_date))
    return Plan(action="create", reason="invoiced")


def _lost(now: InvoiceSituation) -> Problem | None:
    """The delete wins over a change in QuickBooks, which is kept (section 8.4)."""
    if now.base is None or now.qbo is None:
        return None
    theirs = agreed(now.qbo, now.base.origin)
    if theirs == agreed_base(now.base, None, theirs, now.base.origin):
        return None
    return Problem(
        code="conflict_deleted",
        message=(
            f"Invoice {now.base.number} was un-invoiced in Pilot while it was changed in QuickBooks "
            f"({show(now.qbo.total)}). It was deleted there too."
        ),
        resolution="If the change in QuickBooks was meant to stay, enter it there again; the lost version is in the "
        "details.",
        detail={"lost": "qbo", "lms": None, "qbo": to_plain(now.qbo)},
    )


def _ambiguous(invoice: Invoice, ids: Sequence[str]) -> Problem:
    return Problem(
        code="ambiguous_match",
        message=(
            f"QuickBooks has {len(ids)} invoices numbered {invoice.number} over {show(invoice.total)} for the same "
            "customer and day; Pilot cannot tell which of them is this one."
        ),
        resolution="Delete the superfluous invoices in QuickBooks, then retry.",
        detail={"candidates": list(ids)},
    )


def _books_closed(invoice: Invoice, closed: date) -> Problem:
    return Problem(
        code="books_closed",
        message=(
            f"Invoice {invoice.number} is dated {invoice.date:%m/%d/%Y}, but the books in QuickBooks are closed "
            f"through {closed:%m/%d/%Y}."
        ),
        resolution="Move the closing date in QuickBooks (Account and settings > Advanced), or date the invoice later.",
        detail={"book_close_date": closed.isoformat()},
    )


def total_mismatch(number: str, lms_total: Decimal, qbo_total: Decimal) -> Problem:
    """Both figures, so that the bookkeeper can see which one is wrong (sync rules, section 4)."""
    return Problem(
        code="total_mismatch",
        message=f"Invoice {number} is {show(lms_total)} in Pilot but {show(qbo_total)} in QuickBooks.",
        resolution="Compare the two invoices line by line (tax and discounts first) and correct the one that is wrong.",
        detail={"lms_total": lms_total, "qbo_total": qbo_total},
    )
