"""Both sides of an error's record as rows of a table: what each side says, and where they differ."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import psycopg

from include.lms.document import read_documents
from include.model.document import as_detail
from include.model.money import show
from include.page.database import Row
from include.page.words import day, several
from include.sync.sides import DELETED_IN_PILOT, NOT_IN_PILOT, NOT_IN_QUICKBOOKS

Json = dict[str, Any]

#: The fields in the order in which they are shown. What is left of the money has a name of its own for each kind.
_LABELS = {
    "name": "Name",
    "number": "Number",
    "date": "Date",
    "due_date": "Due date",
    "customer": "Customer",
    "parent": "Sub-customer of",
    "structure": "Accounting structure",
    "voided": "Voided",
    "email": "Email",
    "phone": "Phone",
    "description": "Description",
    "price": "Price",
    "active": "Active",
    "lines": "Lines",
    "discount": "Discount",
    "shipping": "Shipping",
    "tax": "Tax",
    "total": "Total",
    "open_balance": "Open balance",
    "unapplied": "Unapplied",
    "applied": "Applied to",
    "method": "Method",
    "memo": "Memo",
}
_MONEY = {"price", "discount", "shipping", "tax", "total", "open_balance", "unapplied"}
_HIDDEN_AT_ZERO = {"discount", "shipping", "tax"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One line of a value."""

    text: str
    #: A line that the other side does not have.
    differs: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class SideRow:
    """A field on both sides; nothing: the side does not have it."""

    label: str
    lms: tuple[Part, ...]
    qbo: tuple[Part, ...]
    differs: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Sides:
    """What the page shows of a record."""

    rows: tuple[SideRow, ...]
    has_lms: bool
    has_qbo: bool
    #: Why a side is empty.
    lms_absent: str
    qbo_absent: str
    #: When both sides were read; None: not yet, and Pilot's side is as it is now.
    as_of: datetime | None
    differences: int


def sides_of(connection: psycopg.Connection, error: Row, qbo_id: str | None) -> Sides:
    """As the error has them. One that was reported a moment ago may not have them yet: then Pilot's side as it is."""
    kept: Json = error["detail"].get("sides") or {}
    if kept:
        lms, qbo, as_of = kept.get("lms"), kept.get("qbo"), datetime.fromisoformat(kept["as_of"])
    else:
        lms, qbo, as_of = _now(connection, error), None, None
    absent, differs = kept.get("absent", {}), set(kept.get("differs", []))
    rows = tuple(side_rows(lms or {}, qbo or {}, differs))
    unknown = "QuickBooks’ version is shown here after the next sync." if qbo_id else NOT_IN_QUICKBOOKS
    return Sides(
        rows=rows,
        has_lms=lms is not None,
        has_qbo=qbo is not None,
        lms_absent=absent.get("lms") or (DELETED_IN_PILOT if error["lms_id"] else NOT_IN_PILOT),
        qbo_absent=absent.get("qbo") or unknown,
        as_of=as_of,
        differences=sum(row.differs for row in rows),
    )


def _now(connection: psycopg.Connection, error: Row) -> Json | None:
    """Pilot's version now."""
    if error["lms_id"] is None:
        return None
    found = read_documents(connection, error["record_entity"], [str(error["lms_id"])])
    return next((as_detail(document) for document, _ in found.values()), None)


def side_rows(lms: Json, qbo: Json, differs: set[str]) -> list[SideRow]:
    """Two documents (`as_detail`) field by field; `differs` names the fields that are not the same."""
    invoice = (lms or qbo).get("kind") == "invoice"
    rows = []
    for name in _LABELS:
        ours, theirs = _parts(name, lms, qbo), _parts(name, qbo, lms)
        if name in _HIDDEN_AT_ZERO and not lms.get(name) and not qbo.get(name):
            continue
        if ours or theirs:
            label = _label(name, invoice=invoice)
            rows.append(SideRow(label=label, lms=ours, qbo=theirs, differs=name in differs))
    return rows


def _label(name: str, *, invoice: bool) -> str:
    if name == "applied" and invoice:
        return "Paid by"
    return "Reference" if name == "number" and not invoice else _LABELS[name]


def _parts(name: str, side: Json, other: Json) -> tuple[Part, ...]:
    value = side.get(name)
    if value is None:
        return ()
    if name in ("lines", "applied"):
        words = _line if name == "lines" else _applied
        # How often the other side has the same: of two alike, one may be missing there.
        left = [_counted(name, one) for one in other.get(name) or []]
        parts = []
        for one in value:
            here = _counted(name, one)
            same = here in left
            if same:
                left.remove(here)
            parts.append(Part(text=words(one), differs=bool(other) and name in other and not same))
        more = side.get(f"more_{name}")
        if more:
            parts.append(Part(text=f"… and {several(more, 'more line')}"))
        return tuple(parts) or (Part(text="None"),)
    return (Part(text=_words(name, value)),)


def _counted(name: str, one: Json) -> tuple[Any, ...]:
    """What counts when lines are compared (as in `differences`)."""
    if name == "applied":
        return one["document"], one["amount"]
    product = " ".join(str(one.get("product") or "").split()).casefold()
    return product, one["quantity"], one["unit_price"], one["amount"]


def _words(name: str, value: Any) -> str:
    if name in _MONEY:
        return show(Decimal(value))
    if name in ("date", "due_date"):
        return day(date.fromisoformat(value))
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return str(value)


def _line(line: Json) -> str:
    product, description = line.get("product"), line.get("description")
    what = " – ".join(one for one in (product, description) if one) or "No product"
    quantity, price = Decimal(line["quantity"]), Decimal(line["unit_price"])
    return f"{what}: {quantity.normalize():f} × {_price(price)} = {show(Decimal(line['amount']))}"


def _price(price: Decimal) -> str:
    """QuickBooks keeps more decimals of a price than cents."""
    return show(price) if price == price.quantize(Decimal("0.01")) else f"${price.normalize():,f}"


def _applied(one: Json) -> str:
    return f"{one['document']}: {show(Decimal(one['amount']))}"
