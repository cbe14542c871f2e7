"""Business records as plain JSON values and back: for staging and for the base of a link.

Decimals travel as JSON numbers (PostgreSQL's jsonb keeps them exact), dates as ISO text, record keys as pairs.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Any

from include.model.customer import Customer
from include.model.invoice import Invoice, InvoiceLine
from include.model.payment import Application, Credit, CreditApplication, Payment
from include.model.product import Product
from include.model.record import RecordKey

Canonical = Customer | Product | Invoice | Credit | CreditApplication | Payment


def to_plain(record: Canonical) -> dict[str, Any]:
    """The record as a dict that `from_plain` reads back."""

    def plain(value: Any) -> Any:
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, dict):
            return {name: plain(member) for name, member in value.items()}
        if isinstance(value, (list, tuple)):
            return [plain(member) for member in value]
        return value

    return {name: plain(value) for name, value in asdict(record).items()}


def customer_from_plain(plain: Mapping[str, Any]) -> Customer:
    """Read back a customer."""
    return Customer(**{**plain, "parent": _key(plain["parent"])})


def product_from_plain(plain: Mapping[str, Any]) -> Product:
    """Read back a product."""
    return Product(**{**plain, "unit_price": _decimal(plain["unit_price"])})


def invoice_from_plain(plain: Mapping[str, Any]) -> Invoice:
    """Read back an invoice."""
    lines = tuple(
        InvoiceLine(
            product=_key(line["product"]),
            quantity=Decimal(line["quantity"]),
            unit_price=Decimal(line["unit_price"]),
            amount=Decimal(line["amount"]),
            description=line["description"],
        )
        for line in plain["lines"]
    )
    money = {name: Decimal(plain[name]) for name in ("total", "discount", "shipping", "tax")}
    return Invoice(
        number=plain["number"],
        date=date.fromisoformat(plain["date"]),
        due_date=date.fromisoformat(plain["due_date"]) if plain["due_date"] else None,
        customer=_required_key(plain["customer"]),
        lines=lines,
        memo=plain["memo"],
        origin=plain["origin"],
        **money,
    )


def payment_from_plain(plain: Mapping[str, Any]) -> Payment:
    """Read back a payment."""
    return Payment(
        date=date.fromisoformat(plain["date"]),
        customer=_required_key(plain["customer"]),
        amount=Decimal(plain["amount"]),
        applications=applications_from_plain(plain["applications"]),
        method=plain["method"],
    )


def credit_from_plain(plain: Mapping[str, Any]) -> Credit:
    """Read back a credit."""
    return Credit(
        date=date.fromisoformat(plain["date"]),
        customer=_required_key(plain["customer"]),
        amount=Decimal(plain["amount"]),
        note=plain["note"],
    )


def credit_application_from_plain(plain: Mapping[str, Any]) -> CreditApplication:
    """Read back the applications of a credit."""
    return CreditApplication(
        date=date.fromisoformat(plain["date"]),
        customer=_required_key(plain["customer"]),
        credit=_required_key(plain["credit"]),
        applications=applications_from_plain(plain["applications"]),
    )


def applications_from_plain(plain: Any) -> tuple[Application, ...]:
    """Read back applications."""
    return tuple(
        Application(invoice=_required_key(one["invoice"]), amount=Decimal(one["amount"])) for one in plain or ()
    )


def _required_key(pair: Any) -> RecordKey:
    return RecordKey(pair[0], pair[1])


def _key(pair: Any) -> RecordKey | None:
    return RecordKey(pair[0], pair[1]) if pair else None


def _decimal(value: Any) -> Decimal | None:
    return None if value is None else Decimal(value)
