"""Whether QuickBooks says what a run left there, whichever version it calls it."""

from typing import Any

from include.model.invoice import Invoice
from include.model.payment import Credit
from include.model.typed_json import Canonical
from include.qbo import credit_memo as qbo_credit
from include.qbo import invoice as qbo_invoice


def says_the_same(left: Canonical | None, body: dict[str, Any]) -> bool:
    """Of an invoice or a credit memo, in what the sync writes of it; of anything else only its version tells."""
    if isinstance(left, Credit):
        memo = qbo_credit.parse(body)
        return (memo.amount, memo.date) == (left.amount, left.date)
    if isinstance(left, Invoice):
        now = qbo_invoice.parse(body)
        boxes = (now.number, now.date, now.total, now.discount, now.shipping, now.memo or "")
        return boxes == (left.number, left.date, left.total, left.discount, left.shipping, left.memo or "")
    return False
