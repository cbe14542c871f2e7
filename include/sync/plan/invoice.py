"""The plan for invoices, both ways (rules 1, 4, 5 and 8)."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from include.model.invoice import Invoice, InvoiceLine
from include.model.money import CENT, ZERO, extend, show
from include.model.plan import Cause, Match, Plan, fail, nothing
from include.model.problem import Problem
from include.model.record import TAX_ITEM, RecordKey
from include.model.settings import LabSettings
from include.model.staged import Context, LmsInvoice, Payer, QboInvoice, QboInvoiceLine, StagedRecord
from include.sync.plan import problems, whose
from include.sync.plan.decide import Decision, decide
from include.sync.plan.matrix import allowed

#: Seconds before an invoice that came without its lines is asked for again (trap 50).
LINES_LOST_SECONDS = 60.0
#: Seconds before checking again whether an invoice of ours, on its way to QuickBooks, is this one.
IN_FLIGHT_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class NumberMatch:
    """An invoice in the LMS with the number of one that is new in QuickBooks."""

    lms_id: str
    lab_id: int
    lab: str
    linked: bool
    customer: RecordKey
    customer_name: str
    date: dt.date
    total: Decimal


@dataclass(kw_only=True, slots=True)
class InvoiceContext(Context):
    """What is known around an invoice."""

    #: New in the LMS: the QuickBooks id of its customer; QuickBooks' invoices of its number that are linked to nothing.
    customer_qbo_id: str | None = None
    number_matches: tuple[QboInvoice, ...] = ()
    #: … and those that are linked already: QuickBooks may refuse a second invoice of the number.
    linked_number_matches: tuple[QboInvoice, ...] = ()
    #: In QuickBooks: whom its customer stands for, what its items stand for.
    payer: Payer | None = None
    #: In the LMS: the name of whom it is for.
    customer_name: str = ""
    items: Mapping[str, RecordKey] = field(default_factory=dict)
    #: New in QuickBooks: the LMS's invoices of its number, in all labs of the company.
    lms_number_matches: tuple[NumberMatch, ...] = ()
    #: New in QuickBooks: an invoice of the LMS of the same customer, day and total is on its way there.
    match_in_flight: bool = False


StagedInvoice = StagedRecord[Invoice, LmsInvoice, QboInvoice, InvoiceContext]


def plan_invoice(record: StagedInvoice, lab: LabSettings) -> Plan[Invoice]:
    """Created both ways, deleted both ways; amounts follow QuickBooks, edits in the LMS are not pushed."""
    if record.direction == "qbo_to_lms" and record.fetched and record.fetched.lines_lost:
        return Plan(step="wait", cause=Cause.LINES_LOST, side="lms", wait_seconds=LINES_LOST_SECONDS)
    if record.link:
        return _linked(record, lab)
    if record.lms:
        return _new_in_lms(record, record.lms.invoice, lab)
    if record.fetched:
        return _new_in_quickbooks(record, record.fetched, lab)
    return nothing(Cause.NEVER_SYNCED)


def needs_quickbooks(record: StagedInvoice) -> bool:
    """Whether QuickBooks' version matters to a change of the LMS: it is about to be deleted there, or was perhaps
    voided, and of a void QuickBooks gives the balance (rule 5). Or the LMS has another total than was agreed on, and
    the bookkeeper may have corrected hers."""
    if record.link is None:
        return False
    base = record.link.base
    return record.lms is None or bool(base and (base.total == ZERO or base.total != record.lms.invoice.total))


def target_balance(qbo_balance: Decimal, unsynced_applications: Decimal, *, voided: bool) -> Decimal:
    """The LMS balance: QuickBooks', less what QuickBooks does not know yet. A void leaves nothing open."""
    return ZERO if voided else qbo_balance - unsynced_applications


# ------------------------------------------------------------------ what both sides keep in step


def agreed_value(invoice: Invoice, origin: str) -> tuple[Any, ...]:
    """The amounts; of an invoice that was written in QuickBooks also the lines, and whose it is (rule 9)."""
    amounts = (invoice.total, invoice.discount, invoice.shipping, invoice.tax)
    return (*amounts, (invoice.lines, invoice.customer) if origin == "qbo" else None)


def _base_value(base: Invoice | None, lms: Any, qbo: Any, origin: str) -> Any:
    if base is None:
        # Linked by hand: nothing was agreed on yet, and QuickBooks' version counts.
        return lms or qbo
    if base.computed_total != base.total and qbo is not None and qbo[0] == base.total:
        # QuickBooks made another total of it when it was created (`total_mismatch`), and has not changed it since.
        return qbo
    return agreed_value(base, origin)


