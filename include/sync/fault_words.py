"""QuickBooks' faults in the words of a bookkeeper: what is wrong, and what to do.

One table from fault code to words; codes from fact 8.4. The fault itself goes into the error's detail.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from include.model.money import show
from include.model.problem import Problem, in_quickbooks, listed
from include.qbo import credit_memo as qbo_credit
from include.qbo import payment as qbo_payment
from include.qbo import record as qbo_record
from include.qbo.client import QboClient
from include.qbo.faults import Fault, is_missing
from include.qbo.open_balance import open_balances
from include.sync.intents import Intent
from include.sync.plan import problems
from include.sync.plan.problems import RETRY

#: What happens once the record is corrected in Pilot.
_AT_ONCE = "Pilot then sends it again automatically."
_CLOSED = (
    "{record} is dated in a period that is closed in QuickBooks.",
    f"Move the closing date in QuickBooks (Account and settings > Advanced). {RETRY}",
)

#: Code → (what is wrong, what to do and what happens then). {record} is e.g. “Invoice 1042”, {detail} what QuickBooks
#: says.
WORDS: Mapping[str, tuple[str, str]] = {
    "620": (
        "QuickBooks did not apply {record_lower}: it and its invoice are for different customers.",
        "In Pilot, change its billing account or doctor–office pair to match the invoice, or apply it to another "
        "invoice. Pilot sends that right away. If it is a payment that is already in QuickBooks, you can change "
        "its customer there instead: Pilot tries again within minutes.",
    ),
    "6140": (
        "{record} cannot be created in QuickBooks: its number is already used there.",
        f"Give the other transaction in QuickBooks a different number. {RETRY}",
    ),
    "6240": (
        "{record} cannot be created in QuickBooks: another customer, vendor, or employee already has this name.",
        "Look for the name in QuickBooks, among inactive records too. Rename one of the two, in QuickBooks or in "
        f"Pilot, so that the names differ. {RETRY}",
    ),
    "2040": (
        "{record} contains a character that QuickBooks does not allow.",
        f"Remove colons, tabs, and line breaks from its name in Pilot. {_AT_ONCE}",
    ),
    "2050": (
        "{record} has a text that is too long for QuickBooks. QuickBooks says: {detail}",
        f"Shorten the text in Pilot. {_AT_ONCE}",
    ),
    "2210": (
        "{record} has an e-mail address that QuickBooks does not accept.",
        f"Correct the e-mail address in Pilot. {_AT_ONCE}",
    ),
    "6070": (
        "{record} has a line whose amount is not quantity × price. QuickBooks says: {detail}",
        f"Correct the line in Pilot. {_AT_ONCE}",
    ),
    "6200": _CLOSED,
    "6210": _CLOSED,
    "6190": (
        "{record} cannot be sent: the QuickBooks subscription has ended or was not paid, so the company is read-only.",
        f"Renew the QuickBooks subscription. {RETRY}",
    ),
    "6430": (
        "{record} uses a QuickBooks account of the wrong type.",
        f"Choose other accounts for this lab on the QuickBooks Online page. {RETRY}",
    ),
    "6540": (
        "{record} is part of a bank deposit in QuickBooks and cannot be changed.",
        f"Remove it from the deposit in QuickBooks. {RETRY}",
    ),
    "5020": (
        "{record} was refused: the person who connected QuickBooks does not have permission to do this there.",
        f"Ask a QuickBooks administrator to reconnect the company on the QuickBooks Online page. {RETRY}",
    ),
    "5030": (
        "{record} needs a feature that this QuickBooks subscription does not have. QuickBooks says: {detail}",
        f"Upgrade the QuickBooks subscription, or change the record so that it does not need the feature. {RETRY}",
    ),
}

_INACTIVE = (
    "{record} uses a customer, product, or account that was made inactive in QuickBooks. QuickBooks says: {detail}",
    f"Make it active again in QuickBooks. {RETRY}",
)
_UNKNOWN_REFERENCE = (
    "{record} uses a customer, product, or account that QuickBooks no longer has. QuickBooks says: {detail}",
    "Check the lab's accounts on the QuickBooks Online page, and whether the record's customer and products are still "
    f"in QuickBooks. {RETRY}",
)
_OTHER = (
    "QuickBooks refused {record_lower}: {detail}",
    f"Correct it as QuickBooks says. {RETRY} If you do not know what to do, ask support and quote the tracking id in "
    "the details.",
)
_NO_REASON = (
    "QuickBooks refused {record_lower}: {detail}",
    f"Ask support and quote the tracking id in the details. {RETRY}",
)


def explain(fault: Fault, record: str) -> Problem:
    """The fault as a problem of `record` (e.g. “Invoice 1042”)."""
    code = f"qbo_{fault.code}" if fault.code else f"http_{fault.status}"
    if fault.code in ("610", "2500") and "inactive" in fault.detail:
        code, (message, resolution) = "inactive_reference", _INACTIVE
    elif fault.code in ("610", "2500"):
        message, resolution = _UNKNOWN_REFERENCE
    else:
        message, resolution = WORDS.get(fault.code, _OTHER if fault.code else _NO_REASON)
    said = fault.detail or fault.message
    words = {"record": record, "record_lower": record[:1].lower() + record[1:], "detail": said}
    return Problem(
        code=code,
        message=message.format(**words),
        resolution=resolution.format(**words),
        detail=fault.as_detail(),
    )


# ------------------------------------------------------------------ what is made more exact


_CHECK_THE_PERIOD = (
    f"Check in QuickBooks whether the books are closed for its date, and if so, move the closing date. {RETRY}"
)


def not_taken_over(noun: str, kept: Decimal, detail: Mapping[str, Any], *, beside: str = "") -> Problem:
    """QuickBooks has been seen to answer 200 and change nothing in a closed year (trap 19)."""
    return Problem(
        code="not_taken_over",
        message=f"{noun} was sent, but QuickBooks kept the amount of {show(kept)}{beside}.",
        resolution=_CHECK_THE_PERIOD,
        detail=detail,
    )


def not_deleted(noun: str) -> Problem:
    """As with what is changed there (trap 19), QuickBooks may answer 200 to a delete and keep the record."""
    return Problem(
        code="not_taken_over",
        message=f"{noun} was deleted in Pilot, but QuickBooks kept it.",
        resolution=_CHECK_THE_PERIOD,
    )


def number_in_use(problem: Problem, invoice: str, holder: str, kind: str, qbo_id: str) -> Problem:
    """Who has the number (6140). `holder`: e.g. “the invoice of $150.00 for Walk-in Repairs, dated 11/24/2026”."""
    return replace(
        problem,
        message=f"{invoice} cannot be created in QuickBooks: its number is already used there by {holder}.",
        detail={**problem.detail, "holder": kind, "holder_id": qbo_id},
        causes=(in_quickbooks(kind, qbo_id),),
    )


def item_name_in_use(problem: Problem, noun: str) -> Problem:
    """Products share their names with products and services only, not with customers (6240)."""
    return replace(
        problem,
        message=f"{noun} cannot be created in QuickBooks: another product or service already has this name.",
    )


def inactive(problem: Problem, invoice: str, names: Sequence[str]) -> Problem:
    """What an invoice uses and is inactive. `names`: e.g. “the customer “Main Street Dental””."""
    them = listed(names)
    verb = "is" if len(names) == 1 else "are"
    return replace(
        problem,
        message=f"{invoice} cannot be created in QuickBooks: {them} {verb} inactive there.",
        resolution=f"Make {them} active again in QuickBooks. {RETRY}",
    )


def different_customers(problem: Problem, noun: str, customer: str, owners: Sequence[str]) -> Problem:
    """What a payment links and whose that is (620). `customer`: its own; `owners`: “invoice 1042 is for …”."""
    if not owners:
        return problem
    return replace(
        problem,
        message=f"QuickBooks did not apply {noun[:1].lower()}{noun[1:]}: it is for “{customer}”, but {listed(owners)}.",
    )


def memo_in_use(problem: Problem, noun: str, used: Decimal) -> Problem:
    """A credit was changed in Pilot in a way that QuickBooks refuses while its credit memo is applied (6000)."""
    return replace(
        problem,
        message=f"{noun} was changed in Pilot, but QuickBooks does not change its credit memo, because {show(used)} of "
        "it is already applied there.",
        resolution="Take the credit memo off what it is applied to in QuickBooks, or undo the change in Pilot. Pilot "
        "then tries again automatically.",
    )


def less_open(problem: Problem, noun: str, intent: Intent, client: QboClient) -> Problem:
    """More is applied than is open (6000): on which invoice, and what has settled the rest; or that the credit memo is
    used up. As QuickBooks says it where it is neither."""
    invoices, others = qbo_payment.lines_of(intent.payload)
    memo = next((line for line in others if line.kind == "CreditMemo"), None)
    there = open_balances(client, list(invoices))
    wanted = [(amount, there[id_]) for id_, amount in invoices.items() if id_ in there]
    held_by = memo.qbo_id if memo else qbo_record.id_in(intent.payload)
    found = problems.less_open(noun, wanted, held_by=held_by)
    if found is None and memo:
        left = qbo_credit.left(client, memo.qbo_id)
        found = problems.less_left(noun, memo.amount, left) if left is not None and left < memo.amount else None
    return replace(found, detail={**problem.detail, **found.detail}) if found else problem


def applied_to_deleted(problem: Problem, noun: str, deleted: Sequence[dict[str, Any]]) -> Problem:
    """Invoices or a credit memo that a payment links were deleted. `deleted`: see qbo.payment.deleted_links."""
    detail = {**problem.detail, "deleted": deleted}
    if any(qbo_payment.of_credit_memo(one) for one in deleted):
        return Problem(
            code="applied_to_deleted",
            message=f"{noun} cannot be sent to QuickBooks: the credit memo was deleted there.",
            resolution="Delete the credit in Pilot too. If the credit memo was deleted by mistake, enter the credit in"
            " Pilot again as a new one. Pilot then sends the change automatically.",
            detail=detail,
        )
    one = len(deleted) == 1
    invoices, verb, were = ("invoice", "is", "was") if one else ("invoices", "are", "were")
    return Problem(
        code="applied_to_deleted",
        message=f"{noun} cannot be applied in QuickBooks: the {invoices} to which "
        f"{qbo_payment.amounts_in_words(deleted)} of it {verb} applied {were} deleted there.",
        resolution="Un-invoice the case in Pilot too, or apply the money to another invoice. If the invoice was deleted"
        " by mistake, invoice the case again. Pilot then sends the change automatically.",
        detail=detail,
    )


# ------------------------------------------------------------------ payments and applied credits


def customer_not_taken_over(noun: str, intent: Intent, answer: dict[str, Any]) -> Problem | None:
    """An answer of 200 does not say that a payment or credit memo was moved to another customer (trap 19): compare."""
    if qbo_record.customer_id(intent.payload) in (None, qbo_record.customer_id(answer)):
        return None
    kept = qbo_record.customer_name(answer)
    return Problem(
        code="not_taken_over",
        message=f"{noun} was moved to another customer in Pilot, but QuickBooks kept it for “{kept}”.",
        resolution=_CHECK_THE_PERIOD,
    )


def payment_not_taken_over(noun: str, intent: Intent, answer: dict[str, Any]) -> Problem | None:
    """An answer of 200 does not say that the change of a payment was made (trap 19): compare."""
    sent, kept = qbo_payment.lines_of(intent.payload)[0], qbo_payment.lines_of(answer)[0]
    amount, kept_amount = qbo_record.total(intent.payload), qbo_record.total(answer)
    if amount == kept_amount and (sent == kept or (intent.operation == "create" and sent.items() <= kept.items())):
        return customer_not_taken_over(noun, intent, answer)
    detail = {"qbo_amount": kept_amount, "lms_amount": amount, "qbo_invoices": kept, "lms_invoices": sent}
    beside = "" if sent == kept else " and the invoices that it was applied to"
    return not_taken_over(noun, kept_amount, detail, beside=beside)


def explain_payment(fault: Fault, noun: str, intent: Intent, client: QboClient) -> Problem:
    """The fault in words; for a refused link, which invoice and why."""
    problem = _with_deleted_links(explain(fault, noun), noun, fault, intent, client)
    if fault.code == "6000":
        return less_open(problem, noun, intent, client)
    if fault.code == "620":
        return different_customers(problem, noun, *qbo_payment.customers(client, intent.payload))
    return problem


def explain_application(fault: Fault, noun: str, intent: Intent, client: QboClient) -> Problem:
    """As for a payment, for one that applies a credit."""
    problem = explain(fault, noun)
    if fault.code == "620":
        return different_customers(problem, noun, *qbo_payment.customers(client, intent.payload))
    if fault.code == "6000":
        return less_open(problem, noun, intent, client)
    return _with_deleted_links(problem, noun, fault, intent, client)


def _with_deleted_links(problem: Problem, noun: str, fault: Fault, intent: Intent, client: QboClient) -> Problem:
    """Named, where the payment links invoices or a credit memo that QuickBooks no longer has."""
    deleted = qbo_payment.deleted_links(client, intent.payload) if is_missing(fault) else []
    return applied_to_deleted(problem, noun, deleted) if deleted else problem
