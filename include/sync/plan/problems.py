"""Every reason why a record cannot be synced, or was synced with a loss, in the words of a bookkeeper.

One function a reason. What it says: what happened, to which record, what to do, and what happens then.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from include.model.invoice import Invoice
from include.model.money import ZERO, show
from include.model.payment import Application, Payment
from include.model.problem import Problem, in_lms, in_quickbooks, listed
from include.model.record import CREDIT_ITEM, TAX_ITEM, Operation, RecordKey
from include.model.staged import (
    Duplicate,
    ForeignCustomer,
    LmsName,
    NamedRecord,
    OpenBalance,
    OtherLine,
    QboInvoice,
    QboPayment,
    RefusedLookup,
    SettledBy,
    WantedName,
)
from include.model.typed_json import plain
from include.qbo.faults import MALFORMED

#: What happens once somebody has mended it in QuickBooks (rule 8.3).
RETRY = "Pilot tries again after its next check of QuickBooks, within minutes."


def day(of: date) -> str:
    """A date as it is written in the US: 06/01/2026."""
    return f"{of:%m/%d/%Y}"


def named(what: str, amount: Decimal, of: date) -> str:
    """How a bookkeeper would name a payment or credit at the beginning of a sentence."""
    return f"The {what} of {show(amount)} dated {day(of)}"


# ------------------------------------------------------------------ names


def name_taken(wanted: WantedName, holder: NamedRecord, free_name: str | None) -> Problem:
    """Another record in QuickBooks bears the name. `free_name`: what to rename to; nobody there has it (names.py)."""
    of_account = f" of “{wanted.account}”" if wanted.account else ""
    linked = holder.linked_to
    return Problem(
        code="name_taken",
        message=f"The {wanted.noun} “{wanted.name}”{of_account} cannot be created in QuickBooks: "
        f"{_holder(wanted, holder)} already has this name.",
        resolution=_free_the_name(wanted, holder, free_name),
        detail={
            "holder": holder.kind,
            "holder_id": holder.qbo_id,
            "holder_active": holder.active,
            "holder_linked_to": {"entity": linked.key.entity, "lms_id": linked.key.id} if linked else None,
            "free_name": free_name,
        },
    )


def name_reserved(name: str, special: RecordKey, free_name: str | None) -> Problem:
    """A product is named like an item that the sync keeps for itself (rule 3)."""
    return Problem(
        code="name_reserved",
        message=f"The product “{name}” cannot be created in QuickBooks under this name: Pilot uses the QuickBooks item "
        f"“{special.id}” for {_SPECIAL[special]}.",
        resolution=f"{_rename_in_pilot('product', free_name)} The invoices that wait for it follow. You do not need a "
        f"product for {_SPECIAL[special]}: Pilot puts them on the item “{special.id}” automatically.",
        detail={"reserved": special.id, "free_name": free_name},
    )


#: What the sync keeps the special items for.
_SPECIAL = {TAX_ITEM: "the taxes on invoices", CREDIT_ITEM: "the credits that you give"}

#: What a new record of QuickBooks is in the LMS.
_IN_PILOT = {"customer": "account", "sub-customer": "pair", "product": "product"}


def _is_own_main_customer(wanted: WantedName, holder: NamedRecord) -> bool:
    return holder.kind == "Customer" and holder.qbo_id == wanted.parent_id


def _holder(wanted: WantedName, holder: NamedRecord) -> str:
    """Where to look for it: “the vendor “Zahn Dental””."""
    if _is_own_main_customer(wanted, holder):
        return "the main customer of the same account"
    if holder.linked_to:
        return _in_pilot(wanted, holder.linked_to, holder.name)
    noun = holder.kind.lower()
    if holder.kind == "Item":
        noun = "product or service" if holder.usable else "category or bundle"
    elif holder.parent_id:
        noun = "sub-customer"
    below = f" of “{holder.parent_name}”" if noun == "sub-customer" and holder.parent_name else ""
    return f"the {'' if holder.active else 'inactive '}{noun} “{holder.name}”{below}"


def _in_pilot(wanted: WantedName, one: LmsName, in_quickbooks: str) -> str:
    noun = {"billing_account": "account", "doctor_office": "pair", "special_item": "item"}.get(
        one.key.entity, one.key.entity
    )
    same_account = one.account == wanted.account
    words = f"{'another' if same_account and noun == _IN_PILOT.get(wanted.noun) else 'the'} {noun} “{one.name}”"
    if one.account:
        words += " of the same account" if same_account else f" of the account “{one.account}”"
    if one.name.casefold() != in_quickbooks.casefold():
        words += f" (“{in_quickbooks}” in QuickBooks)"
    return f"{words}, which Pilot uses for {_SPECIAL[one.key]}," if one.key in _SPECIAL else words


def _free_the_name(wanted: WantedName, holder: NamedRecord, free_name: str | None) -> str:
    """Who can be renamed, and what else ends the conflict."""
    can_be_ours = holder.linked_to is None and holder.usable
    if wanted.noun == "item":
        # Nobody can rename it in Pilot.
        activate = "make it active again, so that Pilot can use it, or " if can_be_ours and not holder.active else ""
        return f"In QuickBooks, {activate}rename it{_such_as(free_name)}. {RETRY}"
    if holder.kind in ("Vendor", "Employee"):
        ours, theirs = _IN_PILOT[wanted.noun], holder.kind.lower()
        return f"Rename the {theirs} in QuickBooks{_such_as(free_name)}, or the {ours} in Pilot. {RETRY}"
    rename = _rename_in_pilot(wanted.noun, free_name)
    if _is_own_main_customer(wanted, holder):
        return (
            f"{rename} Or, if this practice needs no sub-customers, change the account to combined in Pilot: its "
            "invoices then go to the main customer."
        )
    in_place = holder.kind == "Item" or holder.parent_id == wanted.parent_id
    if can_be_ours and in_place and not holder.active:
        return f"Make it active again in QuickBooks, so that Pilot can use it. {RETRY} Or: {_lower(rename)}"
    if can_be_ours and holder.active and wanted.account and holder.parent_id is None:
        return (
            f"If it is the same pair, make it a sub-customer of “{wanted.account}” in QuickBooks, so that Pilot can "
            f"use it. {RETRY} If it is not: {_lower(rename)}"
        )
    return f"{rename} Or rename the other one in QuickBooks. {RETRY}"


def _rename_in_pilot(noun: str, free_name: str | None) -> str:
    return f"Rename the {_IN_PILOT[noun]} in Pilot{_such_as(free_name)}. Pilot then creates it automatically."


def _such_as(free_name: str | None) -> str:
    return f" (for example, to “{free_name}”, which is free)" if free_name else ""


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]


def lookup_refused(lookup: RefusedLookup) -> Problem:
    """QuickBooks refuses a question about a name or number."""
    return Problem(
        code="lookup_refused",
        message=f"Pilot cannot check whether QuickBooks already has “{lookup.name}”: QuickBooks refuses the search.",
        resolution="Remove unusual characters from this name or number in Pilot. Pilot then tries again automatically.",
        detail=lookup.fault,
    )


# ------------------------------------------------------------------ currencies


def foreign_name_match(noun: str, name: str, currency: str) -> Problem:
    """A customer that would have been adopted is billed in another currency."""
    return Problem(
        code="foreign_currency",
        message=f"The {noun} “{name}” is billed in {currency} in QuickBooks. Pilot works only with amounts in "
        "the company's home currency.",
        resolution=f"Rename it in QuickBooks (for example, “{name} ({currency})”). {RETRY} Pilot then creates another "
        f"{noun} in the home currency.",
        detail={"currency": currency},
    )


def foreign_transaction(what: str, currency: str, home: str | None) -> Problem:
    """On its way from QuickBooks. `what`: e.g. “Invoice 1042”."""
    return Problem(
        code="foreign_currency",
        message=f"{what} is in {currency} in QuickBooks. Pilot works only with amounts in {home}, so it was not "
        "brought into Pilot.",
        resolution="Keep it in QuickBooks only and ignore this error, or enter it in QuickBooks again for a customer "
        f"who is billed in {home}. That one is then brought into Pilot automatically.",
        detail={"currency": currency, "home_currency": home},
    )


def foreign_customer(what: str, customer: ForeignCustomer, home: str | None) -> Problem:
    """On its way to QuickBooks. `what`: e.g. “Invoice 1042”."""
    return Problem(
        code="foreign_currency",
        message=f"{what} is for the QuickBooks customer “{customer.name}”, who is billed in {customer.currency}. "
        f"Pilot works only with amounts in {home}, so it was not sent to QuickBooks.",
        resolution=f"Enter it in QuickBooks yourself in {customer.currency} and ignore this error. QuickBooks cannot "
        "change a customer's currency.",
        detail={"currency": customer.currency, "home_currency": home},
    )


# ------------------------------------------------------------------ reading QuickBooks


def unreadable(what: str, fault: Any) -> Problem:
    """QuickBooks refuses to show a record, or shows what cannot be one. `what`: e.g. “The invoice with QuickBooks id
    145”."""
    why = "QuickBooks refuses to show it."
    if fault.get("code") == MALFORMED:
        why = f"QuickBooks shows it in a form that cannot be right ({fault['fault']})."
    return Problem(
        code="unreadable",
        message=f"{what} could not be synced: {why}",
        resolution=f"Open it in QuickBooks and save it again. {RETRY} If that does not help, ask support and quote the "
        "tracking id in the details.",
        detail=fault,
    )


def customer_not_linked(what: str, customer_id: str, customer_name: str) -> Problem:
    """`what`: e.g. “Invoice 1042 of $100.00”."""
    return Problem(
        code="customer_not_linked",
        message=f"{what} is for the QuickBooks customer “{customer_name}”, which is not linked to a billing account or "
        "doctor–office pair in Pilot. So this version of it was not brought into Pilot.",
        resolution="On the QuickBooks Online page, link the customer to a billing account or a doctor–office pair, or "
        "ignore the customer. Once it is linked, its invoices and payments are brought into Pilot automatically.",
        detail={"customer_id": customer_id, "customer_name": customer_name},
    )


def customer_changed(
    what: str, in_pilot: str, customer_id: str, in_quickbooks: str, *, document: str, linked: bool = True
) -> Problem:
    """Whose it is differs, and stays so (rule 9). `what`: e.g. “Invoice 1042”; `document`: “invoice” or “credit”;
    `linked`: Pilot knows QuickBooks' customer."""
    choose = f"change the billing account or doctor–office pair on the {document} in Pilot"
    if not linked:
        choose = (
            f"link “{in_quickbooks}” to a billing account or doctor–office pair on the QuickBooks Online page, "
            f"and then choose that one on the {document} in Pilot"
        )
    there = "credit memo" if document == "credit" else document
    return Problem(
        code="customer_changed",
        message=f"{what} is for “{in_pilot}” in Pilot, but for “{in_quickbooks}” in QuickBooks. Neither side was "
        "changed.",
        resolution=f"If Pilot is right, change the customer on the {there} in QuickBooks to “{in_pilot}”. If "
        f"QuickBooks is right, {choose}. Until both match, money for it cannot be applied on both sides. This "
        "error is resolved once both match.",
        detail={"customer_id": customer_id, "customer_name": in_quickbooks, "lms_customer_name": in_pilot},
    )


