"""Names what was deleted in QuickBooks, where it refuses a payment or a credit's application for that (610)."""

from typing import Any

from include.model.money import show
from include.model.problem import Problem
from include.qbo.client import QboClient
from include.qbo.faults import Fault
from include.sync.intents import Intent
from include.sync.words import is_gone

Json = dict[str, Any]

#: What the LMS's payments and credits link.
_KINDS = ("Invoice", "CreditMemo")


def name_what_is_gone(problem: Problem, noun: str, fault: Fault, intent: Intent, client: QboClient) -> Problem:
    """The problem with the invoices or the credit memo that the payment links and QuickBooks does not have any more."""
    if not is_gone(fault):
        return problem
    linked = [
        (one, line["Amount"])
        for line in intent.payload.get("Line", [])
        for one in line["LinkedTxn"]
        if one["TxnType"] in _KINDS
    ]
    there = {
        (kind, body["Id"])
        for kind in _KINDS
        for body in client.find(kind, "Id", [one["TxnId"] for one, _ in linked if one["TxnType"] == kind])
    }
    gone = [(one, amount) for one, amount in linked if (one["TxnType"], one["TxnId"]) not in there]
    if not gone:
        return problem
    detail = {**problem.detail, "gone": [{**one, "Amount": amount} for one, amount in gone]}
    if any(one["TxnType"] == "CreditMemo" for one, _ in gone):
        return Problem(
            code="applied_to_deleted",
            message=f"{noun} cannot be made in QuickBooks: the credit memo was deleted there.",
            resolution="Delete the credit in Pilot too; enter it anew if the credit memo was deleted by mistake.",
            detail=detail,
        )
    amounts = " and ".join(show(amount) for _, amount in gone)
    which = "the invoice that takes" if len(gone) == 1 else "the invoices that take"
    was = "was" if len(gone) == 1 else "were"
    return Problem(
        code="applied_to_deleted",
        message=f"{noun} cannot be applied in QuickBooks: {which} {amounts} of it {was} deleted there.",
        resolution="Un-invoice the case in Pilot too, or apply the money to another invoice; if it was deleted by "
        "mistake, invoice the case again.",
        detail=detail,
    )
