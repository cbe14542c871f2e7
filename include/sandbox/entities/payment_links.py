"""Links between payments, invoices and credit memos, seen from the invoice's side (dossier 9.4 to 9.6)."""

from __future__ import annotations

from decimal import Decimal

from ..schema import Body
from ..work import Work


def release(work: Work, invoice: Body, keep: Decimal) -> set[str]:
    """Take payments off an invoice until at most `keep` stays applied; the ids of those that stay linked."""
    return set()


def auto_apply_to_invoice(work: Work, invoice: Body) -> None:
    """With AutoApplyPayments or AutoApplyCredit on, open payments and credits go to a new invoice."""
