"""QuickBooks' records as people see them. Nothing is planned by it, so what is missing in a body is left out."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from include.model.document import Applied, Document, DocumentLine, credit_label, invoice_label, payment_label
from include.model.money import ZERO
from include.qbo import record
from include.qbo.credit_memo import RESOURCE as CREDIT_MEMO
from include.qbo.customer import RESOURCE as CUSTOMER
from include.qbo.invoice import RESOURCE as INVOICE
from include.qbo.invoice import parse
from include.qbo.payment import RESOURCE as PAYMENT
from include.qbo.product import RESOURCE as ITEM
from include.qbo.record import money

Json = dict[str, Any]

#: Lists of which a query shows what is inactive only if asked.
WITH_INACTIVE = frozenset({CUSTOMER, ITEM, "Vendor", "Employee"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Around:
    """What else is known of a company."""

    #: The item whose lines are tax.
    tax_item: str | None = None
    #: The numbers that Pilot's invoices have, by QuickBooks id.
    invoice_numbers: Mapping[str, str] = field(default_factory=dict)
    #: What `linked` named and was read, by resource and id.
    linked: Mapping[tuple[str, str], Json] = field(default_factory=dict)
    #: The payment that applies a credit memo for Pilot, by the credit memo's id.
    applications: Mapping[str, str] = field(default_factory=dict)


def linked(resource: str, body: Json, around: Around) -> list[tuple[str, str]]:
    """What has to be read besides the record to say what is applied to it: (resource, id)."""
    if resource == PAYMENT:
        found = [(link["TxnType"], link["TxnId"]) for _, links in _linking(body) for link in links]
        return [
            (kind, id_)
            for kind, id_ in found
            if kind == CREDIT_MEMO or (kind == INVOICE and id_ not in around.invoice_numbers)
        ]
    if resource in (INVOICE, CREDIT_MEMO):
        own = [around.applications[body["Id"]]] if body["Id"] in around.applications else []
        paid = [link["TxnId"] for link in _links(body) if link["TxnType"] == PAYMENT]
        return [(PAYMENT, id_) for id_ in dict.fromkeys([*own, *paid])]
    return []


def document(resource: str, body: Json, around: Around) -> Document:
    """The record. Raises what Python raises for a body that QuickBooks does not make."""
    if resource == INVOICE:
        return _invoice(body, around)
    if resource == PAYMENT:
        applied = tuple(_pays(body, around))
        return Document(
            kind="payment",
            number=body.get("PaymentRefNum") or None,
            date=_day(body.get("TxnDate")),
            customer=record.customer_name(body),
            total=record.total(body),
            unapplied=money(body.get("UnappliedAmt")),
            applied=applied,
            voided=_voided(body),
            memo=body.get("PrivateNote") or None,
        )
    if resource == CREDIT_MEMO:
        return _credit_memo(body, around)
    if resource == ITEM:
        return Document(
            kind="product",
            name=record.name(body),
            description=body.get("Description") or None,
            price=money(body["UnitPrice"]) if "UnitPrice" in body else None,
            active=body.get("Active"),
        )
    above, _, _ = str(body.get("FullyQualifiedName") or "").rpartition(":")
    return Document(
        kind="customer",
        name=record.name(body),
        parent=above or None,
        email=body.get("PrimaryEmailAddr", {}).get("Address"),
        phone=body.get("PrimaryPhone", {}).get("FreeFormNumber"),
        active=body.get("Active"),
    )


def _invoice(body: Json, around: Around) -> Document:
    found = parse(body)
    names = _item_names(body)
    tax_lines = [line for line in found.lines if line.item_id and line.item_id == around.tax_item]
    lines = tuple(
        DocumentLine(
            product=names.get(line.item_id or ""),
            description=line.description,
            quantity=line.quantity,
            unit_price=line.unit_price,
            amount=line.amount,
        )
        for line in found.lines
        if line not in tax_lines
    )
    paid = [around.linked[key] for key in linked(INVOICE, body, around) if key in around.linked]
    return Document(
        kind="invoice",
        number=found.number,
        date=found.date,
        due_date=found.due_date,
        customer=found.customer_name,
        voided=found.voided or None,
        lines=lines,
        discount=found.discount,
        shipping=found.shipping,
        tax=found.own_tax + sum((line.amount for line in tax_lines), ZERO),
        total=found.total,
        open_balance=found.balance,
        applied=tuple(
            sorted(
                (_paid_by(payment, body["Id"]) for payment in paid),
                key=lambda applied: (applied.document, applied.amount),
            )
        ),
        memo=found.memo,
    )


def _credit_memo(body: Json, around: Around) -> Document:
    total, unapplied = record.total(body), money(body.get("Balance"))
    applied = [
        one
        for key in linked(CREDIT_MEMO, body, around)
        if key in around.linked
        for one in _pays(around.linked[key], around)
        if one.amount > 0
    ]
    # Which payment has used it, a credit memo does not always say.
    rest = total - unapplied - sum((one.amount for one in applied), ZERO)
    if rest > 0:
        applied.append(Applied(document="Other transactions in QuickBooks", amount=rest))
    return Document(
        kind="credit",
        number=body.get("DocNumber") or None,
        date=_day(body.get("TxnDate")),
        customer=record.customer_name(body),
        total=total,
        unapplied=unapplied,
        applied=tuple(applied),
        voided=_voided(body),
        memo=body.get("PrivateNote") or None,
    )


def _item_names(body: Json) -> dict[str, str]:
    """The items on the lines by id, without their categories."""
    found = {}
    for line in body.get("Line", []):
        for one in line.get("GroupLineDetail", {}).get("Line", [line]):
            item = one.get("SalesItemLineDetail", {}).get("ItemRef", {})
            if item.get("name"):
                found[str(item.get("value"))] = str(item["name"]).rpartition(":")[2]
    return found


def _linking(body: Json) -> Iterator[tuple[Decimal, list[Json]]]:
    """The amounts of a payment's lines, each with what it links."""
    for line in body.get("Line", []):
        yield money(line.get("Amount")), _links(line)


