"""Invoices as QuickBooks' JSON, both ways (fact 9.4; rules 4 and 5)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from include.model.invoice import Invoice, InvoiceLine
from include.model.money import ZERO, show
from include.model.record import TAX_ITEM, RecordKey
from include.model.settings import CompanyPreferences, ConnectionSettings
from include.model.staged import QboInvoice, QboInvoiceLine
from include.qbo import record
from include.qbo.client import QboClient
from include.qbo.faults import Fault
from include.qbo.record import money
from include.qbo.text import cut

RESOURCE = "Invoice"
SHIPPING_ITEM = "SHIPPING_ITEM_ID"

Json = dict[str, Any]

# ------------------------------------------------------------------ to QuickBooks


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
        "Line": _lines_to_send(invoice, references, settings),
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


def _lines_to_send(invoice: Invoice, references: Mapping[RecordKey, str], settings: ConnectionSettings) -> list[Json]:
    lines = [_product_line(line, references) for line in invoice.lines]
    if invoice.tax:
        lines.append(item_line(references[TAX_ITEM], invoice.tax))
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


def item_line(item_id: str, amount: Decimal) -> Json:
    """A sales line of one piece of a special item, not taxable."""
    detail = {"ItemRef": {"value": item_id}, "Qty": Decimal(1), "UnitPrice": amount, "TaxCodeRef": {"value": "NON"}}
    return {"DetailType": "SalesItemLineDetail", "Amount": amount, "SalesItemLineDetail": detail}


# ------------------------------------------------------------------ from QuickBooks

#: Lines that make no total.
_NO_SALES = frozenset({"SubTotalLineDetail", "DescriptionOnly", "DescriptionLineDetail", "DiscountLineDetail"})

#: What the LMS keeps of a quantity.
_QUANTITY = Decimal("0.001")


def parse(body: Json) -> QboInvoice:
    """What QuickBooks said."""
    lines: list[QboInvoiceLine] = []
    discount = shipping = ZERO
    for line in _lines(body):
        item, amount = _item(line), money(line.get("Amount"))
        if line["DetailType"] == "DiscountLineDetail":
            discount += amount
        elif line["DetailType"] != "SalesItemLineDetail":
            continue  # subtotals and text
        elif item == SHIPPING_ITEM:
            shipping += amount
        else:
            detail = line["SalesItemLineDetail"]
            lines.append(
                QboInvoiceLine(
                    item_id=item,
                    quantity=Decimal(detail.get("Qty", 1)),
                    unit_price=Decimal(detail.get("UnitPrice", amount)),
                    amount=amount,
                    description=line.get("Description") or None,
                )
            )
    total = record.total(body)
    return QboInvoice(
        qbo_id=body["Id"],
        sync_token=body["SyncToken"],
        number=str(body["DocNumber"]) if body.get("DocNumber") else None,
        date=date.fromisoformat(body["TxnDate"]),
        due_date=date.fromisoformat(body["DueDate"]) if body.get("DueDate") else None,
        customer_id=body["CustomerRef"]["value"],
        customer_name=record.customer_name(body),
        currency=record.currency(body),
        lines=tuple(lines),
        discount=discount,
        shipping=shipping,
        own_tax=money(body.get("TxnTaxDetail", {}).get("TotalTax")),
        total=total,
        balance=money(body.get("Balance")),
        memo=body.get("PrivateNote") or None,
        # Nothing else tells a void (fact 9.4): no amounts, and the note says so.
        voided=total == 0 and str(body.get("PrivateNote", "")).startswith("Voided"),
        # A total, but nothing that it is made of: a fault of QuickBooks', not an edit (trap 50).
        lines_lost=total != 0 and all(line["DetailType"] in _NO_SALES for line in _lines(body)),
        made_at=record.created_at(body) if "MetaData" in body else None,
    )


def _lines(body: Json) -> Iterator[Json]:
    """Its lines, those of groups among them."""
    for line in body.get("Line", []):
        if line["DetailType"] == "GroupLineDetail":
            yield from line.get("GroupLineDetail", {}).get("Line", [])
        else:
            yield line


def _item(line: Json) -> str | None:
    item = line.get("SalesItemLineDetail", {}).get("ItemRef", {}).get("value")
    return None if item is None else str(item)


# ------------------------------------------------------------------ finding


def find_by_number(
    client: QboClient, numbers: Sequence[str], refused: dict[str, Fault] | None = None
) -> list[QboInvoice]:
    """Invoices of these numbers. `refused` takes the numbers about which QuickBooks refuses to be asked."""
    return [parse(body) for body in client.find(RESOURCE, "DocNumber", numbers, refused=refused)]


def find_by_id(client: QboClient, ids: Sequence[str]) -> list[QboInvoice]:
    """Invoices of these ids."""
    return [parse(body) for body in client.find(RESOURCE, "Id", ids)]


def find_candidates(client: QboClient, bodies: Sequence[Json]) -> list[Json]:
    """What creates with these bodies may have made: invoices of their numbers; of their days where QuickBooks numbers
    them itself."""
    if all("DocNumber" in body for body in bodies):
        return client.find(RESOURCE, "DocNumber", [body["DocNumber"] for body in bodies])
    return client.find_all(RESOURCE, "TxnDate", [body["TxnDate"] for body in bodies])


def is_made_from(candidate: Json, body: Json) -> bool:
    """Whether QuickBooks' record was made from this body of ours: number, customer, day, note and lines agree."""
    sent = [line["Amount"] for line in body["Line"]]
    # The subtotal is QuickBooks' own line. A line of text has no amount.
    kept = [
        line.get("Amount", ZERO) for line in candidate.get("Line", []) if line["DetailType"] != "SubTotalLineDetail"
    ]
    return (
        body.get("DocNumber", candidate.get("DocNumber")) == candidate.get("DocNumber")
        and body["CustomerRef"]["value"] == candidate["CustomerRef"]["value"]
        and body["TxnDate"] == candidate["TxnDate"]
        and body.get("PrivateNote") == candidate.get("PrivateNote")
        and sorted(sent) == sorted(kept)
    )


# ------------------------------------------------------------------ for messages and refusals


def number_holder(fault: Fault) -> tuple[str, str] | None:
    """Which transaction has the number, as a 6140 says in its detail: (type, id)."""
    found = re.search(r"TxnType=(\w+) with TxnId=(\d+)", fault.detail) if fault.code == "6140" else None
    return (found[1], found[2]) if found else None


def in_words(kind: str, body: Json) -> str:
    """A transaction as a bookkeeper would name it."""
    customer = body.get("CustomerRef", {}).get("name") or "an unnamed customer"
    day = date.fromisoformat(body["TxnDate"])
    return f"the {kind.lower()} of {show(record.total(body))} for {customer}, dated {day:%m/%d/%Y}"


def item_ids(body: Json) -> list[str]:
    """The items of the company's own on a body's lines."""
    return [item for line in body.get("Line", []) if (item := _item(line)) is not None and item.isdigit()]


def payment_ids(body: Json) -> list[str]:
    """The payments that are linked to an invoice."""
    return [one["TxnId"] for one in body.get("LinkedTxn", []) if one.get("TxnType") == "Payment"]
