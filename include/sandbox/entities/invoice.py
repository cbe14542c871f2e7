"""Invoice (fact 9.4)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from .. import faults
from ..money import ZERO, cents, money
from ..schema import Body, Shape, anything, boolean, day, number
from ..work import Work
from . import payment_links
from .kind import Options, linked, total_of
from .sales_form import FORM, SalesForm

_READ_WRITE_LINKS = ("Estimate", "TimeActivity")


class Invoice(SalesForm):
    """A bill to a customer."""

    name = "Invoice"
    voids = True
    shape = Shape(
        "Invoice",
        FORM
        | {
            "DueDate": day,
            "Deposit": number,
            "FinanceCharge": boolean,
            "AllowIPNPayment": boolean,
            "AllowOnlinePayment": boolean,
            "AllowOnlineCreditCardPayment": boolean,
            "AllowOnlineACHPayment": boolean,
            "AllowOnlinePayPalPayment": boolean,
            "InvoiceLink": None,
            "EInvoiceStatus": None,
            "ECloudStatusTimeStamp": None,
            "invoiceStatus": None,
            "CallToAction": None,
            "CashBack": anything,
        },
    )

    def finish(self, work: Work, old: Body | None, new: Body, options: Options) -> Body:
        self._settle_links(work, old, new)
        self._check_customer_change(work, old, new)
        super().finish(work, old, new, options)
        self._settle_due_date(work, new)
        return new

    def _settle_links(self, work: Work, old: Body | None, new: Body) -> None:
        kept = [link for link in (old or {}).get("LinkedTxn", []) if link["TxnType"] not in _READ_WRITE_LINKS]
        sent = [link for link in new.get("LinkedTxn", []) if link.get("TxnType") in _READ_WRITE_LINKS]
        if sum(link["TxnType"] == "Estimate" for link in sent) > 1:
            raise faults.cannot_link("Invoice.LinkedTxn")
        for link in sent:
            if link["TxnType"] == "Estimate" and work.look("Estimate", str(link.get("TxnId"))) is None:
                raise faults.deleted_transaction()
        new["LinkedTxn"] = [{"TxnId": str(link["TxnId"]), "TxnType": link["TxnType"]} for link in sent] + kept

    def _check_customer_change(self, work: Work, old: Body | None, new: Body) -> None:
        if old is None or new.get("CustomerRef", {}).get("value") == old["CustomerRef"]["value"]:
            return
        if new.get("CustomerRef") and linked(old, "Payment"):
            if work.switch("paid_invoice_customer") == "refuse":
                raise faults.business("You can't change the customer of an invoice that has payments applied.")
            payment_links.release(work, old, ZERO)
            new["LinkedTxn"] = [link for link in new["LinkedTxn"] if link["TxnType"] != "Payment"]
            old["Balance"] = money(total_of(old, "TotalAmt") - total_of(old, "Deposit"))

    def settle_amounts(self, work: Work, old: Body | None, new: Body, total: Decimal) -> None:
        deposit = total_of(new, "Deposit")
        if deposit:
            if deposit < 0 or cents(deposit) > total:
                raise faults.named(
                    "6460", "Invoice deposit amount mismatch", "The deposit exceeds the total.", "Deposit"
                )
            new["Deposit"] = money(deposit)
        applied = ZERO
        if old is not None:
            applied = total_of(old, "TotalAmt") - total_of(old, "Deposit") - total_of(old, "Balance")
        open_amount = total - deposit
        if applied > open_amount:
            if work.switch("lower_paid_invoice") == "refuse":
                raise faults.business("The total can't be less than the amount that has been paid.")
            kept = payment_links.release(work, {**(old or {}), "LinkedTxn": new["LinkedTxn"]}, open_amount)
            new["LinkedTxn"] = [
                link for link in new["LinkedTxn"] if link["TxnType"] != "Payment" or link["TxnId"] in kept
            ]
            applied = open_amount
        new["Balance"] = money(open_amount - applied)
        new.setdefault("AllowIPNPayment", False)
        new.setdefault("AllowOnlinePayment", False)
        new.setdefault("AllowOnlineCreditCardPayment", False)
        new.setdefault("AllowOnlineACHPayment", False)

    def _settle_due_date(self, work: Work, new: Body) -> None:
        customer = work.look("Customer", new["CustomerRef"]["value"]) or {}
        if "SalesTermRef" not in new and "SalesTermRef" in customer:
            new["SalesTermRef"] = customer["SalesTermRef"]
        if new.get("DueDate"):
            return
        term: Body = work.look("Term", new.get("SalesTermRef", {}).get("value", "")) or {}
        days = int(term.get("DueDays", 0))
        new["DueDate"] = (date.fromisoformat(new["TxnDate"]) + timedelta(days=days)).isoformat()

    def saved(self, work: Work, old: Body | None, new: Body) -> None:
        if old is None:
            payment_links.auto_apply_to_invoice(work, new)

    def void_body(self, work: Work, old: Body) -> Body:
        new = super().void_body(work, old)
        payment_links.release(work, old, ZERO)
        new.pop("Deposit", None)
        return new

    def check_delete(self, work: Work, old: Body) -> None:
        super().check_delete(work, old)
        if linked(old, "Payment"):
            if work.switch("paid_invoice_delete") == "refuse":
                raise faults.cannot_delete("The invoice has payments applied to it. Unlink them first.")
            payment_links.release(work, old, ZERO)

    def owes(self, body: Body) -> tuple[str, Decimal] | None:
        return body["CustomerRef"]["value"], total_of(body, "Balance")
