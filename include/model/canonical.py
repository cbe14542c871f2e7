"""What a record of any kind says, as far as its kind has it."""

import datetime as dt
from decimal import Decimal

from include.model.customer import Customer
from include.model.invoice import Invoice
from include.model.money import ZERO
from include.model.payment import CreditApplication
from include.model.product import Product
from include.model.record import RecordKey
from include.model.typed_json import Canonical


def customer_of(record: Canonical | None) -> RecordKey | None:
    """The customer that a transaction is for; None for customers and items."""
    return None if record is None or isinstance(record, Customer | Product) else record.customer


def day_of(record: Canonical | None) -> dt.date | None:
    """A transaction's day; None for customers and items."""
    return None if record is None or isinstance(record, Customer | Product) else record.date


def amount_of(record: Canonical | None) -> Decimal | None:
    """A transaction's amount in dollars, of a credit's applications their sum; None for customers and items."""
    if isinstance(record, Invoice):
        return record.total
    if isinstance(record, CreditApplication):
        return sum((one.amount for one in record.applications), ZERO)
    return None if record is None or isinstance(record, Customer | Product) else record.amount
