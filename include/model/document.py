"""A record as people see it, the same for both sides: what an error shows of it in Pilot and in QuickBooks.

For reading only: nothing is planned or written by it.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from include.model.typed_json import plain

#: An error's detail stays small: so many lines of a document, and of what is applied to it, are kept in it …
LINES_SHOWN = 50
#: … and so many characters of a text.
TEXT_SHOWN = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentLine:
    """A line of an invoice or credit memo. Dollars."""

    product: str | None
    description: str | None
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class Applied:
    """Money between two documents. Dollars."""

    #: The other one as people name it: “Invoice 1042”, “Payment of 06/15/2026”.
    document: str
    amount: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """An invoice, payment, credit, customer or item. None: its kind, or this side, does not have it. Dollars."""

    #: invoice, payment, credit, customer or product
    kind: str
    number: str | None = None
    date: dt.date | None = None
    due_date: dt.date | None = None
    customer: str | None = None
    voided: bool | None = None
    lines: tuple[DocumentLine, ...] | None = None
    discount: Decimal | None = None
    shipping: Decimal | None = None
    tax: Decimal | None = None
    total: Decimal | None = None
    #: What is left to pay of an invoice.
    open_balance: Decimal | None = None
    #: What is left of a payment or credit.
    unapplied: Decimal | None = None
    #: Of an invoice: what paid it. Of a payment or credit: what it pays.
    applied: tuple[Applied, ...] | None = None
    method: str | None = None
    memo: str | None = None
    # customers and items
    name: str | None = None
    #: The customer above a sub-customer.
    parent: str | None = None
    #: How the account is kept: combined, or detailed by doctor–office pair.
    structure: str | None = None
    email: str | None = None
    phone: str | None = None
    description: str | None = None
    price: Decimal | None = None
    active: bool | None = None


_COMPARED = tuple(Document.__dataclass_fields__.keys() - {"kind", "customer", "parent", "lines", "applied"})


def differences(lms: Document, qbo: Document, *, same_customer: bool | None = None) -> list[str]:
    """The fields in which the two sides differ, in the order of `Document`. What one side has not is no difference.

    `same_customer`: whether QuickBooks' customer (of a sub-customer: the parent) is the one that Pilot's is linked to,
    whatever their names; None: the names tell.
    """
    found = {name for name in _COMPARED if _differ(getattr(lms, name), getattr(qbo, name))}
    if lms.kind != "invoice":
        found.discard("number")  # a check's or reference number does not sync (rule 7)
    whose = "parent" if lms.kind == "customer" else "customer"
    if same_customer is None:
        same_customer = not _differ(getattr(lms, whose), getattr(qbo, whose))
    if not same_customer:
        found.add(whose)
    if lms.lines is not None and qbo.lines is not None and _lines(lms.lines) != _lines(qbo.lines):
        found.add("lines")
    if lms.applied is not None and qbo.applied is not None and _applied(lms.applied) != _applied(qbo.applied):
        found.add("applied")
    return [name for name in Document.__dataclass_fields__ if name in found]


def _differ(ours: Any, theirs: Any) -> bool:
    if ours is None or theirs is None:
        return False
    return bool(_text(ours) != _text(theirs))


def _text(value: Any) -> Any:
    """Neither side minds blanks, and QuickBooks not how a name is capitalized."""
    return " ".join(value.split()).casefold() if isinstance(value, str) else value


def _lines(lines: Sequence[DocumentLine]) -> list[tuple[Any, ...]]:
    """What counts in them: product and amounts, in the order of the lines."""
    return [(_text(one.product), one.quantity, one.unit_price, one.amount) for one in lines]


def _applied(applied: Sequence[Applied]) -> list[tuple[str, Decimal]]:
    return sorted((one.document, one.amount) for one in applied)


def as_detail(document: Document) -> dict[str, Any]:
    """The document for an error's detail: without what it does not have, and short. `more_lines` and `more_applied`
    count what was left out."""
    detail = {name: value for name, value in plain(document).items() if value is not None}
    for name in ("lines", "applied"):
        members = detail.get(name, [])
        if len(members) > LINES_SHOWN:
            detail[name], detail[f"more_{name}"] = members[:LINES_SHOWN], len(members) - LINES_SHOWN
        for member in members:
            member.update(_shortened(member))
    return {**detail, **_shortened(detail)}


def _shortened(values: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: value[: TEXT_SHOWN - 1] + "…"
        for name, value in values.items()
        if isinstance(value, str) and len(value) > TEXT_SHOWN
    }


def payment_label(dated: dt.date | None) -> str:
    """A payment as people name it."""
    return _dated("Payment", dated)


def credit_label(dated: dt.date | None) -> str:
    """A credit as people name it."""
    return _dated("Credit", dated)


def _dated(what: str, dated: dt.date | None) -> str:
    return f"{what} of {dated:%m/%d/%Y}" if dated else what


def invoice_label(number: str) -> str:
    """An invoice as people name it."""
    return f"Invoice {number}"
