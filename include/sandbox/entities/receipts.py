"""SalesReceipt, RefundReceipt and Estimate: sales forms that leave no open balance (issue 3)."""

from __future__ import annotations

from decimal import Decimal

from .. import faults
from ..money import ZERO
from ..schema import Body, Shape, anything, day, text
from ..work import Work
from .kind import Options, linked
from .payment import undeposited_funds
from .sales_form import FORM, SalesForm


class SalesReceipt(SalesForm):
    """A sale paid at once."""

    name = "SalesReceipt"
    voids = True
    needs_customer = False
    shape = Shape(
        "SalesReceipt",
        FORM
        | {"PaymentType": text(30), "CreditCardPayment": anything, "ProcessPayment": anything, "CheckNum": text(21)},
    )

    def finish(self, work: Work, old: Body | None, new: Body, options: Options) -> Body:
        if old is not None and linked(old, "Deposit"):
            raise faults.deposited()
        if "DepositToAccountRef" not in new:
            new["DepositToAccountRef"] = {"value": undeposited_funds(work)}
        super().finish(work, old, new, options)
        new["LinkedTxn"] = (old or {}).get("LinkedTxn", [])
        return new

    def settle_amounts(self, work: Work, old: Body | None, new: Body, total: Decimal) -> None:
        new["Balance"] = ZERO

    def void_body(self, work: Work, old: Body) -> Body:
        if linked(old, "Deposit"):
            raise faults.deposited()
        return super().void_body(work, old)

    def check_delete(self, work: Work, old: Body) -> None:
        super().check_delete(work, old)
        if linked(old, "Deposit"):
            raise faults.deposited()


class RefundReceipt(SalesForm):
    """Money given back."""

    name = "RefundReceipt"
    needs_customer = False
    shape = Shape(
        "RefundReceipt",
        FORM | {"CreditCardPayment": anything, "CheckNum": text(21), "CheckPayment": anything, "PaymentType": text(30)},
    )

    def finish(self, work: Work, old: Body | None, new: Body, options: Options) -> Body:
        if "DepositToAccountRef" not in new:
            raise faults.missing("DepositToAccountRef")
        return super().finish(work, old, new, options)

    def settle_amounts(self, work: Work, old: Body | None, new: Body, total: Decimal) -> None:
        new["Balance"] = ZERO


class Estimate(SalesForm):
    """An offer; it may be linked from one invoice."""

    name = "Estimate"
    shape = Shape(
        "Estimate",
        FORM | {"ExpirationDate": day, "AcceptedBy": text(100), "AcceptedDate": day, "DueDate": day},
    )

    def settle_amounts(self, work: Work, old: Body | None, new: Body, total: Decimal) -> None:
        new.setdefault("TxnStatus", "Pending")
