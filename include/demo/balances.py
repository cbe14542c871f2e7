"""Both ledgers, record by record, per lab and per customer, to the cent. Amounts in dollars.

The LMS side is what its tables say. QuickBooks' side per lab is what stands behind the links; per customer it is
everything that QuickBooks has for that customer, linked or not, and the balance that QuickBooks itself shows.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import psycopg
from psycopg.rows import class_row

from include.demo.bookkeeper import ENTERED_BY_HAND
from include.demo.forms import is_shipping
from include.demo.ledger import Books
from include.demo.quickbooks import Json

ZERO = Decimal("0.00")

_ENTRIES = Path(__file__).with_name("entries.sql").read_bytes()

#: What QuickBooks calls it, and what of it is still open.
OPEN_FIELD = {"invoice": "Balance", "credit": "Balance", "payment": "UnappliedAmt"}
MEASURES = {
    ("invoice", "total"): "invoices",
    ("invoice", "open"): "  still open",
    ("credit", "total"): "credits",
    ("credit", "open"): "  not applied",
    ("payment", "total"): "payments",
    ("payment", "open"): "  not applied",
}


@dataclass(frozen=True)
class Entry:
    """An invoice, a credit or a payment of the LMS, and where the sync has brought it."""

    entity: str
    id: int
    label: str
    lab: str
    realm_id: str
    origin: str
    total: Decimal
    open: Decimal
    shipping: Decimal
    discount: Decimal
    tax: Decimal
    qbo_id: str | None
    customer: str | None  # QuickBooks' id of the customer that both sides agreed on
    is_own_customer: bool  # … which is the record's account or pair
    error_code: str | None
    outcome: str | None

    @property
    def state(self) -> str:
        """One of synced, failed, waiting, unaccounted."""
        if self.error_code:
            return "failed"
        if self.qbo_id:
            return "synced"
        return "waiting" if self.outcome == "waiting" else "unaccounted"


@dataclass(frozen=True)
class Sums:
    """One measure of one lab."""

    lab: str
    what: str
    records: int
    lms: Decimal
    failed: Decimal
    waiting: Decimal
    qbo: Decimal

    @property
    def expected(self) -> Decimal:
        """What QuickBooks must hold."""
        return self.lms - self.failed - self.waiting

    @property
    def difference(self) -> Decimal:
        """Zero when both ledgers agree."""
        return self.qbo - self.expected


@dataclass
class Standing:
    """How one customer stands in one of the ledgers: sums by entity and measure."""

    sums: dict[tuple[str, str], Decimal] = field(default_factory=lambda: defaultdict(lambda: ZERO))

    def add(self, entity: str, total: Decimal, open_amount: Decimal) -> None:
        """One record more."""
        self.sums[entity, "total"] += total
        self.sums[entity, "open"] += open_amount

    @property
    def owed(self) -> Decimal:
        """What the customer owes: open invoices less what is paid and credited and not applied."""
        return self.sums["invoice", "open"] - self.sums["credit", "open"] - self.sums["payment", "open"]


def read_entries(connection: psycopg.Connection, labs: Sequence[str]) -> list[Entry]:
    """Every invoice, credit and payment of these labs."""
    with connection.cursor(row_factory=class_row(Entry)) as cursor:
        return cursor.execute(
            _ENTRIES,
            [list(labs)],
        ).fetchall()


def documents(book: Books, entity: str) -> Mapping[str, Json]:
    """What a company holds of an entity, by QuickBooks' id."""
    return {"invoice": book.invoices, "credit": book.credits, "payment": book.payments}[entity]


def compare_records(entries: Iterable[Entry], books: Sequence[Books], tax_items: Mapping[str, str]) -> list[str]:
    """Each synced record: amount, what is open of it, customer; of an invoice also shipping, discount and tax."""
    held = {book.realm_id: book for book in books}
    wrong = []
    for entry in entries:
        where = f"{entry.entity} {entry.label} of {entry.lab}"
        if entry.state == "unaccounted":
            wrong.append(f"{where} is neither synced nor failed nor waiting (outcome: {entry.outcome})")
        if entry.state != "synced":
            continue
        record = documents(held[entry.realm_id], entry.entity).get(entry.qbo_id or "")
        if record is None:
            wrong.append(f"{where} is linked to {entry.qbo_id} in QuickBooks, which is not there")
            continue
        amounts = {
            "amount": (entry.total, money(record, "TotalAmt")),
            "open amount": (entry.open, money(record, OPEN_FIELD[entry.entity])),
        }
        if entry.entity == "invoice":
            amounts |= {
                "shipping": (entry.shipping, shipping_of(record)),
                "discount": (entry.discount, discount_of(record)),
                "tax": (entry.tax, tax_of(record, tax_items.get(entry.realm_id, ""))),
            }
        wrong += [
            f"{where}: {what} {here} in the LMS, {there} in QuickBooks"
            for what, (here, there) in amounts.items()
            if here != there
        ]
        if record["CustomerRef"]["value"] != entry.customer or not entry.is_own_customer:
            wrong.append(f"{where} stands with customer {record['CustomerRef']} in QuickBooks, not with its own")
    return wrong