def lms_version(record: StagedInvoice) -> Invoice | None:
    """The LMS's version, for the customer on whom it is booked."""
    if record.lms is None:
        return None
    base = record.link.base if record.link else None
    return replace(record.lms.invoice, customer=whose.customer_in_lms(record.lms.invoice, base, qbo_customer(record)))


def qbo_customer(record: StagedInvoice) -> RecordKey | None:
    """Whom QuickBooks' version is for; None: its customer is linked to nothing, or nobody asked."""
    ours, base = record.lms.invoice if record.lms else None, record.link.base if record.link else None
    return whose.customer_in_quickbooks(
        record.known.payer, base.customer if base else None, ours.customer if ours else None
    )


def qbo_version(record: StagedInvoice, lab: LabSettings) -> Invoice | None:
    """QuickBooks' version as an invoice of the business. Where its customer is not linked, a linked one stays whose it
    is, and of one that is new in QuickBooks there is no version."""
    fetched, known = record.fetched, record.known
    ours = lms_version(record) or (record.link.base if record.link else None)
    customer = qbo_customer(record) or (ours.customer if ours else None)
    if fetched is None or customer is None:
        return None
    base = record.link.base if record.link else None
    stays = next((one for one in (ours, base) if one and one.customer == customer), None)
    owner = stays.owner if stays else known.payer.owner if known.payer else None
    tax_lines = [line for line in fetched.lines if known.items.get(line.item_id or "") == TAX_ITEM]
    return Invoice(
        number=_number(fetched, known, lab),
        date=fetched.date,
        due_date=fetched.due_date,
        customer=customer,
        lines=tuple(
            _line(line, known.items.get(line.item_id or "")) for line in fetched.lines if line not in tax_lines
        ),
        discount=fetched.discount,
        shipping=fetched.shipping,
        tax=fetched.own_tax + sum((line.amount for line in tax_lines), ZERO),
        total=fetched.total,
        memo=fetched.memo,
        origin="qbo",
        owner=owner,
    )


def _number(fetched: QboInvoice, known: InvoiceContext, lab: LabSettings) -> str:
    """Its number; one made of its id where it has none, or where QuickBooks numbers invoices itself and the lab has
    that number already."""
    taken = lab.receiving_lab in [one.lab_id for one in known.lms_number_matches]
    if fetched.number is None or (taken and not lab.preferences.custom_transaction_numbers):
        return f"QBO-{fetched.qbo_id}"
    return fetched.number


def shown_number(fetched: QboInvoice) -> str:
    """The number by which people know it in QuickBooks."""
    return fetched.number or f"QBO-{fetched.qbo_id}"


#: What the LMS keeps of a quantity.
_QUANTITY = Decimal("0.001")


def _line(line: QboInvoiceLine, product: RecordKey | None) -> InvoiceLine:
    quantity, unit_price = line.quantity.quantize(_QUANTITY), line.unit_price.quantize(CENT)
    if extend(quantity, unit_price) != line.amount:
        # QuickBooks keeps more decimals than the LMS, and lets people type an amount: the amount is what counts.
        quantity, unit_price = Decimal("1.000"), line.amount
    return InvoiceLine(
        # The tax item is dealt with above; of the others only products stand on a line of the LMS.
        product=product if product and product.entity == "product" else None,
        quantity=quantity,
        unit_price=unit_price,
        amount=line.amount,
        description=line.description,
    )


def agreed_with(theirs: Invoice, ours: Invoice, base: Invoice | None = None) -> Invoice:
    """What both sides agree on: QuickBooks' amounts and lines; the LMS's own words for what does not flow back.

    Whose it is follows QuickBooks for an invoice that was written there. One with a case stays where it was agreed to
    be until both sides say the same (rule 9).
    """
    whose_it_is = theirs if ours.origin == "qbo" or theirs.customer == ours.customer else base or ours
    return replace(
        theirs,
        number=ours.number,
        date=ours.date,
        due_date=ours.due_date,
        customer=whose_it_is.customer,
        owner=whose_it_is.owner,
        memo=ours.memo,
        origin=ours.origin,
    )


# ------------------------------------------------------------------ linked


