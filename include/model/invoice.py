"""An invoice of a billing lab to a billing account."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from include.model.money import ZERO, to_cents
from include.model.record import Owner, RecordKey


@dataclass(frozen=True, kw_only=True, slots=True)
class InvoiceLine:
    """One product line. Money in dollars."""

    product: RecordKey | None
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal
    description: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Invoice:
    """An invoice in business terms. Money in dollars, to the cent."""

    number: str
    date: dt.date
    customer: RecordKey
    lines: tuple[InvoiceLine, ...]
    total: Decimal
    due_date: dt.date | None = None
    discount: Decimal = ZERO
    shipping: Decimal = ZERO
    tax: Decimal = ZERO
    memo: str | None = None
    #: 'lms' when a case was invoiced, 'qbo' when the invoice came from QuickBooks.
    origin: str = "lms"
    #: None: not known.
    owner: Owner | None = None

    @property
    def line_total(self) -> Decimal:
        """The lines' amounts added up, before discount, shipping and tax."""
        return to_cents(sum((line.amount for line in self.lines), ZERO))

    @property
    def computed_total(self) -> Decimal:
        """What QuickBooks will make of the parts (fact 9.4): lines − discount + shipping + tax."""
        return to_cents(self.line_total - self.discount + self.shipping + self.tax)
