"""The demo's data as plain records, before they have ids: they name each other as people name them."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from include.demo.catalogue import Product

CENT = Decimal("0.01")


def cents(amount: Decimal) -> Decimal:
    """Half up to the cent, as invoices are rounded."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


@dataclass(frozen=True)
class Account:
    """A billing account; `labs` order from it, `key` is its name unless two share one."""

    name: str
    structure: str
    labs: tuple[str, ...]
    email: str | None = None
    phone: str | None = None
    key: str = ""

    def __post_init__(self) -> None:
        """An account is known by its name where nothing else is said."""
        if not self.key:
            object.__setattr__(self, "key", self.name)


@dataclass(frozen=True)
class Pair:
    """A doctor at an office, billed to an account (its key)."""

    account: str
    doctor: str
    office: str
    child_name: str


@dataclass(frozen=True)
class Line:
    """One line of a case."""

    product: str
    quantity: Decimal
    unit_price: Decimal
    discount: Decimal = Decimal("0.00")
    notation: str | None = None

    @property
    def amount(self) -> Decimal:
        """Quantity × unit price, before the discount."""
        return cents(self.quantity * self.unit_price)


@dataclass(frozen=True)
class Case:
    """A case, and its invoicing if it is invoiced. The edits are made by hand right afterwards."""

    number: str
    lab: str
    pair: str
    lines: tuple[Line, ...]
    patient: str | None = None
    notes: str | None = None
    invoiced_on: dt.date | None = None
    shipping: Decimal = Decimal("0.00")
    tax: Decimal = Decimal("0.00")
    status: str = "completed"  # while it is not invoiced
    number_by_hand: str | None = None
    total_by_hand: Decimal = Decimal("0.00")  # what somebody added to the total

    @property
    def total(self) -> Decimal:
        """What the LMS bills for it, edits by hand aside."""
        lines = sum((line.amount - line.discount for line in self.lines), Decimal("0.00"))
        return lines + self.shipping + self.tax


@dataclass(frozen=True)
class Receipt:
    """A payment or a credit in the LMS, known by its reference, which never leaves the LMS. Amounts in dollars.

    `pair` is its child name; None: for the account. `words` are a payment's method, a credit's note.
    """

    kind: Literal["payment", "credit"]
    reference: str
    lab: str
    account: str
    pair: str | None
    day: dt.date
    amount: Decimal
    applied: tuple[tuple[str, Decimal], ...] = ()  # case numbers of the invoices, and how much of it each gets
    words: str | None = None


@dataclass(frozen=True)
class MoneyChanges:
    """What happens to payments and credits in the LMS at one go."""

    entered: tuple[Receipt, ...] = ()
    edited: tuple[Receipt, ...] = ()  # as they are from then on
    deleted: tuple[Receipt, ...] = ()
    shipped_again: tuple[str, ...] = ()  # cases whose invoice gets more shipping by hand


@dataclass(frozen=True)
class Assignments:
    """On which of the LMS's records one company's bookkeeper works after the first sync, by what is done to them."""

    cases: Mapping[str, tuple[str, ...]]  # case numbers of invoices
    payments: Mapping[str, Receipt]


@dataclass(frozen=True)
class Changes:
    """What happens in the LMS at one go: new records, then what changes in those that are there."""

    accounts: tuple[Account, ...] = ()
    pairs: tuple[Pair, ...] = ()
    products: tuple[Product, ...] = ()
    cases: tuple[Case, ...] = ()
    invoiced: tuple[tuple[str, dt.date], ...] = ()  # numbers of cases that were there already
    uninvoiced: tuple[str, ...] = ()  # case numbers
    moved: tuple[tuple[str, str], ...] = ()  # pair, the account that it moves to
    restructured: tuple[tuple[str, str], ...] = ()  # account, its structure from now on


@dataclass(frozen=True)
class Problem:
    """A planted problem: the record that must end as an open sync error, and the code that it must carry."""

    kind: str
    entity: str
    key: str
    expected_error_code: str
    why: str
    phase: int = 1


@dataclass(frozen=True)
class Planted:
    """A planted problem, found in the database: by its LMS id on its way to QuickBooks, by QuickBooks' on the other."""

    kind: str
    entity: str
    lms_id: int | None
    expected_error_code: str
    why: str
    direction: str = "lms_to_qbo"
    qbo_id: str | None = None

    @property
    def record(self) -> tuple[str, str, str]:
        """Direction, entity and id: what an error row is known by."""
        return self.direction, self.entity, str(self.lms_id if self.direction == "lms_to_qbo" else self.qbo_id)


@dataclass(frozen=True)
class Bookkeeper:
    """What the bookkeeper has done in one QuickBooks company, told by names only."""

    customers: tuple[str, ...] = ()  # there before the sync: adopted
    items: tuple[str, ...] = ()  # there before the sync: adopted
    vendors: tuple[str, ...] = ()
    employees: tuple[str, ...] = ()
    inactive_customers: tuple[str, ...] = ()
    inactive_items: tuple[str, ...] = ()
    taken_numbers: tuple[tuple[str, str], ...] = ()  # invoice number, customer who has it
    entered_invoices: tuple[str, ...] = ()  # cases whose invoice was typed into QuickBooks by hand: adopted


@dataclass(frozen=True)
class DemoData:
    """Everything that the demo does, in both phases."""

    labs: tuple[str, ...]
    companies: tuple[tuple[str, tuple[str, ...]], ...]  # QuickBooks company, the labs that share it
    initial: Changes
    changes: Changes
    books: tuple[Bookkeeper, ...]  # one per company, before the first sync
    later_books: tuple[Bookkeeper, ...]  # one per company, between the phases
    problems: tuple[Problem, ...]
    receipts: tuple[Receipt, ...] = ()  # before the first sync
    later_money: MoneyChanges = MoneyChanges()
    assignments: tuple[Assignments, ...] = ()  # one per company