def customer_changed_in_lms(what: str, in_pilot: str) -> Problem:
    """As `customer_changed`, where the lab's settings let nothing come from QuickBooks. `what`: e.g. “Invoice 1042”."""
    return Problem(
        code="customer_changed",
        message=f"{what} is for “{in_pilot}” in Pilot now, but still for another customer in QuickBooks. Pilot does "
        "not change the customer of an invoice that is already in QuickBooks.",
        resolution="Change the billing account or doctor–office pair back in Pilot. Or un-invoice the case and invoice "
        "it again: this deletes the invoice in QuickBooks, even if it is paid, and its payments have to be "
        "applied again.",
        detail={"lms_customer_name": in_pilot},
    )


# ------------------------------------------------------------------ invoices


#: Of a write that the closing date stops: what it is called, and how else than by the closing date it can end.
_CLOSED: Mapping[Operation, tuple[str, str]] = {
    "create": ("created", "give it a later date in Pilot"),
    "update": ("changed", "change it back in Pilot, so that both sides are the same again"),
    "delete": ("deleted", "ignore this error, and it stays in QuickBooks although it was deleted in Pilot"),
}


def books_closed(what: str, dated: date, closed: date, operation: Operation) -> Problem:
    """Dated in a closed period, so it was not sent. `what`: e.g. “Invoice 1042”. `dated`: its day on the side that is
    in the closed period; on both, QuickBooks'."""
    done, otherwise = _CLOSED[operation]
    return Problem(
        code="books_closed",
        message=f"{what} was not {done} in QuickBooks: it is dated {day(dated)}, and the books are closed there "
        f"through {day(closed)}.",
        resolution="The person who closed the books in QuickBooks decides, usually the bookkeeper or accountant: move "
        "the closing date back (Account and settings > Advanced > Accounting), and Pilot sends it after its next check "
        f"of QuickBooks, within minutes. Or keep the books closed and {otherwise}.",
        detail={"book_close_date": closed.isoformat(), "dated": dated.isoformat()},
    )