def _linked(record: StagedInvoice, lab: LabSettings) -> Plan[Invoice]:
    base = record.link.base if record.link else None
    lms = lms_version(record)
    ours = lms or base
    origin = ours.origin if ours else "qbo"
    theirs = qbo_version(record, lab)
    lms_value = agreed_value(lms, origin) if lms else None
    qbo_value = agreed_value(theirs, origin) if theirs else None
    base_value = _base_value(base, lms_value, qbo_value, origin)
    if record.qbo is None:
        qbo_value = base_value
    voided = bool(record.fetched and record.fetched.voided)
    may = allowed("invoice", lab.connection, voided=voided)
    decision = decide(base_value, lms_value, qbo_value, may)
    if ours is None and record.fetched and "delete" in may.to_qbo:
        # Linked by hand, nothing agreed on, and un-invoiced since.
        return Plan(step="delete", cause=Cause.DELETED, side="qbo")
    if ours is None and record.qbo and record.fetched is None:
        return Plan(step="unlink", cause=Cause.DELETED_ON_BOTH_SIDES)
    target = agreed_with(theirs, ours, base) if theirs and ours else None
    if decision.step == "unlink":
        return Plan(step="unlink", cause=Cause.DELETED_ON_BOTH_SIDES)
    if decision.step == "delete":
        problem = _delete_conflict(decision, ours, lms, theirs)
        return Plan(step="delete", cause=Cause.DELETED, side=decision.side, problem=problem)
    if decision.step == "update":
        lost = lms if decision.conflict else None
        return Plan(
            step="update",
            cause=Cause.VOIDED if voided else Cause.CHANGED,
            side="lms",
            target=target,
            problem=problems.invoice_changed_on_both_sides(lost, theirs) if lost else other_customer(record),
        )
    mismatch = None
    if lms and base and base.total != lms.total:
        there = theirs.total if theirs else base.total
        mismatch = problems.total_mismatch(lms.number, lms.total, there) if there != lms.total else None
    if mismatch and record.direction == "lms_to_qbo" and decision.step != "rebase":
        # Before the balance, which only the other direction's run brings: this one reports what it finds.
        return fail(mismatch, "qbo")
    problem = other_customer(record)
    if "update" in may.to_lms and _balance_differs(record):
        return Plan(step="update", cause=Cause.BALANCE, side="lms", target=target, problem=problem)
    if decision.step == "rebase":
        return Plan(step="rebase", cause=Cause.CHANGED_ALIKE, target=target, problem=problem)
    if base is None and target:
        return Plan(step="rebase", cause=Cause.LINKED_BY_HAND, target=target, problem=problem)
    if base and target and (target.customer, target.owner) != (base.customer, base.owner):
        return Plan(step="rebase", cause=Cause.CHANGED_ALIKE, target=target, problem=problem)
    if mismatch:
        return fail(mismatch, "qbo")
    if lms and base and lms.customer != base.customer and "update" not in may.to_lms:
        # Nobody will ask QuickBooks, where it is still whose it was.
        return fail(problems.customer_changed_in_lms(noun(record), record.known.customer_name), "qbo")
    cause = Cause.IN_STEP if lms_value == qbo_value else Cause.NOT_PUSHED
    return Plan(step="nothing", cause=cause, side="lms" if problem else None, problem=problem)


def other_customer(record: StagedInvoice) -> Problem | None:
    """The two sides say different customers, and nothing brings them together by itself (rule 9)."""
    ours, theirs, fetched = lms_version(record), qbo_customer(record), record.fetched
    if ours is None or fetched is None or theirs == ours.customer or fetched.voided:
        return None  # nothing is left of a void that could be whose
    if ours.origin == "qbo":
        if theirs is None:
            what = f"Invoice {shown_number(fetched)} of {show(fetched.total)}"
            return problems.customer_not_linked(what, fetched.customer_id, fetched.customer_name)
        base = record.link.base if record.link else None
        if base is None or theirs != base.customer:
            return None  # the LMS follows
    return problems.customer_changed(
        noun(record),
        record.known.customer_name,
        fetched.customer_id,
        fetched.customer_name,
        document="invoice",
        linked=theirs is not None,
    )


def _delete_conflict(
    decision: Decision, ours: Invoice | None, lms: Invoice | None, theirs: Invoice | None
) -> Problem | None:
    if decision.conflict is None:
        return None
    if lms:
        return problems.invoice_deleted_in_quickbooks(lms)
    return problems.invoice_deleted_in_lms(ours.number if ours else "", theirs) if theirs else None


