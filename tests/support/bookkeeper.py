"""What the bookkeeper enters and changes in QuickBooks, and the JSON of it. Money is `Decimal` dollars, or its text."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from tests.support.quickbooks import Json, QuickBooks
from tests.support.world import World


@contextmanager
def an_hour_ago(world: World) -> Iterator[None]:
    """What is entered in the block was entered an hour ago, by QuickBooks' clock."""
    world.qbo.control("POST", "clock", {"advance_seconds": -3600})
    try:
        yield
    finally:
        world.qbo.control("POST", "clock", {"advance_seconds": 3600})


def sale(amount: str | Decimal, item: str | None = None, quantity: str = "1", **more: Any) -> Json:
    """A line of an invoice."""
    detail: Json = {"Qty": Decimal(quantity), "UnitPrice": Decimal(amount), "TaxCodeRef": {"value": "NON"}}
    if item:
        detail["ItemRef"] = {"value": item}
    total = (Decimal(amount) * Decimal(quantity)).quantize(Decimal("0.01"))
    return {"Amount": total, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": detail, **more}


def shipping(amount: str | Decimal) -> Json:
    """The shipping box."""
    return {
        "Amount": Decimal(amount),
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {"ItemRef": {"value": "SHIPPING_ITEM_ID"}},
    }


def discount(amount: str | Decimal) -> Json:
    """The discount box."""
    return {
        "Amount": Decimal(amount),
        "DetailType": "DiscountLineDetail",
        "DiscountLineDetail": {"PercentBased": False},
    }


def pays(invoice: Json, amount: str | Decimal, kind: str = "Invoice") -> Json:
    """A line of a payment."""
    return {"Amount": Decimal(amount), "LinkedTxn": [{"TxnId": invoice["Id"], "TxnType": kind}]}


def in_quickbooks(world: World, customer: str, *lines: Json, **more: Any) -> Json:
    """An invoice that the bookkeeper enters."""
    return world.qbo.create(
        "Invoice",
        **{
            "CustomerRef": {"value": customer},
            "TxnDate": "2026-06-20",
            "Line": list(lines or [sale("80.00")]),
            **more,
        },
    )


def received(world: World, customer: str, amount: str, *lines: Json, **more: Any) -> Json:
    """A payment that the bookkeeper enters."""
    body = {"CustomerRef": {"value": customer}, "TotalAmt": Decimal(amount), "TxnDate": "2026-06-22"}
    return world.qbo.create("Payment", **{**body, "Line": list(lines), **more})


def fresh(world: World, made: Json, kind: str = "Invoice") -> Json:
    """The record as QuickBooks has it now."""
    return world.qbo.call(f"{kind.lower()}/{made['Id']}")[kind]


def change(world: World, made: Json, **changes: Any) -> None:
    """Change a payment, other fields as they are."""
    now = fresh(world, made, "Payment")
    world.qbo.update("Payment", now, **{"CustomerRef": now["CustomerRef"], **changes})


def remove(world: World, made: Json, kind: str = "Invoice") -> None:
    """Delete a record."""
    answer = world.qbo.call(kind.lower(), _token(fresh(world, made, kind)), operation="delete")
    assert "Fault" not in answer, answer


def void(world: World, made: Json, kind: str = "Invoice") -> None:
    """Void an invoice, or a payment, of which QuickBooks wants it in another form."""
    token = _token(fresh(world, made, kind))
    if kind == "Payment":
        answer = world.qbo.call("payment", {**token, "sparse": True}, operation="update", include="void")
    else:
        answer = world.qbo.call(kind.lower(), token, operation="void")
    assert "Fault" not in answer, answer


def _token(record: Json) -> Json:
    return {"Id": record["Id"], "SyncToken": record["SyncToken"]}


def without_accounts(qbo: QuickBooks, type_: str) -> None:
    """No account of the type is active any more."""
    for account in qbo.all("Account"):
        if account["AccountType"] == type_:
            qbo.deactivate("Account", account)