def total_mismatch(number: str, lms_total: Decimal, qbo_total: Decimal) -> Problem:
    """Both figures, so that the bookkeeper can see which one is wrong (rule 4)."""
    return Problem(
        code="total_mismatch",
        message=f"Invoice {number} is {show(lms_total)} in Pilot but {show(qbo_total)} in QuickBooks.",
        resolution="Compare the two invoices line by line (tax and discounts first) and correct the one that is wrong. "
        "This error is resolved once the totals are the same.",
        detail={"lms_total": lms_total, "qbo_total": qbo_total},
    )


def ambiguous_in_quickbooks(invoice: Invoice, ids: Sequence[str]) -> Problem:
    """Several invoices of QuickBooks could be this one."""
    return Problem(
        code="ambiguous_match",
        message=f"QuickBooks has {len(ids)} invoices numbered {invoice.number} of {show(invoice.total)} for the same "
        "customer and day. Pilot cannot tell which of them is this one.",
        resolution=f"Delete the extra invoices in QuickBooks. {RETRY} Pilot then links the one that is left.",
        detail={"candidates": list(ids)},
        causes=tuple(in_quickbooks("Invoice", one) for one in ids),
    )


def ambiguous_in_lms(qbo: QboInvoice, number: str, candidates: Sequence[tuple[str, str]]) -> Problem:
    """An invoice of Pilot has the number, and may or may not be the same. `candidates`: (LMS id, in words)."""
    return Problem(
        code="ambiguous_match",
        message=f"Invoice {number} in QuickBooks ({show(qbo.total)}, dated {day(qbo.date)}, {qbo.customer_name}) has "
        "the same number as an invoice in Pilot, and Pilot cannot tell whether it is the same invoice. In Pilot: "
        f"{'; '.join(words for _, words in candidates)}.",
        resolution="If they are the same invoice, make customer, date, and total the same on both sides. If not, give "
        "the one in QuickBooks another number. A change on either side is picked up automatically.",
        detail={"candidates": [lms_id for lms_id, _ in candidates], "customer_id": qbo.customer_id},
        causes=tuple(in_lms("invoice", lms_id) for lms_id, _ in candidates),
    )