def _balance_differs(record: StagedInvoice) -> bool:
    qbo, lms = record.fetched, record.lms
    if qbo is None or lms is None or lms.balance is None:
        return False
    return lms.balance != target_balance(qbo.balance, lms.unsynced_applications, voided=qbo.voided)


# ------------------------------------------------------------------ new


def _new_in_lms(record: StagedInvoice, lms: Invoice, lab: LabSettings) -> Plan[Invoice]:
    known = record.known
    if lms.origin == "qbo":
        return nothing(Cause.FROM_QUICKBOOKS)
    decision = decide(None, agreed_value(lms, lms.origin), None, allowed("invoice", lab.connection))
    if decision.step != "create":
        return nothing(Cause.DIRECTION)
    if known.missing:
        return Plan(step="wait", cause=Cause.REFERENCE, side="qbo", target=lms, waits_for=known.missing[0])
    same = [
        one
        for one in known.number_matches
        if (one.customer_id, one.date, one.total) == (known.customer_qbo_id, lms.date, lms.total)
    ]
    if len(same) == 1:
        match = Match(id=same[0].qbo_id, sync_token=same[0].sync_token)
        return Plan(step="adopt", cause=Cause.MATCH, side="qbo", target=lms, match=match)
    if same:
        return fail(problems.ambiguous_in_quickbooks(lms, [one.qbo_id for one in same]), "qbo", lms)
    return Plan(step="create", cause=Cause.NEW, side="qbo", target=lms)


def _new_in_quickbooks(record: StagedInvoice, qbo: QboInvoice, lab: LabSettings) -> Plan[Invoice]:
    known, theirs, number = record.known, qbo_version(record, lab), shown_number(qbo)
    decision = decide(None, None, qbo, allowed("invoice", lab.connection))
    if decision.step != "create":
        return nothing(Cause.DIRECTION)
    if theirs is None:
        what = f"Invoice {number} of {show(qbo.total)}"
        return fail(problems.customer_not_linked(what, qbo.customer_id, qbo.customer_name), "lms")
    own_numbers = lab.preferences.custom_transaction_numbers
    # Where QuickBooks numbers invoices itself, a number says nothing: those are others.
    matches = known.lms_number_matches if own_numbers else ()
    free = [one for one in matches if not one.linked]
    same = [one for one in free if (one.customer, one.date, one.total) == (theirs.customer, qbo.date, qbo.total)]
    if len(free) == len(same) == 1:
        return Plan(step="adopt", cause=Cause.MATCH, side="lms", target=theirs, match=Match(id=same[0].lms_id))
    if known.match_in_flight:
        return Plan(step="wait", cause=Cause.MATCH_IN_FLIGHT, side="lms", wait_seconds=IN_FLIGHT_SECONDS)
    if free:
        named = [(one.lms_id, _in_words(one)) for one in free]
        return fail(problems.ambiguous_in_lms(qbo, number, named), "lms")
    taken = [one for one in matches if one.lab_id == lab.receiving_lab]
    if taken:
        holder = taken[0]
        problem = problems.number_taken(qbo, number, holder.lab, holder.lms_id, holder.total, holder.date)
        return fail(problem, "lms")
    return Plan(step="create", cause=Cause.NEW, side="lms", target=theirs)


def _in_words(match: NumberMatch) -> str:
    """With all in which one of the same number may differ: “Second Lab: $33.00 for Lakeside Dental, dated …”."""
    dated = problems.day(match.date)
    return f"{match.lab}: {show(match.total)} for {match.customer_name}, dated {dated} (id {match.lms_id})"


# ------------------------------------------------------------------ for guards and messages


def dated(record: StagedInvoice) -> dt.date | None:
    """The day that counts for start date and closed books: the LMS's, where it has one."""
    ours = record.lms.invoice if record.lms else record.link.base if record.link else None
    return ours.date if ours else record.fetched.date if record.fetched else None


def noun(record: StagedInvoice) -> str:
    """How a bookkeeper would name it at the beginning of a sentence."""
    number = document_number(record)
    return f"Invoice {number}" if number else f"The invoice with QuickBooks id {record.qbo_id}"


def document_number(record: StagedInvoice) -> str | None:
    """Its number."""
    if record.direction == "qbo_to_lms" and record.fetched:
        return shown_number(record.fetched)
    ours = record.lms.invoice if record.lms else record.link.base if record.link else None
    return ours.number if ours else None
