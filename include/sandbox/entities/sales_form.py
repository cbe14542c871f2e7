"""What invoices, credit memos, sales receipts, refund receipts and estimates share (facts 9.4, 9.5)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from .. import faults
from ..money import ZERO, money
from ..schema import (
    ADDRESS,
    CLEARED,
    COMMON,
    MEMO,
    Body,
    Check,
    anything,
    boolean,
    day,
    email,
    many,
    number,
    one_of,
    part,
    ref,
    text,
)
from ..store import Column
from ..work import Work, reference
from . import tax
from .kind import Kind, Options, voided_note
from .sales_lines import LINE, build

TAX_DETAIL = part(
    "TxnTaxDetail",
    {
        "DefaultTaxCodeRef": ref,
        "TxnTaxCodeRef": ref,
        "TotalTax": number,
        "TaxReviewStatus": anything,
        "UseAutomatedSalesTax": boolean,
        "TaxLine": anything,
    },
)
LINKED_TXN = many(
    part("LinkedTxn", {"TxnId": text(20), "TxnType": text(40), "TxnLineId": text(20), "LinkId": anything})
)

FORM: dict[str, Check | None] = COMMON | {
    "DocNumber": text(21),
    "AutoDocNumber": boolean,
    "TxnDate": day,
    "DepartmentRef": ref,
    "ClassRef": ref,
    "CurrencyRef": ref,
    "ExchangeRate": number,
    "PrivateNote": text(4000),
    "TxnStatus": text(50),
    "TxnSource": text(50),
    "TransactionLocationType": text(50),
    "LinkedTxn": LINKED_TXN,
    "Line": many(LINE),
    "TxnTaxDetail": TAX_DETAIL,
    "TaxExemptionRef": anything,
    "CustomerRef": ref,
    "ProjectRef": ref,
    "CustomerMemo": MEMO,
    "BillAddr": ADDRESS,
    "ShipAddr": ADDRESS,
    "ShipFromAddr": ADDRESS,
    "FreeFormAddress": boolean,
    "SalesTermRef": ref,
    "SalesRepRef": ref,
    "PONumber": text(30),
    "ShipMethodRef": anything,
    "ShipDate": day,
    "TrackingNum": text(31),
    "ApplyTaxAfterDiscount": boolean,
    "GlobalTaxCalculation": one_of("TaxExcluded", "TaxInclusive", "NotApplicable"),
    "PrintStatus": one_of("NotSet", "NeedToPrint", "PrintComplete"),
    "EmailStatus": one_of("NotSet", "NeedToSend", "EmailSent"),
    "BillEmail": email,
    "BillEmailCc": email,
    "BillEmailBcc": email,
    "ARAccountRef": ref,
    "PaymentMethodRef": ref,
    "PaymentRefNum": text(21),
    "DepositToAccountRef": ref,
    "RecurDataRef": None,
    "DeliveryInfo": None,
    "TotalAmt": None,
    "HomeTotalAmt": None,
    "Balance": None,
    "HomeBalance": None,
    "DiscountRate": number,
    "DiscountAmt": number,
    "Tag": anything,
}


class SalesForm(Kind):
    """A form with a customer, lines and a total."""

    family: ClassVar[str] = "Transaction"
    transaction = True
    needs_customer: ClassVar[bool] = True
    first_number: ClassVar[int] = 1001
    kept_in_full_update = ("CurrencyRef", "CustomField", "PrintStatus", "EmailStatus", "ApplyTaxAfterDiscount")
    columns = (
        Column("DocNumber", indexed=True),
        Column("CustomerRef", "ref", indexed=True),
        Column("TxnDate", "date", indexed=True),
        Column("TotalAmt", "number"),
        Column("Balance", "number"),
        Column("DueDate", "date"),
        Column("ProjectRef", "ref"),
    )

    def finish(self, work: Work, old: Body | None, new: Body, options: Options) -> Body:
        customer = self._customer(work, old, new)
        if not new.get("Line"):
            raise faults.missing("Line")
        new.setdefault("TxnDate", (old or {}).get("TxnDate") or work.stamp[:10])
        check_open_period(work, old, new)
        self._copy_from_customer(new, customer)
        self._references(work, old, new)
        lines = build(work, new["Line"], (old or {}).get("Line", []))
        new["Line"] = lines.as_sent_back()
        if new.pop("GlobalTaxCalculation", None) == "NotApplicable" and "TxnTaxDetail" in new:
            raise faults.named("6170", "TxnTaxDetail with GlobalTaxCalculation NotApplicable", "")
        tax_total = tax.compute(work, new, lines)
        total = lines.subtotal - lines.discount + lines.shipping + tax_total
        if total < 0:
            raise faults.business("Transaction amount must be 0 or greater.")
        new["TotalAmt"] = money(total)
        self.settle_number(work, old, new, options)
        self.settle_amounts(work, old, new, total)
        if new.get("EmailStatus") == "NeedToSend" and not new.get("BillEmail"):
            raise faults.named("6420", "Email address is required", "Supply BillEmail.", "BillEmail")
        new.setdefault("EmailStatus", "NotSet")
        new.setdefault("PrintStatus", "NeedToPrint")
        new.setdefault("ApplyTaxAfterDiscount", False)
        return new

    def settle_amounts(self, work: Work, old: Body | None, new: Body, total: Decimal) -> None:
        """Balance and what else follows from the total."""

    def _customer(self, work: Work, old: Body | None, new: Body) -> Body | None:
        held = new.get("CustomerRef")
        if not held:
            if self.needs_customer:
                raise faults.missing("CustomerRef")
            return None
        return reference(work, old, new, "CustomerRef", "Customer", "Names", "customers")

    def _copy_from_customer(self, new: Body, customer: Body | None) -> None:
        if customer is None:
            return
        for field in ("BillAddr", "ShipAddr"):
            if field not in new and field in customer:
                new[field] = customer[field]
        if "BillEmail" not in new and "PrimaryEmailAddr" in customer:
            new["BillEmail"] = customer["PrimaryEmailAddr"]
        if new.get("CurrencyRef", {}).get("value") not in (None, customer["CurrencyRef"]["value"]):
            raise faults.business("Change transaction currency to match the customer's currency.")
        new["CurrencyRef"] = customer["CurrencyRef"]

    def _references(self, work: Work, old: Body | None, new: Body) -> None:
        reference(work, old, new, "SalesTermRef", "Term", "Terms", "terms", "Name")
        reference(work, old, new, "DepartmentRef", "Department", "Departments", "departments", "Name")
        reference(work, old, new, "ClassRef", "Class", "Classes", "classes", "Name")
        reference(work, old, new, "PaymentMethodRef", "PaymentMethod", "PaymentMethods", "payment methods", "Name")
        deposit = reference(work, old, new, "DepositToAccountRef", "Account", "Accounts", "accounts", "Name")
        if deposit is not None and deposit["AccountType"] not in ("Bank", "Other Current Asset"):
            raise faults.named("6430", "Invalid account type used", "Deposit to a bank or other current asset account.")
        receivable = reference(work, old, new, "ARAccountRef", "Account", "Accounts", "accounts", "Name")
        if receivable is not None and receivable["AccountType"] != "Accounts Receivable":
            raise faults.named("6430", "Invalid account type used", "The receivable account has another type.")

    def settle_number(self, work: Work, old: Body | None, new: Body, options: Options) -> None:
        """DocNumber (fact 9.4): automatic or custom, and 6140 where the company warns of duplicates."""
        custom = bool(work.preferences.get("SalesFormsPrefs", {}).get("CustomTxnNumbers"))
        wanted = new.get("DocNumber")
        automatic = bool(new.pop("AutoDocNumber", False)) or wanted == "AUTO_GENERATE"
        if old is None and (automatic or (not custom and not wanted)):
            new["DocNumber"] = self._next_number(work)
            return
        if automatic:
            new["DocNumber"] = (old or {}).get("DocNumber") or self._next_number(work)
            return
        if not wanted and not custom and old is not None and old.get("DocNumber"):
            new["DocNumber"] = old["DocNumber"]
            return
        if not wanted or (old is not None and old.get("DocNumber") == wanted):
            return
        warned = custom and work.switch("duplicate_number_warning")
        if warned and "allowduplicatedocnum" not in options.get("include", ""):
            for other in work.company.table(self.name).named("DocNumber", wanted):
                if other.id != (old or {}).get("Id"):
                    raise faults.duplicate_number(wanted, self.name, other.id)

    def _next_number(self, work: Work) -> str:
        counters = work.company.counters
        number = max(counters.get("DocNumber", 0) + 1, self.first_number)
        counters["DocNumber"] = number
        work.server.journal.counter(work.company.realm, "DocNumber", number)
        return str(number)

    def void_body(self, work: Work, old: Body) -> Body:
        """All amounts and quantities 0, UnitPrice gone, links cleared, `Voided` in the note (fact 9.4)."""
        check_open_period(work, old, old)
        new: Body = dict(old)
        new["Line"] = [_voided_line(line) for line in old["Line"] if line["DetailType"] != "DiscountLineDetail"]
        new["TotalAmt"] = new["Balance"] = ZERO
        new["TxnTaxDetail"] = {"TotalTax": ZERO}
        new["PrivateNote"] = voided_note(old.get("PrivateNote"))
        new["LinkedTxn"] = []
        return new

    def check_delete(self, work: Work, old: Body) -> None:
        check_open_period(work, old, old)


def _voided_line(line: Body) -> Body:
    new: dict[str, Any] = dict(line)
    if "Amount" in new:
        new["Amount"] = ZERO
    detail = new.get("SalesItemLineDetail")
    if detail is not None:
        new["SalesItemLineDetail"] = {k: v for k, v in detail.items() if k != "UnitPrice"} | {"Qty": ZERO}
    return new


class PeriodClosedQuietly(Exception):
    """The write is in a closed period, and the company answers 200 and does nothing (trap 19)."""


def check_open_period(work: Work, old: Body | None, new: Body) -> None:
    """6210 for anything dated, before or after the change, on or before the closing date (fact 8.4)."""
    closed = work.preferences.get("AccountingInfoPrefs", {}).get("BookCloseDate")
    if not closed:
        return
    dates = [body["TxnDate"] for body in (old, new) if body and body.get("TxnDate", CLEARED) != CLEARED]
    if any(date <= closed for date in dates):
        if old is not None and work.switch("closed_period") == "ignore":
            raise PeriodClosedQuietly
        raise faults.period_closed()