def number_taken(qbo: QboInvoice, number: str, lab: str, holder_id: str, total: Decimal, dated: date) -> Problem:
    """A linked invoice of the lab in Pilot has the number already."""
    return Problem(
        code="number_taken",
        message=f"Invoice {number} of {show(qbo.total)} cannot be brought from QuickBooks into Pilot: {lab} already "
        f"has another invoice with this number ({show(total)}, dated {day(dated)}).",
        # A number that is changed in QuickBooks changes nothing of an invoice that Pilot has already.
        resolution=f"Give the invoice of {show(qbo.total)} another number in QuickBooks. It is then brought into Pilot "
        "automatically.",
        detail={"holder_lms_id": holder_id},
        causes=(in_lms("invoice", holder_id),),
    )


def invoice_deleted_in_lms(number: str, theirs: Invoice) -> Problem:
    """Un-invoiced in Pilot while it was changed in QuickBooks: the delete wins (rule 8.4)."""
    return _conflict(
        "conflict_deleted",
        f"Invoice {number} was un-invoiced in Pilot while it was changed in QuickBooks ({show(theirs.total)}). It was "
        "deleted in QuickBooks too.",
        "If the change in QuickBooks was meant to stay, enter the invoice there again; the details show it. Then "
        "ignore this error.",
        lost="qbo",
        lms=None,
        qbo=theirs,
    )


