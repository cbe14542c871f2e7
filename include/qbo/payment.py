"""Payments as QuickBooks' JSON, both ways: those of the LMS, and those that apply its credits (facts 9.5 and 9.6)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from include.model.money import ZERO, show, to_cents
from include.model.payment import Application, CreditApplication, Payment
from include.model.problem import listed
from include.model.record import RecordKey
from include.model.settings import ConnectionSettings
from include.model.staged import OtherLine, QboPayment
from include.qbo import record
from include.qbo.client import QboClient
from include.qbo.faults import Fault
from include.qbo.query import PAGE_SIZE, quoted_instant

RESOURCE = "Payment"

Json = dict[str, Any]

# ------------------------------------------------------------------ to QuickBooks


def create_body(
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


def update_body(
    payment: Payment, references: Mapping[RecordKey, str], fetched: QboPayment, other_lines: Iterable[OtherLine]
) -> Json:
    """A sparse update of customer, amount and applications. Lines are all or none: those to other things go again.

    An invoice that a credit memo in it pays too keeps that part; both parts are one line.
    """
    amounts = {references[one.invoice]: one.amount for one in payment.applications}
    others = []
    for line in other_lines:
        if line.kind == "Invoice":
            amounts[line.qbo_id] = to_cents(amounts.get(line.qbo_id, ZERO) + line.amount)
        else:
            others.append({"Amount": line.amount, "LinkedTxn": [dict(one) for one in line.linked]})
    return {
        "Id": fetched.qbo_id,
        "SyncToken": fetched.sync_token,
        "sparse": True,
        "CustomerRef": {"value": references[payment.customer]},
        "TotalAmt": payment.amount,
        "Line": [*(_invoice_line(invoice, amount) for invoice, amount in amounts.items()), *others],
    }


def application_body(application: CreditApplication, references: Mapping[RecordKey, str]) -> Json:
    """The zero-total payment that links a credit memo and invoices (fact 9.6): one line for each, same sum."""
    total = sum((one.amount for one in application.applications), ZERO)
    credit = {"TxnId": references[application.credit], "TxnType": "CreditMemo"}
    return {
        "CustomerRef": {"value": references[application.customer]},
        "TotalAmt": ZERO,
        "TxnDate": application.date.isoformat(),
        "Line": [*_invoice_lines(application.applications, references), {"Amount": total, "LinkedTxn": [credit]}],
    }


def application_update_body(
    application: CreditApplication, references: Mapping[RecordKey, str], qbo_id: str, sync_token: str
) -> Json:
    """A sparse update with all lines."""
    return {**application_body(application, references), "Id": qbo_id, "SyncToken": sync_token, "sparse": True}


def _invoice_lines(applications: Iterable[Application], references: Mapping[RecordKey, str]) -> list[Json]:
    return [_invoice_line(references[one.invoice], one.amount) for one in applications]


def _invoice_line(invoice_id: str, amount: Decimal) -> Json:
    return {"Amount": amount, "LinkedTxn": [{"TxnId": invoice_id, "TxnType": "Invoice"}]}


# ------------------------------------------------------------------ from QuickBooks


def parse(body: Json) -> QboPayment:
    """What QuickBooks said."""
    applied = to_cents(record.total(body) - Decimal(body.get("UnappliedAmt", ZERO)))
    invoices, others = lines_of(body)
    return QboPayment(
        qbo_id=body["Id"],
        sync_token=body["SyncToken"],
        date=date.fromisoformat(body["TxnDate"]),
        customer_id=body["CustomerRef"]["value"],
        customer_name=record.customer_name(body),
        currency=record.currency(body),
        amount=record.total(body),
        money_applied=applied,
        invoices=invoices,
        other_lines=others,
        method_id=body.get("PaymentMethodRef", {}).get("value"),
        made_at=record.created_at(body) if "MetaData" in body else None,
        lines_lost=not body.get("Line") and applied != 0,
    )


def lines_of(body: Json) -> tuple[dict[str, Decimal], tuple[OtherLine, ...]]:
    """The lines, apart: amounts by invoice id, and everything else (credit memos, journal entries, …) as it came."""
    invoices: dict[str, Decimal] = {}
    others: list[OtherLine] = []
    for line in body.get("Line", []):
        linked = line.get("LinkedTxn", [])
        amount = Decimal(line.get("Amount", ZERO))
        if len(linked) == 1 and linked[0].get("TxnType") == "Invoice":
            invoice = linked[0]["TxnId"]
            invoices[invoice] = to_cents(invoices.get(invoice, ZERO) + amount)
        else:
            first = (linked or [{}])[0]
            kind, qbo_id = first.get("TxnType", "something else"), first.get("TxnId", "")
            others.append(OtherLine(kind=kind, qbo_id=qbo_id, amount=amount, linked=tuple(linked)))
    return invoices, tuple(others)


# ------------------------------------------------------------------ finding


def find_candidates(client: QboClient, bodies: Sequence[Json]) -> list[Json]:
    """What creates with these bodies may have made: payments of their days."""
    return client.find_all(RESOURCE, "TxnDate", [body["TxnDate"] for body in bodies])


def find_new(client: QboClient, since: datetime, ids: Sequence[str]) -> list[QboPayment]:
    """Payments that QuickBooks has made since an instant, a page of them, and those of these ids."""
    statement = (
        f"SELECT * FROM Payment WHERE MetaData.CreateTime >= {quoted_instant(since)}"  # noqa: S608 - QuickBooks' language
        f" ORDERBY Id DESC MAXRESULTS {PAGE_SIZE}"
    )
    bodies = {
        body["Id"]: body for body in [*client.query(statement), *(client.find(RESOURCE, "Id", ids) if ids else [])]
    }
    return [parse(body) for body in bodies.values()]


def is_made_from(candidate: Json, body: Json) -> bool:
    """Whether QuickBooks' record was made from this body of ours: same customer, day, amount and invoices."""
    return may_be_made_from(candidate, body) and lines_of(candidate)[0] == lines_of(body)[0]


