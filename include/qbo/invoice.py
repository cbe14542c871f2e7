"""Invoices as QuickBooks' JSON (dossier 9.4, sync rules section 4)."""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from include.model.invoice import Invoice, InvoiceLine
from include.model.money import ZERO, show, to_cents
from include.model.record import TAX_ITEM, RecordKey
from include.model.settings import CompanyPreferences, ConnectionSettings
from include.qbo.faults import Fault
from include.qbo.text import cut

RESOURCE = "Invoice"
SHIPPING_ITEM = "SHIPPING_ITEM_ID"

Json = dict[str, Any]


def create_body(
    invoice: Invoice,
    references: Mapping[RecordKey, str],
    settings: ConnectionSettings,
    preferences: CompanyPreferences,
) -> Json:
    """The body of a create. `references` holds the QuickBooks ids of the customer and of every item."""
    body: Json = {
        "CustomerRef": {"value": references[invoice.customer]},
        "TxnDate": invoice.date.isoformat(),
        "Line": _lines(invoice, references, settings),
    }
    if preferences.custom_transaction_numbers:
        body["DocNumber"] = invoice.number
    if invoice.due_date:
        body["DueDate"] = invoice.due_date.isoformat()
    memo = cut(invoice.memo)
    if memo:
        body["PrivateNote"] = memo
    if settings.receivable_account_id:
        body["ARAccountRef"] = {"value": settings.receivable_account_id}
    return body


def _lines(invoice: Invoice, references: Mapping[RecordKey, str], settings: ConnectionSettings) -> list[Json]:
    lines = [_product_line(line, references) for line in invoice.lines]
    if invoice.tax:
        lines.append(_item_line(references[TAX_ITEM], invoice.tax))
    if invoice.discount:
        detail: Json = {"PercentBased": False}
        if settings.discount_account_id:
            detail["DiscountAccountRef"] = {"value": settings.discount_account_id}
        # The discount box: an amount. A percentage beside it would be refused (trap 30).
        lines.append({"DetailType": "DiscountLineDetail", "Amount": invoice.discount, "DiscountLineDetail": detail})
    if invoice.shipping:
        # The shipping box; it comes after the discount and is not reduced by it.
        lines.append(
            {
                "DetailType": "SalesItemLineDetail",
                "Amount": invoice.shipping,
                "SalesItemLineDetail": {"ItemRef": {"value": SHIPPING_ITEM}},
            }
        )
    return lines


def _product_line(line: InvoiceLine, references: Mapping[RecordKey, str]) -> Json:
    detail: Json = {"Qty": line.quantity, "UnitPrice": line.unit_price, "TaxCodeRef": {"value": "NON"}}
    if line.product:
        detail["ItemRef"] = {"value": references[line.product]}
    body: Json = {"DetailType": "SalesItemLineDetail", "Amount": line.amount, "SalesItemLineDetail": detail}
    description = cut(line.description)
    if description:
        body["Description"] = description
    return body


def _item_line(item_id: str, amount: Decimal) -> Json:
    detail = {
        "ItemRef": {"value": item_id},
        "Qty": Decimal(1),
        "UnitPrice": amount,
        "TaxCodeRef": {"value": "NON"},
    }
    return {"DetailType": "SalesItemLineDetail", "Amount": amount, "SalesItemLineDetail": detail}


def total(body: Json) -> Decimal:
    """TotalAmt in dollars."""
    return to_cents(Decimal(body.get("TotalAmt", ZERO)))


def is_same(body: Json, invoice: Invoice, customer_id: str) -> bool:
    """Whether an invoice in QuickBooks is this one: same customer, date and total (sync rules, section 2)."""
    return (
        body["CustomerRef"]["value"] == customer_id
        and date.fromisoformat(body["TxnDate"]) == invoice.date
        and total(body) == invoice.total
    )


def came_from(record: Json, body: Json) -> bool:
    """Whether QuickBooks' record was made from this body of ours: number, customer, day, note and lines agree."""
    sent = [line["Amount"] for line in body["Line"]]
    # The subtotal is QuickBooks' own line.
    # A line of text has no amount.
    kept = [line.get("Amount", ZERO) for line in record.get("Line", []) if line["DetailType"] != "SubTotalLineDetail"]
    return (
        body.get("DocNumber", record.get("DocNumber")) == record.get("DocNumber")
        and body["CustomerRef"]["value"] == record["CustomerRef"]["value"]
        and body["TxnDate"] == record["TxnDate"]
        and body.get("PrivateNote") == record.get("PrivateNote")
        and sorted(sent) == sorted(kept)
    )


def number_holder(fault: Fault) -> tuple[str, str] | None:
    """Which transaction has the number, as a 6140 tells in its detail: (type, id)."""
    found = re.search(r"TxnType=(\w+) with TxnId=(\d+)", fault.detail) if fault.code == "6140" else None
    return (found[1], found[2]) if found else None


def in_words(kind: str, record: Json) -> str:
    """A transaction as a bookkeeper would name it."""
    customer = record.get("CustomerRef", {}).get("name") or "an unnamed customer"
    day = date.fromisoformat(record["TxnDate"])
    return f"the {kind.lower()} for {customer} of {day:%m/%d/%Y} over {show(total(record))}"