def invoice_deleted_in_quickbooks(ours: Invoice) -> Problem:
    """Deleted in QuickBooks while it was changed in Pilot: the delete wins (rule 8.4)."""
    return _conflict(
        "conflict_deleted",
        f"Invoice {ours.number} was deleted in QuickBooks while it was changed in Pilot. It was deleted in Pilot too.",
        "If the invoice was meant to stay, invoice the case again; the details show what it was. Then ignore this "
        "error.",
        lost="lms",
        lms=ours,
        qbo=None,
    )


def invoice_changed_on_both_sides(ours: Invoice, theirs: Invoice | None) -> Problem:
    """Of two updates QuickBooks' wins (rule 8.4)."""
    return _conflict(
        "conflict_qbo_kept",
        f"Invoice {ours.number} was changed in Pilot ({show(ours.total)}) and in QuickBooks "
        f"({show(theirs.total if theirs else ZERO)}). QuickBooks' amounts were kept.",
        "If Pilot's amounts were right, change the invoice in QuickBooks; the details show them. Then ignore this "
        "error.",
        lost="lms",
        lms=ours,
        qbo=theirs,
    )


# ------------------------------------------------------------------ payments and credits


def deleted_in_quickbooks(noun: str) -> Problem:
    """Changed in Pilot after somebody deleted it in QuickBooks, from where deletes of it do not flow."""
    return Problem(
        code="deleted_in_quickbooks",
        message=f"{noun} was changed in Pilot, but it had been deleted in QuickBooks, so the change was not sent.",
        resolution="Delete it in Pilot too, or enter it in Pilot again as a new record. Pilot then sends the new one "
        "automatically.",
    )


def money_deleted_in_lms(noun: str, theirs: Any) -> Problem:
    """Deleted in Pilot while it was changed in QuickBooks: the delete wins (rule 8.4)."""
    return _conflict(
        "conflict_deleted",
        f"{noun} was deleted in Pilot while it was changed in QuickBooks. It was deleted in QuickBooks too.",
        "If the change in QuickBooks was meant to stay, enter it again; the details show it. Then ignore this error.",
        lost="qbo",
        lms=None,
        qbo=theirs,
    )


def credit_changed_on_both_sides(noun: str, lms: Decimal, qbo: Decimal) -> Problem:
    """Of two updates QuickBooks' wins (rule 8.4); a credit's cannot flow back."""
    return _conflict(
        "conflict_qbo_kept",
        f"{noun} was changed in Pilot ({show(lms)}) and in QuickBooks ({show(qbo)}). QuickBooks keeps its amount.",
        "Make the two amounts the same, in Pilot or in QuickBooks; the details show both. Then ignore this error.",
        lost="lms",
        lms={"amount": lms},
        qbo={"amount": qbo},
    )


def applied_otherwise(noun: str, ours: Sequence[Application], theirs: Sequence[Application]) -> Problem:
    """Somebody has changed in QuickBooks what a credit is applied to; nothing of a credit comes back (rule 6)."""
    total = sum((one.amount for one in ours), ZERO)
    there = sum((one.amount for one in theirs), ZERO)
    differs = f"{show(total)} is applied in Pilot, {show(there)} in QuickBooks"
    if total == there:
        differs = f"{show(total)} is applied to other invoices in QuickBooks than in Pilot"
    return Problem(
        code="applied_otherwise",
        message=f"{noun} was changed in QuickBooks: {differs}. Credits sync only from Pilot to QuickBooks, so Pilot "
        "was not changed.",
        resolution="If QuickBooks is right, apply the credit in Pilot to the same invoices and amounts. If Pilot is "
        "right, change what the credit memo is applied to in QuickBooks. This error is resolved once both match.",
        detail={"lms_applications": plain(ours), "qbo_applications": plain(theirs)},
    )