def may_be_made_from(candidate: Json, body: Json) -> bool:
    """As `is_made_from`, whatever it pays by now."""
    return (
        candidate["CustomerRef"]["value"] == body["CustomerRef"]["value"]
        and candidate["TxnDate"] == body["TxnDate"]
        and record.total(candidate) == record.total(body)
    )


def is_application_made_from(candidate: Json, body: Json) -> bool:
    """As `is_made_from`, for a payment that applies a credit: no money, and the same invoices and credit memo."""
    credit = body["Line"][-1]["LinkedTxn"][0]["TxnId"]
    invoices, others = lines_of(candidate)
    return (
        record.total(candidate) == 0
        and candidate["CustomerRef"]["value"] == body["CustomerRef"]["value"]
        and lines_of(body)[0] == invoices
        and any(one.get("TxnId") == credit for line in others for one in line.linked)
    )


def methods_by_name(client: QboClient) -> dict[str, str]:
    """The active payment methods' ids by case-folded name."""
    found = client.query("SELECT * FROM PaymentMethod WHERE Active = true ORDERBY Id MAXRESULTS 1000")
    return {method["Name"].casefold(): method["Id"] for method in found}


def method_names(client: QboClient, ids: Iterable[str | None]) -> dict[str, str]:
    """The names of payment methods, by id."""
    wanted = sorted({id_ for id_ in ids if id_})
    found = client.find("PaymentMethod", "Id", wanted, also="Active IN (true, false)") if wanted else []
    return {method["Id"]: method["Name"] for method in found}


# ------------------------------------------------------------------ for refusals