def _links(body: Json) -> list[Json]:
    return [one for one in body.get("LinkedTxn", []) if one.get("TxnType") and one.get("TxnId")]


def _pays(payment: Json, around: Around) -> Iterable[Applied]:
    """What a payment is applied to. A credit memo in it adds money: its amount is below zero."""
    for amount, links in _linking(payment):
        for link in links[:1]:
            kind, id_ = link["TxnType"], link["TxnId"]
            yield Applied(document=_label(kind, id_, around), amount=-amount if kind == CREDIT_MEMO else amount)


def _label(kind: str, id_: str, around: Around) -> str:
    if kind == INVOICE and id_ in around.invoice_numbers:
        return invoice_label(around.invoice_numbers[id_])
    found = around.linked.get((kind, id_), {})
    if kind == INVOICE and found.get("DocNumber"):
        return invoice_label(found["DocNumber"])
    if kind == CREDIT_MEMO and found:
        return credit_label(_day(found.get("TxnDate")))
    words = {INVOICE: "Invoice", CREDIT_MEMO: "Credit memo", "JournalEntry": "Journal entry"}
    return f"{words.get(kind, kind)} (QuickBooks ID {id_})"


def _paid_by(payment: Json, invoice_id: str) -> Applied:
    """A payment from the invoice's side. One without money passes a credit on."""
    day = _day(payment.get("TxnDate"))
    amount = sum((sum_ for sum_, links in _linking(payment) if (INVOICE, invoice_id) in _keys(links)), ZERO)
    label = payment_label(day) if record.total(payment) else credit_label(day)
    return Applied(document=label, amount=amount)


def _keys(links: Iterable[Json]) -> list[tuple[str, str]]:
    return [(link["TxnType"], link["TxnId"]) for link in links]


def _voided(body: Json) -> bool | None:
    return (record.total(body) == 0 and str(body.get("PrivateNote", "")).startswith("Voided")) or None


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
