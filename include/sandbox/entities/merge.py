"""Merging two customers, which only QuickBooks' own web page can do (facts 9.1, 7.3 and 7.4; trap 54)."""

from __future__ import annotations

from .. import faults
from ..work import Work
from .registry import KINDS

_WITH_CUSTOMER = ("Invoice", "CreditMemo", "Payment", "SalesReceipt", "RefundReceipt", "Estimate")


def merge_customers(work: Work, loser: str, winner: str) -> None:
    """Transactions and sub-customers move to the winner with new times; the loser disappears (R)."""
    customer = KINDS["Customer"]
    gone, kept = work.read("Customer", loser), work.read("Customer", winner)
    if gone is None or kept is None or loser == winner:
        raise faults.not_found()
    for name in _WITH_CUSTOMER:
        for record in work.company.table(name).named("CustomerRef", loser):
            body = record.load()
            body["CustomerRef"] = {"value": winner, "name": kept["DisplayName"]}
            work.save(KINDS[name], body)
    for child in work.company.children("Customer", loser):
        body = child.load()
        body["ParentRef"] = {"value": winner, "name": kept["DisplayName"]}
        body["FullyQualifiedName"] = f"{kept['FullyQualifiedName']}:{body['DisplayName']}"
        work.save(customer, body)
    work.save(customer, kept)
    work.remove(customer, loser)
    work.forget_event("Customer", loser)
    work.tell("Customer", winner, "Merge", loser)
