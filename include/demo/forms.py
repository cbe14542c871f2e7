"""The forms that a bookkeeper fills in, as QuickBooks' JSON. Amounts in dollars."""

from collections.abc import Sequence
from decimal import Decimal

from include.demo.quickbooks import Json
from include.demo.records import cents

SHIPPING = "SHIPPING_ITEM_ID"
NO_TAX = {"value": "NON"}


def item_line(item_id: str, quantity: Decimal, unit_price: Decimal, description: str | None = None) -> Json:
    """So much of an item."""
    detail = {"ItemRef": {"value": item_id}, "Qty": quantity, "UnitPrice": unit_price, "TaxCodeRef": NO_TAX}
    line: Json = {
        "DetailType": "SalesItemLineDetail",
        "Amount": cents(quantity * unit_price),
        "SalesItemLineDetail": detail,
    }
    return line | ({"Description": description} if description else {})


def text_line(text: str) -> Json:
    """Words alone."""
    return {"DetailType": "DescriptionOnly", "Description": text, "DescriptionLineDetail": {}}


def shipping_line(amount: Decimal) -> Json:
    """What QuickBooks shows in the shipping box."""
    return {
        "DetailType": "SalesItemLineDetail",
        "Amount": amount,
        "SalesItemLineDetail": {"ItemRef": {"value": SHIPPING}},
    }


def discount_line(amount: Decimal) -> Json:
    """What QuickBooks shows in the discount box."""
    return {"DetailType": "DiscountLineDetail", "Amount": amount, "DiscountLineDetail": {"PercentBased": False}}


def is_shipping(line: Json) -> bool:
    """Whether a line is the shipping box."""
    return bool(line.get("SalesItemLineDetail", {}).get("ItemRef", {}).get("value") == SHIPPING)


def own_lines(form: Json) -> list[Json]:
    """The lines of a form as it was read, without QuickBooks' own subtotal."""
    return [line for line in form["Line"] if line["DetailType"] != "SubTotalLineDetail"]


def product_lines(form: Json) -> list[Json]:
    """The lines with an item that is not the shipping box."""
    return [line for line in own_lines(form) if line.get("SalesItemLineDetail") and not is_shipping(line)]


def more_of_first(form: Json, quantity: Decimal = Decimal(0), rate: Decimal = Decimal(0)) -> list[Json]:
    """All lines, the first product's quantity or rate raised."""
    lines = own_lines(form)
    first = product_lines(form)[0]
    detail = first["SalesItemLineDetail"]
    price = Decimal(detail.get("UnitPrice", first["Amount"])) + rate
    count = Decimal(detail.get("Qty", 1)) + quantity
    changed = {
        **first,
        "Amount": cents(count * price),
        "SalesItemLineDetail": {**detail, "Qty": count, "UnitPrice": price},
    }
    return [changed if line is first else line for line in lines]


def with_shipping(form: Json, amount: Decimal) -> list[Json]:
    """All lines, and this in the shipping box."""
    return [*(line for line in own_lines(form) if not is_shipping(line)), shipping_line(amount)]


def with_discount(form: Json, amount: Decimal) -> list[Json]:
    """All lines, and this in the discount box."""
    others = [line for line in own_lines(form) if line["DetailType"] != "DiscountLineDetail"]
    return [*others, discount_line(amount)]


def pays(record_id: str, amount: Decimal, kind: str = "Invoice") -> Json:
    """A payment's line: so much for that invoice, or from that credit memo."""
    return {"Amount": amount, "LinkedTxn": [{"TxnId": record_id, "TxnType": kind}]}


def payment(customer_id: str, amount: Decimal, lines: Sequence[Json], number: str) -> Json:
    """Money that came in, under the number of the check."""
    return {
        "CustomerRef": {"value": customer_id},
        "TotalAmt": amount,
        "PaymentRefNum": number,
        "Line": list(lines),
    }


def key(record: Json) -> Json:
    """What a change of a record, or its end, has to name."""
    return {"Id": record["Id"], "SyncToken": record["SyncToken"], "sparse": True}
