"""QuickBooks' invoices as invoices of the business (dossier 9.4, sync rules section 5)."""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from include.model.invoice import Invoice, InvoiceLine
from include.model.money import CENT, ZERO, extend, to_cents
from include.model.record import TAX_ITEM, RecordKey
from include.qbo.invoice import SHIPPING_ITEM, total

Json = dict[str, Any]

#: What the LMS keeps of a quantity.
_QUANTITY = Decimal("0.001")


def item_ids(body: Json) -> set[str]:
    """The items on its lines."""
    return {item for line in _lines(body) if (item := _item(line)) is not None}


def from_body(body: Json, items: Mapping[str, RecordKey], customer: RecordKey) -> Invoice:
    """The invoice. `items`: which product or special item each QuickBooks item is; a line of any other has none."""
    lines: list[InvoiceLine] = []
    discount = shipping = ZERO
    tax = _money(body.get("TxnTaxDetail", {}).get("TotalTax"))
    for line in _lines(body):
        item, amount = _item(line), _money(line.get("Amount"))
        if line["DetailType"] == "DiscountLineDetail":
            discount += amount
        elif line["DetailType"] != "SalesItemLineDetail":
            continue  # subtotals and text
        elif item == SHIPPING_ITEM:
            shipping += amount
        elif item is not None and items.get(item) == TAX_ITEM:
            tax += amount
        else:
            lines.append(_line(line, amount, items.get(item) if item else None))
    return Invoice(
        number=number(body),
        date=date.fromisoformat(body["TxnDate"]),
        due_date=date.fromisoformat(body["DueDate"]) if body.get("DueDate") else None,
        customer=customer,
        lines=tuple(lines),
        discount=discount,
        shipping=shipping,
        tax=tax,
        total=total(body),
        memo=body.get("PrivateNote") or None,
        origin="qbo",
    )


def number(body: Json) -> str:
    """Its number; where numbers are off, one made of its id."""
    return str(body.get("DocNumber") or number_by_id(body["Id"]))


def number_by_id(qbo_id: str) -> str:
    """The number of an invoice whose number in QuickBooks is none, or says nothing."""
    return f"QBO-{qbo_id}"


def balance(body: Json) -> Decimal:
    """What is still open of it."""
    return _money(body.get("Balance"))


def is_voided(body: Json) -> bool:
    """Nothing else tells a void (dossier 9.4): no amounts, and the note says so."""
    return total(body) == 0 and str(body.get("PrivateNote", "")).startswith("Voided")


def has_lost_its_lines(body: Json) -> bool:
    """A total, but nothing that it is made of: a fault of QuickBooks', not an edit (trap 50)."""
    return total(body) != 0 and not any(line["DetailType"] == "SalesItemLineDetail" for line in _lines(body))


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


def _line(line: Json, amount: Decimal, product: RecordKey | None) -> InvoiceLine:
    detail = line["SalesItemLineDetail"]
    quantity = Decimal(detail.get("Qty", 1)).quantize(_QUANTITY)
    unit_price = Decimal(detail.get("UnitPrice", amount)).quantize(CENT)
    if extend(quantity, unit_price) != amount:
        # QuickBooks keeps more decimals than the LMS, and lets people type an amount: the amount is what counts.
        quantity, unit_price = Decimal("1.000"), amount
    return InvoiceLine(
        # The tax item is dealt with above; of the others only products stand on a line of the LMS.
        product=product if product and product.entity == "product" else None,
        quantity=quantity,
        unit_price=unit_price,
        amount=amount,
        description=line.get("Description") or None,
    )


def _money(value: Any) -> Decimal:
    return to_cents(Decimal(value if value is not None else 0))