def received_with_credit(noun: str, there: QboPayment) -> Problem:
    """The bookkeeper has received money in the payment of $0.00 that applies a credit (fact 9.6)."""
    return Problem(
        code="received_with_credit",
        message=f"{noun} was changed in QuickBooks: the payment there that applies it also has {show(there.amount)} "
        "received from the customer. That money is not in Pilot. So that it is not lost, Pilot does not change or "
        "delete this payment in QuickBooks.",
        resolution=f"In QuickBooks, enter the {show(there.amount)} as a payment of its own, and set the amount "
        "received in this one back to $0.00. Pilot then brings the new payment in and syncs the applied credit again "
        "automatically.",
        detail={"qbo_payment_id": there.qbo_id, "amount": there.amount},
        causes=(in_quickbooks("Payment", there.qbo_id),),
    )


def payment_deleted_in_quickbooks(ours: Payment) -> Problem:
    """Deleted in QuickBooks while it was changed in Pilot: the delete wins (rule 8.4)."""
    return _conflict(
        "conflict_deleted",
        f"{named('payment', ours.amount, ours.date)} was deleted in QuickBooks while it was changed in Pilot. It was "
        "deleted in Pilot too.",
        "If the payment was meant to stay, enter it again; the details show what it was. Then ignore this error.",
        lost="lms",
        lms=ours,
        qbo=None,
    )


def payment_changed_on_both_sides(ours: Payment, theirs: Payment | None, customer: str) -> Problem:
    """Of two updates QuickBooks' wins (rule 8.4). `customer`: whom QuickBooks' version is from."""
    whose = f" from “{customer}”" if theirs and theirs.customer != ours.customer else ""
    return _conflict(
        "conflict_qbo_kept",
        f"{named('payment', ours.amount, ours.date)} was changed in Pilot and in QuickBooks. QuickBooks' version "
        f"({show(theirs.amount if theirs else ZERO)}{whose}) was kept.",
        "If Pilot's version was right, enter it again; the details show it. Then ignore this error.",
        lost="lms",
        lms=ours,
        qbo=theirs,
    )


def applications_taken_back(ours: Payment, theirs: Payment, applied: Decimal, taken_back: Decimal) -> Problem:
    """QuickBooks applies to other invoices what Pilot had applied to some that do not sync."""
    return _conflict(
        "conflict_qbo_kept",
        f"{named('payment', ours.amount, ours.date)} was changed in QuickBooks. It is {show(theirs.amount)} there, "
        f"and {show(applied)} of it is applied. So in Pilot {show(taken_back)} was taken off invoices that do not sync "
        "with QuickBooks.",
        "If Pilot's version was right, apply the payment that way again in Pilot; the details show it. Then ignore "
        "this error.",
        lost="lms",
        lms=ours,
        qbo=theirs,
    )


def less_open(
    noun: str, wanted: Sequence[tuple[Decimal, OpenBalance]], *, held_by: str | None = None
) -> Problem | None:
    """More is applied than is open in QuickBooks (6000), and what has settled the rest; None: there is enough.

    `noun`: e.g. “The payment of $150.00 dated 11/25/2026”. `wanted`: amount and invoice. `held_by`: the QuickBooks id
    of the payment or credit memo that applies it, if it is there already: its own part is open to it.
    """
    said, invoices, causes, settled = [], [], [], False
    for amount, there in wanted:
        own = sum((one.applied for one in there.settled_by if held_by in (one.qbo_id, one.payment_id)), ZERO)
        others = [one for one in there.settled_by if held_by not in (one.qbo_id, one.payment_id)]
        if amount <= there.balance + own:
            continue
        said.append(f"{show(amount)} to invoice {there.number}, but {_open(there, there.balance + own, others)}")
        settled = settled or bool(others and not there.voided)
        causes += [in_quickbooks("Invoice", there.qbo_id)]
        causes += [in_quickbooks("Payment", one.payment_id) for one in others]
        causes += [in_quickbooks(one.kind, one.qbo_id) for one in others if one.kind != "Payment"]
        invoices.append(
            {"qbo_id": there.qbo_id, "number": there.number, "applied": amount, "open": there.balance + own}
        )
    if not said:
        return None
    return Problem(
        code="qbo_6000",
        message=f"{noun} applies {'; and '.join(said)}.",
        resolution=_WHAT_TO_DO if settled else _NOTHING_ELSE,
        detail={"invoices": invoices},
        causes=tuple(causes),
    )


