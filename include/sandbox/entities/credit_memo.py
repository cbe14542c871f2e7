"""CreditMemo (fact 9.5)."""

from __future__ import annotations

from decimal import Decimal

from .. import faults
from ..money import ZERO, money
from ..schema import Body, Shape, anything
from ..work import Work
from . import payment_links
from .kind import total_of
from .sales_form import FORM, SalesForm


class CreditMemo(SalesForm):
    """A credit to a customer; a Payment links it to invoices."""

    name = "CreditMemo"
    shape = Shape("CreditMemo", FORM | {"RemainingCredit": None, "InvoiceRef": None, "CashBack": anything})

    def settle_amounts(self, work: Work, old: Body | None, new: Body, total: Decimal) -> None:
        applied = ZERO
        if old is not None:
            applied = total_of(old, "TotalAmt") - total_of(old, "Balance")
            if applied and new["CustomerRef"]["value"] != old["CustomerRef"]["value"]:
                raise faults.business("You can't change the customer of a credit memo that has been applied.")
        if applied > total:
            payment_links.release_credit(work, old or new, total)
            applied = total
        new["Balance"] = new["RemainingCredit"] = money(total - applied)
        new["LinkedTxn"] = []

    def saved(self, work: Work, old: Body | None, new: Body) -> None:
        if old is None:
            payment_links.auto_apply_credit(work, new)

    def check_delete(self, work: Work, old: Body) -> None:
        super().check_delete(work, old)
        payment_links.release_credit(work, old, ZERO)

    def owes(self, body: Body) -> tuple[str, Decimal] | None:
        return body["CustomerRef"]["value"], -total_of(body, "Balance")
