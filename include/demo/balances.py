"""Both ledgers, record by record and box by box, to the cent. Amounts in dollars.

What the customers come to on both sides is the ledger proof's matter (proof.py).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import psycopg
from psycopg.rows import class_row

from include.demo.forms import is_shipping
from include.demo.ledger import Books
from include.demo.quickbooks import Json

ZERO = Decimal("0.00")

_ENTRIES = Path(__file__).with_name("entries.sql").read_bytes()

#: What QuickBooks calls it, and what of it is still open.
OPEN_FIELD = {"invoice": "Balance", "credit": "Balance", "payment": "UnappliedAmt"}


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
