"""Payments, from QuickBooks to the LMS."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date
from decimal import Decimal
from typing import Any

import psycopg

from include.company.company import Company
from include.lms import invoice_write, payment_write
from include.lms.payment import read_payments
from include.model.money import ZERO
from include.model.payment import Application, Payment, ordered
from include.model.plain import applications_from_plain, payment_from_plain, to_plain
from include.model.record import RecordKey
from include.qbo import invoice_inbound as qbo_invoice
from include.qbo import payment as qbo_payment
from include.qbo.client import QboClient
from include.sync import links
from include.sync.entity.applications import sort_out, without_gone
from include.sync.inbound.observed import read_bodies
from include.sync.inbound.rules import Applied, InboundRules, LookAgain
from include.sync.inbound.surroundings import (
    CHANGED_SECONDS,
    follow_balance,
    is_on_its_way,
    payers,
    receiving,
    settings_of,
)
from include.sync.plan.currency import foreign_currency
from include.sync.plan.inbound import InboundPlan
from include.sync.plan.payment_inbound import (
    LeftOut,
    PaymentInbound,
    QboPayment,
    plan_payment_inbound,
    stays_aside,
    within,
)
from include.sync.staging import StagedRecord

Json = dict[str, Any]

# -------------------------------------------------------------------------------------------- reading both sides


def observe(
    connection: psycopg.Connection, client: QboClient, company: Company, records: Sequence[StagedRecord]
) -> None:
    """QuickBooks' payments; the LMS's behind the links; the balances of the invoices that they touch."""
    realm = company.realm_id
    bodies = read_bodies(connection, client, "Payment", records)
    for qbo_id in [qbo_id for qbo_id, body in bodies.items() if qbo_payment.has_lost_its_lines(body)]:
        # Queries have been seen to lose the lines (trap 50).
        whole = client.read("Payment", qbo_id)
        bodies[qbo_id] = whole if isinstance(whole, dict) else bodies[qbo_id]
    _read_lms(connection, company, records)
    customers = payers(connection, realm, (body["CustomerRef"]["value"] for body in bodies.values()))
    settled = {qbo_id for body in bodies.values() for qbo_id in qbo_payment.lines_of(body).invoices}
    invoices = links.lms_ids(connection, realm, "invoice", settled)
    coming = _coming(connection, company, settled - set(invoices))
    methods = _methods(client, [bodies[r.record_id] for r in records if r.link is None and r.record_id in bodies])
    bases = {record.record_id: record.link["base"] for record in records if record.link}
    for record in records:
        body = bodies.get(record.record_id)
        if body is None:
            continue
        if record.link:
            there = [invoices[one] for one in qbo_payment.lines_of(body).invoices if one in invoices]
            bases[record.record_id] = without_gone(connection, record.link["base"], there)
        payer = customers.get(body["CustomerRef"]["value"])
        customer = _customer(record) or (payer.key if payer else None)
        record.qbo = {
            "sync_token": body["SyncToken"],
            "payer": asdict(payer) if payer else None,
            "customer_id": body["CustomerRef"]["value"],
            "customer_name": body["CustomerRef"].get("name") or f"id {body['CustomerRef']['value']}",
            "date": body["TxnDate"],
            "foreign_currency": foreign_currency(body, company.preferences),
            "amount": qbo_payment.amount_of(body),
            "money_applied": qbo_payment.money_applied(body),
            **_lines(body, invoices, coming),
        }
        agreed = applications_from_plain(bases.get(record.record_id, {}).get("applications"))
        payment = _payment(record, customer, methods.get(_method(body)), agreed) if customer else None
        record.qbo["payment"] = to_plain(payment) if payment else None
    ours = links.linked_ids(connection, realm, ["credit_application"], [record.record_id for record in records])
    for record in records:
        record.qbo["base"] = bases.get(record.record_id)
        record.qbo["ours"] = record.record_id in ours
        record.qbo["on_its_way"] = record.link is None and _twin_on_its_way(connection, company, record)
    _read_balances(connection, client, company, records)


def _read_lms(connection: psycopg.Connection, company: Company, records: Sequence[StagedRecord]) -> None:
    """What of each LMS payment can be in step, and apart from it what cannot reach QuickBooks."""
    ids = [record.link["record_id"] for record in records if record.link]
    payments = read_payments(connection, ids)
    rows = connection.execute(
        "select id::text, billing_lab_id from lms.payment where id = any(%s::bigint[])", [ids]
    ).fetchall()
    labs: dict[str, int] = dict(rows)
    applied = [one for payment in payments.values() for one in payment.applications]
    linked, on_the_way = sort_out(connection, company, applied)
    for record in records:
        lms_id = record.link["record_id"] if record.link else None
        if lms_id not in payments:
            record.lms = None
            continue
        whole = payments[lms_id]
        flowing = tuple(one for one in whole.applications if one.invoice in linked | on_the_way)
        record.lms = {
            "payment": to_plain(replace(whole, applications=flowing)),
            "aside": to_plain(
                replace(whole, applications=tuple(one for one in whole.applications if one not in flowing))
            )["applications"],
            "billing_lab_id": labs[lms_id],
        }


def _aside(record: StagedRecord) -> tuple[Application, ...]:
    """What of the LMS payment cannot reach QuickBooks."""
    return applications_from_plain((record.lms or {}).get("aside"))


def _customer(record: StagedRecord) -> RecordKey | None:
    """A linked payment stays whose it is."""
    known = (record.lms or {}).get("payment") or (record.link or {}).get("base") or {}
    return RecordKey(*known["customer"]) if known.get("customer") else None


def _coming(connection: psycopg.Connection, company: Company, qbo_ids: Iterable[str]) -> set[str]:
    """Unlinked invoices that the other DAG is about to look at."""
    receiver = receiving(company)
    if receiver is None or not receiver.sync_invoices:
        return set()
    rows = connection.execute(
        "select record_id from qbo_sync.change_mark where realm_id = %s and direction = 'qbo_to_lms'"
        "   and entity = 'invoice' and record_id = any(%s)",
        [company.realm_id, sorted(qbo_ids)],
    )
    return {qbo_id for (qbo_id,) in rows}


def _lines(body: Json, invoices: Mapping[str, str], coming: set[str]) -> Json:
    """The lines, sorted into what the LMS can have, will have, and cannot."""
    lines = qbo_payment.lines_of(body)
    money = {qbo_id: amount for qbo_id, amount in lines.invoices.items() if amount != 0}
    left_out = [
        {"kind": "Invoice", "qbo_id": qbo_id, "amount": amount}
        for qbo_id, amount in money.items()
        if qbo_id not in invoices and qbo_id not in coming
    ]
    for line in lines.others:
        linked = (line["LinkedTxn"] or [{}])[0]
        if Decimal(line["Amount"]) != 0:
            kind, qbo_id = linked.get("TxnType", "something else"), linked.get("TxnId", "")
            left_out.append({"kind": kind, "qbo_id": qbo_id, "amount": Decimal(line["Amount"])})
    return {
        "applied": [[invoices[qbo_id], amount] for qbo_id, amount in money.items() if qbo_id in invoices],
        "coming": [qbo_id for qbo_id in money if qbo_id in coming],
        "left_out": left_out,
    }


def _payment(record: StagedRecord, customer: RecordKey, method: str | None, agreed: Sequence[Application]) -> Payment:
    applied = [
        Application(invoice=RecordKey("invoice", lms_id), amount=Decimal(amount))
        for lms_id, amount in record.qbo["applied"]
    ]
    return Payment(
        date=date.fromisoformat(record.qbo["date"]),
        customer=customer,
        amount=Decimal(record.qbo["amount"]),
        applications=within(Decimal(record.qbo["money_applied"]), applied, agreed),
        method=method,
    )


def _method(body: Json) -> str:
    return str(body.get("PaymentMethodRef", {}).get("value", ""))


def _methods(client: QboClient, bodies: Sequence[Json]) -> dict[str, str]:
    """The names of the payment methods of new payments, by id."""
    wanted = sorted({_method(body) for body in bodies} - {""})
    found = client.find("PaymentMethod", "Id", wanted, also="Active IN (true, false)") if wanted else []
    return {method["Id"]: method["Name"] for method in found}


def _twin_on_its_way(connection: psycopg.Connection, company: Company, record: StagedRecord) -> bool:
    """A payment of the LMS like this one that is due to go out: it may be what a lost answer has left here (trap 6).

    Which of the two it is, that direction's DAG decides: it looks before it writes.
    """
    if not record.qbo.get("payment"):
        return False
    theirs = payment_from_plain(record.qbo["payment"])
    rows = connection.execute(
        "select p.id::text from lms.payment p"
        "  join qbo_sync.connection n on n.billing_lab_id = p.billing_lab_id and n.realm_id = %s"
        " where p.billing_account_id = %s and p.payment_date = %s and p.amount = %s and p.origin = 'lms'"
        "   and not exists (select 1 from qbo_sync.entity_link l where l.realm_id = n.realm_id"
        "                      and l.entity = 'payment' and l.lms_id = p.id)",
        [company.realm_id, record.qbo["payer"]["billing_account_id"], theirs.date, theirs.amount],
    ).fetchall()
    twins = read_payments(connection, [id_ for (id_,) in rows])
    return any(
        (twin.customer, twin.applications) == (theirs.customer, theirs.applications)
        and is_on_its_way(connection, company.realm_id, "payment", id_)
        for id_, twin in twins.items()
    )


def _read_balances(
    connection: psycopg.Connection, client: QboClient, company: Company, records: Sequence[StagedRecord]
) -> None:
    """Of every invoice that a payment settles, did, or does not any more."""
    touched = {record.record_id: _touched(record) for record in records if not record.qbo["ours"]}
    ids = links.qbo_ids(connection, company.realm_id, {key for keys in touched.values() for key in keys})
    bodies = {body["Id"]: body for body in client.find("Invoice", "Id", sorted(ids.values()))}
    for record in records:
        record.qbo["balances"] = {
            key.id: {
                "qbo_id": ids[key],
                "sync_token": bodies[ids[key]]["SyncToken"],
                "balance": qbo_invoice.balance(bodies[ids[key]]),
                "voided": qbo_invoice.is_voided(bodies[ids[key]]),
            }
            for key in sorted(touched.get(record.record_id, set()))
            if key in ids and ids[key] in bodies
        }


def _touched(record: StagedRecord) -> set[RecordKey]:
    versions = [(record.link or {}).get("base"), (record.lms or {}).get("payment"), record.qbo.get("payment")]
    return {
        one.invoice for version in versions if version for one in applications_from_plain(version.get("applications"))
    }


# -------------------------------------------------------------------------------------------- planning


def plan(record: StagedRecord, company: Company) -> InboundPlan:
    """From the staged row to the planner and back."""
    lab = record.lms["billing_lab_id"] if record.lms else record.billing_lab_id
    settings = settings_of(company, lab)
    base = record.qbo.get("base") or {}
    return plan_payment_inbound(
        PaymentInbound(
            linked=record.link is not None,
            base=payment_from_plain(base) if "amount" in base else None,
            lms=payment_from_plain(record.lms["payment"]) if record.lms else None,
            qbo=_qbo(record),
            direction=settings.direction,
            start_date=settings.sync_start_date,
            ours=record.qbo["ours"],
            on_its_way=record.qbo["on_its_way"],
            aside=_aside(record),
        )
    )


def _qbo(record: StagedRecord) -> QboPayment | None:
    seen = record.qbo
    if "amount" not in seen:
        return None
    return QboPayment(
        date=date.fromisoformat(seen["date"]),
        amount=Decimal(seen["amount"]),
        customer_id=seen["customer_id"],
        customer_name=seen["customer_name"],
        payment=payment_from_plain(seen["payment"]) if seen["payment"] else None,
        coming=seen["coming"],
        left_out=[LeftOut(**{**one, "amount": Decimal(one["amount"])}) for one in seen["left_out"]],
    )


def planned(record: StagedRecord) -> Payment | None:
    """The payment that would be written."""
    qbo = _qbo(record)
    return qbo.payment if qbo and record.action in ("create", "update") else None


# -------------------------------------------------------------------------------------------- writing


def apply(connection: psycopg.Connection, company: Company, record: StagedRecord) -> Applied:
    """Write the plan to the LMS, with link and base, and the balances of the invoices that it touches."""
    if record.action == "create":
        return _create(connection, company, record)
    lms_id = str((record.link or {})["record_id"])
    _lock_as_planned(connection, record, lms_id)
    key = RecordKey("payment", lms_id)
    if record.action in ("delete", "unlink"):
        _lock_invoices(connection, record)
        payment_write.delete(connection, lms_id)
        _follow_aside(connection, _aside(record), ())
        links.remove(connection, company.realm_id, key)
        outcome = "deleted" if record.action == "delete" else "unchanged"
        look_again = _follow_balances(connection, company, record)
        return Applied(outcome=outcome, operation="delete", lms_id=lms_id, look_again=look_again)  # type: ignore[arg-type]
    if record.action == "update":
        _lock_invoices(connection, record)
        theirs = payment_from_plain(record.qbo["payment"])
        aside = stays_aside(theirs, _aside(record))
        whole = replace(theirs, applications=ordered([*theirs.applications, *aside]))
        payment_write.update(connection, lms_id, whole)
        _follow_aside(connection, _aside(record), aside)
        _agree(connection, company, record, lms_id)
        look_again = _follow_balances(connection, company, record)
        return Applied(outcome="updated", operation="update", lms_id=lms_id, look_again=look_again)
    if record.action == "rebase":
        _agree(connection, company, record, lms_id)
    elif "sync_token" in record.qbo and (record.link or {})["sync_token"] != record.qbo["sync_token"]:
        links.renew_token(connection, company.realm_id, key, record.qbo["sync_token"])
    return Applied(outcome="unchanged", operation="update", lms_id=lms_id)


def _create(connection: psycopg.Connection, company: Company, record: StagedRecord) -> Applied:
    receiver, payer = receiving(company), record.qbo["payer"]
    if receiver is None:
        raise LookAgain("there is no lab to receive it any more", CHANGED_SECONDS)
    _lock_invoices(connection, record)
    lms_id = payment_write.create(
        connection,
        payment_from_plain(record.qbo["payment"]),
        billing_lab_id=receiver.billing_lab_id,
        billing_account_id=payer["billing_account_id"],
        doctor_office_id=payer["doctor_office_id"],
    )
    _agree(connection, company, record, lms_id)
    look_again = _follow_balances(connection, company, record)
    return Applied(outcome="created", operation="create", lms_id=lms_id, look_again=look_again)


def _lock_as_planned(connection: psycopg.Connection, record: StagedRecord, lms_id: str) -> None:
    """Lock the LMS payment and make sure that it is what the plan was made on."""
    payment_write.lock(connection, lms_id)
    now = read_payments(connection, [lms_id]).get(lms_id)
    planned_on = payment_from_plain(record.lms["payment"]) if record.lms else None
    if planned_on and record.lms:
        planned_on = replace(planned_on, applications=ordered([*planned_on.applications, *_aside(record)]))
    if now != planned_on:
        raise LookAgain("the LMS has changed it meanwhile", CHANGED_SECONDS)


def _lock_invoices(connection: psycopg.Connection, record: StagedRecord) -> None:
    """In the order of their ids; one that is gone has taken its applications with it."""
    settled = applications_from_plain((record.qbo.get("payment") or {}).get("applications"))
    ids = {key.id for key in _touched(record)} | {one.invoice.id for one in _aside(record)}
    gone = {id_ for id_ in sorted(ids, key=int) if not invoice_write.lock(connection, id_)}
    if any(one.invoice.id in gone for one in settled):
        raise LookAgain("an invoice of it has left the LMS", CHANGED_SECONDS)


def _follow_balances(connection: psycopg.Connection, company: Company, record: StagedRecord) -> tuple[str, ...]:
    """QuickBooks' balances as read with the payment; the invoices whose balance cannot be told now are returned."""
    unsure = []
    for lms_id, seen in record.qbo["balances"].items():
        if _has_moved_on(connection, company.realm_id, lms_id, seen["sync_token"]):
            unsure.append(str(seen["qbo_id"]))
            continue
        try:
            follow_balance(connection, company.realm_id, lms_id, Decimal(seen["balance"]), voided=bool(seen["voided"]))
        except LookAgain:
            unsure.append(str(seen["qbo_id"]))
    return tuple(unsure)


