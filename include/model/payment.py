"""A payment of a billing account, and the credits that a lab gives, each applied to invoices."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from include.model.record import Owner, RecordKey


@dataclass(frozen=True, kw_only=True, slots=True)
class Application:
    """Money of a payment or credit that settles an invoice. Dollars, above zero."""

    invoice: RecordKey
    amount: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class Payment:
    """Money received (rule 7). Dollars, to the cent."""

    date: dt.date
    customer: RecordKey
    amount: Decimal
    #: In the order of the invoices' ids.
    applications: tuple[Application, ...] = ()
    method: str | None = None
    #: None: not known.
    owner: Owner | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Credit:
    """A credit given (rule 6). Dollars, to the cent."""

    date: dt.date
    customer: RecordKey
    amount: Decimal
    note: str | None = None
    owner: Owner | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CreditApplication:
    """What of a credit settles which invoices: a zero-total payment in QuickBooks."""

    date: dt.date
    customer: RecordKey
    credit: RecordKey
    applications: tuple[Application, ...]
    owner: Owner | None = None


def ordered(applications: list[Application]) -> tuple[Application, ...]:
    """Applications in the order in which two sides can be compared."""
    return tuple(sorted(applications, key=lambda application: (len(application.invoice.id), application.invoice.id)))