def lab_sums(entries: Sequence[Entry], books: Sequence[Books], labs: Sequence[str]) -> list[Sums]:
    """Per lab and measure: the LMS's total, what of it is failed or waiting, and QuickBooks' total of the rest."""
    held = {book.realm_id: book for book in books}
    sums = []
    for lab in labs:
        for (entity, measure), what in MEASURES.items():
            own = [entry for entry in entries if entry.lab == lab and entry.entity == entity]
            by_state: dict[str, Decimal] = defaultdict(lambda: ZERO)
            there = ZERO
            for entry in own:
                by_state[entry.state] += entry.total if measure == "total" else entry.open
                record = documents(held[entry.realm_id], entity).get(entry.qbo_id or "")
                if entry.state == "synced" and record is not None:
                    there += money(record, "TotalAmt" if measure == "total" else OPEN_FIELD[entity])
            all_of_it = sum(by_state.values(), ZERO)
            sums.append(Sums(lab, what, len(own), all_of_it, by_state["failed"], by_state["waiting"], there))
    return sums


def compare_customers(entries: Sequence[Entry], books: Sequence[Books]) -> tuple[int, list[str]]:
    """How many customers were compared, and where their sums differ.

    Left out on both sides: records with an error, and what the bookkeeper entered for QuickBooks alone.
    """
    wrong = []
    compared = 0
    for book in books:
        own = [entry for entry in entries if entry.realm_id == book.realm_id]
        failed = {(entry.entity, entry.qbo_id) for entry in own if entry.state == "failed"}
        linked = {(entry.entity, entry.qbo_id) for entry in own}
        here: dict[str, Standing] = defaultdict(Standing)
        there: dict[str, Standing] = defaultdict(Standing)
        apart: dict[str, Standing] = defaultdict(Standing)
        for entry in own:
            if entry.state == "synced":
                here[entry.customer or ""].add(entry.entity, entry.total, entry.open)
        for entity, open_field in OPEN_FIELD.items():
            for record in documents(book, entity).values():
                by_hand = record.get("PrivateNote") == ENTERED_BY_HAND and (entity, record["Id"]) not in linked
                side = apart if by_hand or (entity, record["Id"]) in failed else there
                side[record["CustomerRef"]["value"]].add(entity, money(record, "TotalAmt"), money(record, open_field))
        for customer in sorted({*here, *there}, key=lambda id_: (len(id_), id_)):
            name = book.customers.get(customer, {}).get("DisplayName", customer)
            wrong += [
                f"{name} in {book.name}: {entity} {measure} is {here[customer].sums[entity, measure]} in the LMS, "
                f"{there[customer].sums[entity, measure]} in QuickBooks"
                for entity, measure in MEASURES
                if here[customer].sums[entity, measure] != there[customer].sums[entity, measure]
            ]
        for customer, record in book.customers.items():
            owed = here[customer].owed + apart[customer].owed
            if money(record, "Balance") != owed:
                name = record["DisplayName"]
                wrong.append(f"{name} owes {owed} by the LMS, {money(record, 'Balance')} by QuickBooks' own balance")
        compared += len(book.customers)
    return compared, wrong


def check_outcomes(entries: Iterable[Entry]) -> list[str]:
    """Each record has one outcome, and the one that its state calls for."""
    fitting = {
        "synced": {"created", "adopted", "updated", "unchanged"},
        "failed": {"failed"},
        "waiting": {"waiting"},
    }
    entries = list(entries)
    wrong = [
        f"{entry.entity} {entry.label} of {entry.lab} is {entry.state}, but its last outcome is {entry.outcome}"
        for entry in entries
        if entry.outcome not in fitting.get(entry.state, {entry.outcome}) and entry.error_code != "customer_changed"
    ]
    times = Counter((entry.realm_id, entry.entity, entry.id) for entry in entries)
    return wrong + [f"{entity} {id_} has {n} outcomes" for (_, entity, id_), n in times.items() if n > 1]


def money(record: Json, name: str) -> Decimal:
    """An amount of a record; 0 where QuickBooks leaves it out. JSON may write it as an integer."""
    return Decimal(record.get(name) or 0).quantize(ZERO)


def shipping_of(invoice: Json) -> Decimal:
    """What is in the shipping box."""
    return sum((money(line, "Amount") for line in invoice["Line"] if is_shipping(line)), ZERO)


def discount_of(invoice: Json) -> Decimal:
    """What is in the discount box."""
    return sum((money(li, "Amount") for li in invoice["Line"] if li["DetailType"] == "DiscountLineDetail"), ZERO)


def tax_of(invoice: Json, tax_item: str) -> Decimal:
    """QuickBooks' own tax, and the lines with the item Tax."""
    lines = (
        money(line, "Amount")
        for line in invoice["Line"]
        if line.get("SalesItemLineDetail", {}).get("ItemRef", {}).get("value") == tax_item
    )
    return sum(lines, money(invoice.get("TxnTaxDetail") or {}, "TotalTax"))
