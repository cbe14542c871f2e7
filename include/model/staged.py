"""The typed rows that go from step to step: what each side said of a record, what is known around it, the plan.

What the LMS said and what QuickBooks said stand here as they were read; nothing is decided in them.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Generic, Literal, TypeVar

from include.model.invoice import Invoice
from include.model.money import ZERO
from include.model.payment import Payment
from include.model.plan import Plan
from include.model.problem import Problem
from include.model.record import Direction, Entity, Outcome, Owner, RecordKey, Side

#: What both sides agree on; what the LMS said; what QuickBooks said; what else the plan needs.
T = TypeVar("T")
L = TypeVar("L")
Q = TypeVar("Q")
C = TypeVar("C")


@dataclass(frozen=True, kw_only=True, slots=True)
class Link(Generic[T]):
    """Which LMS record is which QuickBooks record, and what both last agreed on."""

    lms_id: str
    qbo_id: str
    #: None: linked by hand, and nothing agreed on yet.
    base: T | None
    #: QuickBooks' version when it was last written or read.
    sync_token: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetched(Generic[Q]):
    """The answer to the question what QuickBooks has now."""

    #: None: QuickBooks does not have it (any more), or refuses to show it.
    record: Q | None = None
    #: The fault with which QuickBooks refuses to show the record: nobody can tell what became of it.
    refused: Mapping[str, Any] | None = None
    #: Change capture had just seen it: QuickBooks was not asked again.
    captured: bool = False


@dataclass(kw_only=True, slots=True)
class StagedRecord(Generic[T, L, Q, C]):
    """One record in the hands of one run."""

    entity: Entity
    #: As the mark names it: the LMS's id towards QuickBooks, QuickBooks' id towards the LMS.
    record_id: str
    direction: Direction
    billing_lab_id: int | None
    generation: int
    link_version: int | None
    #: None: not linked.
    link: Link[T] | None
    #: What the LMS said; None: it does not have it.
    lms: L | None = None
    #: What QuickBooks said; None: there was no reason to ask, it is taken to have what was last agreed on.
    qbo: Fetched[Q] | None = None
    #: What else the plan needs to know.
    context: C | None = None
    plan: Plan[T] | None = None
    problems: list[Problem] = field(default_factory=list)
    outcome: Outcome | None = None

    @property
    def key(self) -> RecordKey:
        """Its name among the marks of its direction."""
        return RecordKey(self.entity, self.record_id)

    @property
    def lms_id(self) -> str | None:
        """Its id in the LMS, if it has one."""
        if self.direction == "lms_to_qbo":
            return self.record_id
        return self.link.lms_id if self.link else None

    @property
    def qbo_id(self) -> str | None:
        """Its id in QuickBooks, if it has one."""
        if self.direction == "qbo_to_lms":
            return self.record_id
        return self.link.qbo_id if self.link else None

    @property
    def fetched(self) -> Q | None:
        """What QuickBooks has now, if it was asked."""
        return self.qbo.record if self.qbo else None

    @property
    def problem(self) -> Problem | None:
        """The first thing that stands in its way."""
        return self.problems[0] if self.problems else None

    @property
    def planned(self) -> Plan[T]:
        """The plan. Raises RuntimeError before `transform` has made one."""
        if self.plan is None:
            raise RuntimeError(f"{self.entity} {self.record_id} has no plan yet")
        return self.plan

    @property
    def known(self) -> C:
        """What else is known. Raises RuntimeError before `extract` has read it."""
        if self.context is None:
            raise RuntimeError(f"{self.entity} {self.record_id} has not been read yet")
        return self.context


# ------------------------------------------------------------------ what the LMS said


@dataclass(frozen=True, kw_only=True, slots=True)
class LmsInvoice:
    """An invoice of the LMS, with what the sync of its balance needs. Money in dollars."""

    invoice: Invoice
    #: The rest counts only beside QuickBooks' version, and is read together with it.
    billing_lab_id: int | None = None
    balance: Decimal | None = None
    #: Payments and credits applied in the LMS that QuickBooks does not know yet.
    unsynced_applications: Decimal = ZERO


@dataclass(frozen=True, kw_only=True, slots=True)
class LmsPayment:
    """A payment of the LMS with all that it is applied to."""

    payment: Payment
    billing_lab_id: int
    #: 'lms' or 'qbo': where it was entered.
    origin: str


# ------------------------------------------------------------------ what QuickBooks said


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """A QuickBooks record of which only the version matters."""

    qbo_id: str
    sync_token: str


@dataclass(frozen=True, kw_only=True, slots=True)
class QboInvoiceLine:
    """A sales line. Quantity and price as QuickBooks keeps them, with more decimals than the LMS."""

    item_id: str | None
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal
    description: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class QboInvoice:
    """An invoice as QuickBooks has it. Money in dollars."""

    qbo_id: str
    sync_token: str
    #: None: QuickBooks gave it none.
    number: str | None
    date: dt.date
    due_date: dt.date | None
    customer_id: str
    customer_name: str
    currency: str | None
    #: Sales lines; the boxes of discount and shipping apart.
    lines: tuple[QboInvoiceLine, ...]
    discount: Decimal
    shipping: Decimal
    #: QuickBooks' own tax, beside the lines with the item `Tax`.
    own_tax: Decimal
    total: Decimal
    balance: Decimal
    memo: str | None
    voided: bool
    #: A total without a single line (trap 50).
    lines_lost: bool
    #: By QuickBooks' clock.
    made_at: dt.datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class QboCreditMemo:
    """A credit memo as QuickBooks has it."""

    qbo_id: str
    sync_token: str
    date: dt.date
    amount: Decimal
    customer_id: str
    customer_name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class OtherLine:
    """A line of a payment that links something else than one invoice."""

    #: `CreditMemo`, `JournalEntry`, …
    kind: str
    qbo_id: str
    amount: Decimal
    #: The links as QuickBooks sent them, to be sent back.
    linked: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class QboPayment:
    """A payment as QuickBooks has it. Money in dollars."""

    qbo_id: str
    sync_token: str
    date: dt.date
    customer_id: str
    customer_name: str
    currency: str | None
    amount: Decimal
    #: How much of the payment's own money is applied; credits in it are not its own.
    money_applied: Decimal
    #: QuickBooks invoice id → amount.
    invoices: Mapping[str, Decimal]
    other_lines: tuple[OtherLine, ...]
    method_id: str | None
    #: By QuickBooks' clock.
    made_at: dt.datetime | None = None
    #: Figures that speak of lines that are not there (trap 50).
    lines_lost: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class LmsName:
    """An LMS record as people know it there."""

    key: RecordKey
    name: str
    #: A pair's billing account.
    account: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SettledBy:
    """A payment or credit memo that settles part of an invoice in QuickBooks. Dollars."""

    #: Payment, CreditMemo or another kind.
    kind: str
    qbo_id: str
    #: The payment that links it to the invoice: itself, or the one of $0.00 that applies the credit memo.
    payment_id: str
    date: dt.date | None
    #: All of it, and what of it goes to the invoice.
    amount: Decimal
    applied: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenBalance:
    """What is open of an invoice in QuickBooks, and what has settled the rest. Dollars."""

    qbo_id: str
    number: str
    total: Decimal
    balance: Decimal
    voided: bool
    settled_by: tuple[SettledBy, ...]
    #: Whose it is in QuickBooks; empty: nobody asked.
    customer_id: str = ""
    customer_name: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Duplicate:
    """A payment in QuickBooks that may be the same money as one of the LMS (rule 9)."""

    qbo_id: str
    #: Its copy in the LMS, if it has come there already.
    copy_id: str | None
    date: dt.date
    amount: Decimal
    #: The LMS's account that it is of; all the LMS invoices that it pays.
    account: str
    pays: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedRecord:
    """A QuickBooks record that bears a name which one of ours wants."""

    #: Customer, Vendor, Employee or Item.
    kind: str
    qbo_id: str
    sync_token: str
    #: As QuickBooks shows it: that of an inactive record ends in “ (deleted)”.
    name: str
    active: bool
    #: The customer or category above it; None at the top.
    parent_id: str | None = None
    #: Its name, where QuickBooks tells it.
    parent_name: str | None = None
    #: False for an item that cannot stand on an invoice line, such as a category.
    usable: bool = True
    currency: str | None = None
    #: The LMS record that it is linked to already.
    linked_to: LmsName | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class WantedName:
    """The name that a new record would have in QuickBooks."""

    #: `item`: one of the special items, which nobody can rename in the LMS.
    noun: Literal["customer", "sub-customer", "product", "item"]
    name: str
    #: A sub-customer's billing account in the LMS.
    account: str | None = None
    #: The QuickBooks id of the customer that a sub-customer stands under, once it is known.
    parent_id: str | None = None


# ------------------------------------------------------------------ what else is known


@dataclass(frozen=True, kw_only=True, slots=True)
class Payer:
    """Whom a QuickBooks customer stands for in the LMS."""

    key: RecordKey
    owner: Owner
    #: Linked twice, it stands for more than `key`.
    keys: tuple[RecordKey, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ForeignCustomer:
    """A QuickBooks customer that is billed in another currency than the company's."""

    name: str
    currency: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RefusedLookup:
    """A name or number about which QuickBooks refuses to be asked."""

    name: str
    fault: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftAlone:
    """The record is left alone until somebody asks for it (table left_alone)."""

    #: A refused delete: the side that has lost the record, until it is there again. None: whatever happens to it.
    gone_from: Side | None = None


@dataclass(kw_only=True, slots=True)
class Context:
    """What guards and steps need to know of any record. Each entity adds its own."""

    #: Records that must be linked before this one can be written to QuickBooks.
    missing: tuple[RecordKey, ...] = ()
    #: What an earlier create of ours made in QuickBooks although it was answered with a fault (trap 6).
    unconfirmed: Version | None = None
    #: What both sides agree on with that (JSON of the model), as it was sent; None: it is as it would be sent now.
    unconfirmed_base: Mapping[str, Any] | None = None
    #: What is wrong with a record that may be it.
    unclear: Mapping[str, Any] | None = None
    #: Towards QuickBooks: the transaction's customer there, if it is billed in another currency.
    foreign_customer: ForeignCustomer | None = None
    #: New in the LMS: the lab lets it wait until then (the view qbo_sync.held_invoice).
    held_until: dt.datetime | None = None
    #: Whether QuickBooks has it already cannot be asked.
    refused_lookup: RefusedLookup | None = None
    left_alone: LeftAlone | None = None
