"""Payments and credit memos as QuickBooks' JSON (dossier 9.5, 9.6; sync rules, sections 6 and 7)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from include.model.money import ZERO, to_cents
from include.model.payment import Application, Credit, CreditApplication, Payment
from include.model.record import CREDIT_ITEM, RecordKey
from include.model.settings import ConnectionSettings
from include.qbo.text import cut

Json = dict[str, Any]


def payment_body(
    payment: Payment, references: Mapping[RecordKey, str], settings: ConnectionSettings, method_id: str | None
) -> Json:
    """The body of a create. What is not applied stays unapplied."""
    body: Json = {
        "CustomerRef": {"value": references[payment.customer]},
        "TotalAmt": payment.amount,
        "TxnDate": payment.date.isoformat(),
        "DepositToAccountRef": {"value": settings.deposit_account_id},
        "Line": _invoice_lines(payment.applications, references),
    }
    if method_id:
        body["PaymentMethodRef"] = {"value": method_id}
    return body


def payment_update_body(
    payment: Payment, references: Mapping[RecordKey, str], present: Json, other_lines: Iterable[Json]
) -> Json:
    """A sparse update of amount and applications. Lines are all or none: those to other things are sent again.

    An invoice that a credit memo in it pays too keeps that part; both parts are one line.
    """
    lines = lines_of({"Line": [*_invoice_lines(payment.applications, references), *other_lines]})
    invoices = [
        {"Amount": amount, "LinkedTxn": [{"TxnId": invoice, "TxnType": "Invoice"}]}
        for invoice, amount in lines.invoices.items()
    ]
    return {
        "Id": present["Id"],
        "SyncToken": present["SyncToken"],
        "sparse": True,
        "CustomerRef": present["CustomerRef"],
        "TotalAmt": payment.amount,
        "Line": [*invoices, *lines.others],
    }


def credit_memo_body(credit: Credit, references: Mapping[RecordKey, str]) -> Json:
    """The body of a create: one line with the item for credits."""
    body: Json = {
        "CustomerRef": {"value": references[credit.customer]},
        "TxnDate": credit.date.isoformat(),
        "Line": [_credit_line(credit.amount, references[CREDIT_ITEM])],
    }
    note = cut(credit.note)
    if note:
        body["PrivateNote"] = note
    return body


def credit_memo_update_body(credit: Credit, references: Mapping[RecordKey, str], qbo_id: str, token: str) -> Json:
    """A sparse update of the amount."""
    line = _credit_line(credit.amount, references[CREDIT_ITEM])
    return {"Id": qbo_id, "SyncToken": token, "sparse": True, "Line": [line]}


def _credit_line(amount: Decimal, item_id: str) -> Json:
    detail = {"ItemRef": {"value": item_id}, "Qty": Decimal(1), "UnitPrice": amount, "TaxCodeRef": {"value": "NON"}}
    return {"DetailType": "SalesItemLineDetail", "Amount": amount, "SalesItemLineDetail": detail}


def application_body(application: CreditApplication, references: Mapping[RecordKey, str]) -> Json:
    """The zero-total payment that links a credit memo and invoices (dossier 9.6): one line for each, same sum."""
    total = sum((one.amount for one in application.applications), ZERO)
    credit = {"TxnId": references[application.credit], "TxnType": "CreditMemo"}
    return {
        "CustomerRef": {"value": references[application.customer]},
        "TotalAmt": ZERO,
        "TxnDate": application.date.isoformat(),
        "Line": [*_invoice_lines(application.applications, references), {"Amount": total, "LinkedTxn": [credit]}],
    }


def _invoice_lines(applications: Iterable[Application], references: Mapping[RecordKey, str]) -> list[Json]:
    return [
        {"Amount": one.amount, "LinkedTxn": [{"TxnId": references[one.invoice], "TxnType": "Invoice"}]}
        for one in applications
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class PaymentLines:
    """The lines of a QuickBooks payment, told apart."""

    #: QuickBooks invoice id → amount.
    invoices: Mapping[str, Decimal]
    #: Everything else, as it came: credit memos, journal entries, …
    others: tuple[Json, ...]


def lines_of(record: Json) -> PaymentLines:
    """Tell the lines apart by what they link."""
    invoices: dict[str, Decimal] = {}
    others: list[Json] = []
    for line in record.get("Line", []):
        linked = line.get("LinkedTxn", [])
        if len(linked) == 1 and linked[0].get("TxnType") == "Invoice":
            invoice = linked[0]["TxnId"]
            invoices[invoice] = to_cents(invoices.get(invoice, ZERO) + Decimal(line["Amount"]))
        else:
            others.append({"Amount": line.get("Amount", ZERO), "LinkedTxn": linked})
    return PaymentLines(invoices=invoices, others=tuple(others))


def amount_of(record: Json) -> Decimal:
    """TotalAmt in dollars."""
    return to_cents(Decimal(record.get("TotalAmt", ZERO)))


def money_applied(record: Json) -> Decimal:
    """How much of the payment's own money is applied; credits in it are not its own."""
    return to_cents(amount_of(record) - Decimal(record.get("UnappliedAmt", ZERO)))


def has_lost_its_lines(record: Json) -> bool:
    """Whether its figures speak of lines that are not there (trap 50)."""
    return not record.get("Line") and money_applied(record) != 0


def without_invoice(record: Json, invoice_id: str) -> Json | None:
    """A sparse update that takes an invoice off a payment; None if nothing would be left of the payment.

    The credit memos in it pay no more than the charges that stay: what they gave to the invoice is free again.
    """

    def links(line: Json, kind: str, record_id: str | None = None) -> bool:
        linked = line.get("LinkedTxn", [])
        return any(one.get("TxnType") == kind and record_id in (None, one.get("TxnId")) for one in linked)

    lines = [{"Amount": line["Amount"], "LinkedTxn": line["LinkedTxn"]} for line in record.get("Line", [])]
    stays = [line for line in lines if not links(line, "Invoice", invoice_id)]
    kept = [line for line in stays if not links(line, "CreditMemo")]
    left = sum((Decimal(line["Amount"]) for line in kept), ZERO)
    for credit in (line for line in stays if links(line, "CreditMemo")):
        share = min(Decimal(credit["Amount"]), left)
        if share > 0:
            kept.append({**credit, "Amount": share})
            left -= share
    if not kept and amount_of(record) == 0:
        return None
    return {
        "Id": record["Id"],
        "SyncToken": record["SyncToken"],
        "sparse": True,
        "CustomerRef": record["CustomerRef"],
        "TotalAmt": record["TotalAmt"],
        "Line": kept,
    }