_WHAT_TO_DO = (
    "If what is applied in QuickBooks is right, apply this one for less or to another invoice in Pilot; what is not "
    "applied stays as the customer's credit. If not, take the other payment or credit off the invoice in "
    "QuickBooks. Pilot then sends this one again automatically."
)
_NOTHING_ELSE = (
    "Apply it to another invoice in Pilot, or leave it unapplied. If the invoice was voided or lowered in "
    "QuickBooks by mistake, enter it there again. Pilot then sends this one again automatically."
)


def _open(there: OpenBalance, balance: Decimal, others: Sequence[SettledBy]) -> str:
    """How much is open, and why no more."""
    if there.voided:
        return "that invoice was voided in QuickBooks"
    much = (
        f"only {show(balance)} of it is open in QuickBooks" if balance > 0 else "it has no open balance in QuickBooks"
    )
    if not others:
        return f"{much}: its total there is {show(there.total)}"
    words = [f"the {_SETTLES.get(one.kind, one.kind)} of {show(one.amount)}{_dated(one)}" for one in others]
    verb = "paid" if all(one.kind == "Payment" for one in others) else "settled"
    return f"{much}: it was {verb} by {listed(words)}"


_SETTLES = {"Payment": "payment", "CreditMemo": "credit memo"}


def _dated(one: SettledBy) -> str:
    return f" dated {day(one.date)}" if one.date else ""


def _left(left: Decimal) -> str:
    return f"only {show(left)} of it is left" if left > 0 else "nothing of it is left"


def less_left(noun: str, applied: Decimal, left: Decimal) -> Problem:
    """The credit memo has less left in QuickBooks than is applied (6000)."""
    return Problem(
        code="qbo_6000",
        message=f"{noun} needs {show(applied)} of its credit memo, but {_left(left)} in QuickBooks: somebody has "
        "applied it there.",
        resolution="If the use in QuickBooks is right, apply the credit for less in Pilot. If it is not, take the "
        "credit memo off what it is applied to in QuickBooks. Pilot then sends it again automatically.",
    )


def possible_duplicate(ours: Payment, theirs: Duplicate, invoices: Sequence[str], *, shared: bool = True) -> Problem:
    """The same check entered on both sides? (rule 9). `invoices`: the numbers of those that both pay (`shared`), or for
    which more is applied in Pilot than they are about."""
    what = f"invoice {invoices[0]}" if len(invoices) == 1 else f"invoices {', '.join(invoices)}"
    why = f"both pay {what}" if shared else f"{what} has more applied to it in Pilot than its total"
    return Problem(
        code="possible_duplicate",
        message=f"{named('payment', ours.amount, ours.date)} in Pilot and the payment of {show(theirs.amount)} dated "
        f"{day(theirs.date)} in QuickBooks may be the same money: same customer, same amount, and {why}. The "
        "payment in Pilot is not sent to QuickBooks until you choose.",
        resolution="Compare the two payments. If it is one payment, choose Link: Pilot keeps one payment, with the "
        "date, amount, and invoices from QuickBooks. If these are two separate payments, choose Keep both: the "
        "payment in Pilot is then sent to QuickBooks, and the one in QuickBooks is added to Pilot if it is not "
        "there yet. Or delete the payment that was entered by mistake.",
        detail={"qbo_payment_id": theirs.qbo_id, "invoice_numbers": list(invoices)},
        causes=(
            in_quickbooks("Payment", theirs.qbo_id),
            *([in_lms("payment", theirs.copy_id)] if theirs.copy_id else []),
        ),
    )


