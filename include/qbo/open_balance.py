"""What is open of invoices in QuickBooks, and what has settled the rest: why no more can be applied (6000)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from include.model.money import ZERO
from include.model.staged import OpenBalance, SettledBy
from include.qbo import credit_memo, invoice, payment, record
from include.qbo.client import QboClient

Json = dict[str, Any]


def open_balances(client: QboClient, invoice_ids: Sequence[str]) -> dict[str, OpenBalance]:
    """Of those of the invoices that QuickBooks has, by id: three queries, whatever their number."""
    invoices = client.find(invoice.RESOURCE, "Id", sorted(set(invoice_ids))) if invoice_ids else []
    payment_ids = sorted({id_ for body in invoices for id_ in invoice.payment_ids(body)})
    payments = {body["Id"]: body for body in (client.find(payment.RESOURCE, "Id", payment_ids) if payment_ids else [])}
    memo_ids = sorted({id_ for body in payments.values() for id_ in _memos(body)})
    memos = {body["Id"]: body for body in (client.find(credit_memo.RESOURCE, "Id", memo_ids) if memo_ids else [])}
    return {body["Id"]: _open_balance(body, payments, memos) for body in invoices}


def _memos(body: Json) -> list[str]:
    _, others = payment.lines_of(body)
    return [line.qbo_id for line in others if line.kind == "CreditMemo"]


def _open_balance(body: Json, payments: Mapping[str, Json], memos: Mapping[str, Json]) -> OpenBalance:
    parsed = invoice.parse(body)
    settled: list[SettledBy] = []
    for payment_id in invoice.payment_ids(body):
        if payment_id in payments:
            settled += _settled_by(payments[payment_id], parsed.qbo_id, memos)
    return OpenBalance(
        qbo_id=parsed.qbo_id,
        number=record.document_number(body),
        total=parsed.total,
        balance=parsed.balance,
        voided=parsed.voided,
        settled_by=tuple(settled),
        customer_id=parsed.customer_id,
        customer_name=parsed.customer_name,
    )


def _settled_by(body: Json, invoice_id: str, memos: Mapping[str, Json]) -> Iterable[SettledBy]:
    """The payment; or, where it has no money of its own, the credit memos that it applies."""
    applied = payment.lines_of(body)[0].get(invoice_id, ZERO)
    if record.total(body) != 0:
        yield _named("Payment", body, body["Id"], applied)
        return
    for memo_id in _memos(body):
        if memo_id in memos:
            yield _named("CreditMemo", memos[memo_id], body["Id"], applied)


def _named(kind: str, body: Json, payment_id: str, applied: Any) -> SettledBy:
    return SettledBy(
        kind=kind,
        qbo_id=body["Id"],
        payment_id=payment_id,
        date=date.fromisoformat(body["TxnDate"]),
        amount=record.total(body),
        applied=applied,
    )
