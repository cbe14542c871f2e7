"""Payment (fact 9.6)."""

from __future__ import annotations

from decimal import Decimal

from .. import faults
from ..money import ZERO, cents, money
from ..schema import COMMON, Body, Shape, anything, boolean, day, many, number, part, ref, text
from ..store import Column
from ..work import Work, reference
from . import payment_links
from .kind import Kind, Options, linked, total_of, voided_note
from .sales_form import LINKED_TXN, check_open_period

_LINE = part(
    "Line",
    {
        "Id": anything,
        "LineNum": anything,
        "Description": text(4000),
        "Amount": number,
        "LinkedTxn": LINKED_TXN,
        "LineEx": None,
        "DetailType": text(50),
        "CustomField": anything,
    },
)


class Payment(Kind):
    """Money received, and what it pays."""

    name = "Payment"
    family = "Transaction"
    transaction = True
    voids = True
    shape = Shape(
        "Payment",
        COMMON
        | {
            "CustomerRef": ref,
            "ProjectRef": ref,
            "TotalAmt": number,
            "UnappliedAmt": None,
            "TxnDate": day,
            "PaymentRefNum": text(21),
            "PaymentMethodRef": ref,
            "DepositToAccountRef": ref,
            "ARAccountRef": ref,
            "CurrencyRef": ref,
            "ExchangeRate": number,
            "PrivateNote": text(4000),
            "Line": many(_LINE),
            "LinkedTxn": None,
            "ProcessPayment": boolean,
            "CreditCardPayment": anything,
            "TxnSource": text(50),
            "TxnStatus": text(50),
            "TransactionLocationType": text(50),
            "TaxExemptionRef": anything,
            "HomeTotalAmt": None,
        },
    )
    columns = (
        Column("CustomerRef", "ref", indexed=True),
        Column("ProjectRef", "ref"),
        Column("PaymentRefNum", indexed=True),
        Column("TotalAmt", "number"),
        Column("TxnDate", "date", indexed=True),
        Column("UnappliedAmt", "number", filterable=False, sortable=False),
    )

    def update(self, work: Work, body: Body, options: Options) -> Body:
        # Required even in a sparse update (fact 9.0).
        self.check_not_deposited(self.current(work, body))
        if not body.get("CustomerRef"):
            raise faults.missing("CustomerRef")
        return super().update(work, body, options)

    def finish(self, work: Work, old: Body | None, new: Body, options: Options) -> Body:
        if "CustomerRef" not in new:
            raise faults.missing("CustomerRef")
        customer = reference(work, old, new, "CustomerRef", "Customer", "Names", "customers")
        if "TotalAmt" not in new:
            raise faults.business("You must set a transaction amount.")
        if new["TotalAmt"] < 0:
            raise faults.named("2290", "Negative amounts", "The amount can't be negative.", "TotalAmt")
        new["TotalAmt"] = money(new["TotalAmt"])
        new.setdefault("TxnDate", (old or {}).get("TxnDate") or work.stamp[:10])
        check_open_period(work, old, new)
        self._references(work, old, new)
        if customer is not None:
            new["CurrencyRef"] = customer["CurrencyRef"]
        new["Line"] = [self._line(line) for line in new.get("Line", [])]
        payment_links.check_lines(work, old, new)
        payment_links.check_open_periods(work, old, new)
        new["UnappliedAmt"] = money(payment_links.unapplied(new))
        new.setdefault("ProcessPayment", False)
        new["LinkedTxn"] = (old or {}).get("LinkedTxn", [])
        return new

    def _references(self, work: Work, old: Body | None, new: Body) -> None:
        reference(work, old, new, "PaymentMethodRef", "PaymentMethod", "PaymentMethods", "payment methods", "Name")
        receivable = reference(work, old, new, "ARAccountRef", "Account", "Accounts", "accounts", "Name")
        if receivable is not None and receivable["AccountType"] != "Accounts Receivable":
            raise faults.named("6430", "Invalid account type used", "The receivable account has another type.")
        if "DepositToAccountRef" not in new:
            new["DepositToAccountRef"] = {"value": undeposited_funds(work)}
        account = reference(work, old, new, "DepositToAccountRef", "Account", "Accounts", "accounts", "Name")
        if account is not None and account["AccountType"] not in ("Bank", "Other Current Asset"):
            raise faults.named("6430", "Invalid account type used", "Deposit to a bank or other current asset account.")

    @staticmethod
    def _line(line: Body) -> Body:
        amount = line.get("Amount")
        if amount is None:
            raise faults.missing("Amount")
        if amount < 0:
            raise faults.negative_number("Line.Amount", amount)
        links = line.get("LinkedTxn") or []
        if not links:
            raise faults.missing("LinkedTxn")
        kept = []
        for link in links:
            if link.get("TxnType") not in payment_links.LINKABLE:
                raise faults.bad_enumeration("TxnType", link.get("TxnType"))
            if not link.get("TxnId"):
                raise faults.missing("TxnId")
            kept.append({"TxnId": str(link["TxnId"]), "TxnType": link["TxnType"]})
        return {"Amount": money(amount), "LinkedTxn": kept}

    def saved(self, work: Work, old: Body | None, new: Body) -> None:
        payment_links.settle(work, new["Id"], payment_links.amounts(old), payment_links.amounts(new))
        payment_links.describe_lines(work, new)

    def void_body(self, work: Work, old: Body) -> Body:
        self.check_not_deposited(old)
        check_open_period(work, old, old)
        payment_links.check_open_periods(work, old, None)
        payment_links.settle(work, old["Id"], payment_links.amounts(old), {})
        return old | {
            "TotalAmt": ZERO,
            "UnappliedAmt": ZERO,
            "Line": [],
            "PrivateNote": voided_note(old.get("PrivateNote")),
        }

    def check_delete(self, work: Work, old: Body) -> None:
        self.check_not_deposited(old)
        check_open_period(work, old, old)
        payment_links.check_open_periods(work, old, None)
        payment_links.settle(work, old["Id"], payment_links.amounts(old), {})

    @staticmethod
    def check_not_deposited(old: Body) -> None:
        """6540: even a one-field update of a payment in a bank deposit (trap 18)."""
        if linked(old, "Deposit"):
            raise faults.deposited()

    def owes(self, body: Body) -> tuple[str, Decimal] | None:
        return body["CustomerRef"]["value"], -cents(total_of(body, "UnappliedAmt"))


def undeposited_funds(work: Work) -> str:
    """The account that payments wait in until they are deposited."""
    table = work.company.table("Account")
    for record in table.records.values():
        if table.value(record, "AccountSubType") == "UndepositedFunds":
            return record.id
    raise faults.missing("DepositToAccountRef")