def customers(client: QboClient, body: Json) -> tuple[str, list[str]]:
    """The customer of a payment of ours, and what it links whose customer is another (620), in words."""
    invoices, others = lines_of(body)
    memos = [one["TxnId"] for line in others for one in line.linked if one["TxnType"] == "CreditMemo"]
    own = client.read("Customer", body["CustomerRef"]["value"])
    return "another customer" if isinstance(own, Fault) else record.name(own), [
        f"{noun} {record.document_number(found)} is for “{found['CustomerRef'].get('name', 'another customer')}”"
        for resource, noun, ids in (("Invoice", "invoice", [*invoices]), ("CreditMemo", "credit memo", memos))
        for found in (client.find(resource, "Id", ids) if ids else [])
        if found["CustomerRef"]["value"] != body["CustomerRef"]["value"]
    ]


def deleted_links(client: QboClient, body: Json) -> list[Json]:
    """The invoices and credit memos that a payment of ours links and QuickBooks does not have any more, with the amount
    of their line: [{TxnId, TxnType, Amount}]."""
    kinds = ("Invoice", "CreditMemo")
    linked = [
        {**one, "Amount": line["Amount"]}
        for line in body.get("Line", [])
        for one in line["LinkedTxn"]
        if one["TxnType"] in kinds
    ]
    there = {
        (kind, found["Id"])
        for kind in kinds
        for found in client.find(kind, "Id", [one["TxnId"] for one in linked if one["TxnType"] == kind])
    }
    return [one for one in linked if (one["TxnType"], one["TxnId"]) not in there]


def of_credit_memo(link: Json) -> bool:
    """Whether a link (of `deleted_links`) is to a credit memo."""
    return link["TxnType"] == "CreditMemo"


def amounts_in_words(links: Iterable[Json]) -> str:
    """The amounts of links (of `deleted_links`)."""
    return listed([show(one["Amount"]) for one in links])


#: So QuickBooks notes its own applications of credits. (What a bookkeeper applies has no such note.)
_AUTOMATIC = "Created by QB Online to link credits"


def automatic_applications(client: QboClient, body: Json) -> list[Json]:
    """The zero-total payments with which QuickBooks itself has applied the credit memo that our payment applies (trap
    17); none that a bookkeeper made."""
    memos = {one["TxnId"] for line in body["Line"] for one in line["LinkedTxn"] if one["TxnType"] == "CreditMemo"}
    found = client.query(
        # QuickBooks' language, no SQL, and the value is a number.
        f"SELECT * FROM Payment WHERE CustomerRef = '{int(body['CustomerRef']['value'])}'"  # noqa: S608
        " AND TotalAmt = '0' ORDERBY Id DESC MAXRESULTS 1000"
    )
    return [
        payment
        for payment in found
        if payment["Id"] != body.get("Id")
        and str(payment.get("PrivateNote", "")).startswith(_AUTOMATIC)
        and any(
            one.get("TxnType") == "CreditMemo" and one.get("TxnId") in memos
            for line in payment.get("Line", [])
            for one in line.get("LinkedTxn", [])
        )
    ]


def without_invoice(payment: Json, invoice_id: str) -> Json | None:
    """A sparse update that takes an invoice off a payment; None if nothing would be left of the payment.

    The credit memos in it pay no more than the charges that stay: what they gave to the invoice is free again.
    """

    def links(line: Json, kind: str, record_id: str | None = None) -> bool:
        linked = line.get("LinkedTxn", [])
        return any(one.get("TxnType") == kind and record_id in (None, one.get("TxnId")) for one in linked)

    lines = [{"Amount": line["Amount"], "LinkedTxn": line["LinkedTxn"]} for line in payment.get("Line", [])]
    stays = [line for line in lines if not links(line, "Invoice", invoice_id)]
    kept = [line for line in stays if not links(line, "CreditMemo")]
    left = sum((Decimal(line["Amount"]) for line in kept), ZERO)
    for credit in (line for line in stays if links(line, "CreditMemo")):
        share = min(Decimal(credit["Amount"]), left)
        if share > 0:
            kept.append({**credit, "Amount": share})
            left -= share
    if not kept and record.total(payment) == 0:
        return None
    return {
        "Id": payment["Id"],
        "SyncToken": payment["SyncToken"],
        "sparse": True,
        "CustomerRef": payment["CustomerRef"],
        "TotalAmt": payment["TotalAmt"],
        "Line": kept,
    }