def _follow_aside(connection: psycopg.Connection, before: Sequence[Application], after: Sequence[Application]) -> None:
    """The balances of invoices that are not in QuickBooks: whoever changes their applications keeps them."""
    kept = {one.invoice: one.amount for one in after}
    for one in before:
        invoice_write.raise_balance(connection, one.invoice.id, one.amount - kept.get(one.invoice, ZERO))


def _has_moved_on(connection: psycopg.Connection, realm_id: str, lms_id: str, token: str) -> bool:
    """Whether the invoices' DAG has seen a later version of the invoice than this one."""
    row = connection.execute(
        "select 1 from qbo_sync.entity_link where realm_id = %s and entity = 'invoice' and lms_id = %s"
        "   and sync_token::bigint > %s::bigint",
        [realm_id, int(lms_id), token],
    ).fetchone()
    return row is not None


def _agree(connection: psycopg.Connection, company: Company, record: StagedRecord, lms_id: str) -> None:
    links.store(
        connection,
        company.realm_id,
        RecordKey("payment", lms_id),
        record.record_id,
        record.qbo["payment"],
        record.qbo["sync_token"],
    )


PAYMENT = InboundRules(
    entity="payment",
    resource="Payment",
    observe=observe,
    plan=plan,
    planned=planned,
    apply=apply,
    document_number=lambda record: None,
    noun=lambda record: f"The payment of {record.qbo.get('date', '')}",
)