_KINDS = {"Invoice": "an invoice", "JournalEntry": "a journal entry"}


def unsynced_application(qbo: QboPayment, lines: Sequence[OtherLine]) -> Problem:
    """Lines of a payment that Pilot cannot have: they settle something else, or a credit memo helps to pay."""
    settled = [one for one in lines if one.kind != "CreditMemo"]
    credits = [one for one in lines if one.kind == "CreditMemo"]
    said, to_do = [], []
    if settled:
        parts = ", ".join(
            f"{show(one.amount)} to {_KINDS.get(one.kind, one.kind)} (id {one.qbo_id})" for one in settled
        )
        said.append(f"part of it is applied in QuickBooks to something that Pilot does not have: {parts}")
        to_do.append("Apply that part to invoices that Pilot has; the payment then syncs again. Or ignore this error.")
    if credits:
        parts = ", ".join(f"{show(one.amount)} of a credit memo (id {one.qbo_id})" for one in credits)
        said.append(f"in QuickBooks its invoices are also paid with {parts}, which Pilot does not show as applied")
        to_do.append(
            "The credit is already counted in the invoices' balances, so you can ignore this error. To see a credit "
            "from Pilot applied in Pilot too, take it off the payment in QuickBooks and apply it in Pilot."
        )
    return Problem(
        code="unsynced_application",
        message=f"{named('payment', qbo.amount, qbo.date)} from {qbo.customer_name} is in Pilot, but "
        f"{'; and '.join(said)}.",
        resolution=" ".join(["Nothing is lost in QuickBooks.", *to_do]),
        detail={
            "customer_id": qbo.customer_id,
            "invoice_ids": [one.qbo_id for one in lines if one.kind == "Invoice"],
            "skipped": [{"kind": one.kind, "qbo_id": one.qbo_id, "amount": one.amount} for one in lines],
        },
    )


def refused_by_lms(noun: str, said: str, detail: Mapping[str, Any]) -> Problem:
    """The LMS database does not accept what was changed in QuickBooks. `said`: its own words."""
    return Problem(
        code="refused_by_lms",
        message=f"{noun} could not be brought from QuickBooks into Pilot: the Pilot database refused it ({said}).",
        resolution="If you can correct it in QuickBooks, do so: the change is picked up automatically. Otherwise ask "
        "support and quote the details.",
        detail=detail,
    )


# ------------------------------------------------------------------ many at once


def mass_delete_held(what: str, count: int, linked: int, *, to_quickbooks: bool) -> Problem:
    """A run would delete or void many records of a lab (rule 8.9). `what`: invoices, credits or payments."""
    there, here = ("Pilot", "QuickBooks") if to_quickbooks else ("QuickBooks", "Pilot")
    deleted = "deleted" if to_quickbooks else "deleted or voided"
    keep = (
        "restore them in Pilot. Or choose Keep: they stay in QuickBooks, and sync again once they are back in Pilot."
        if to_quickbooks
        else "choose Keep: they stay in Pilot and no longer sync, as QuickBooks cannot bring back what was deleted."
    )
    return Problem(
        code="mass_delete_held",
        message=f"In {there}, {count:,} of {linked:,} synced {what} were {deleted}. That is unusually many at once, "
        f"so nothing has been deleted in {here} yet. A restored backup or a reset company looks just like this.",
        resolution="View the records. If they were deleted on purpose, choose Delete: they are then deleted in "
        f"{here} too. If not, {keep}",
        detail={"count": count, "linked": linked},
    )


def _conflict(code: str, message: str, resolution: str, *, lost: str, lms: Any, qbo: Any) -> Problem:
    """Both sides changed: the version that lost is kept beside the one that stays."""
    return Problem(
        code=code, message=message, resolution=resolution, detail={"lost": lost, "lms": plain(lms), "qbo": plain(qbo)}
    )
