"""Invoices, from QuickBooks to the LMS."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date
from decimal import Decimal
from typing import Any

import psycopg

from include.company.company import Company
from include.lms import invoice_write
from include.lms.invoice import read_invoices
from include.model.invoice import Invoice
from include.model.plain import invoice_from_plain, to_plain
from include.model.record import RecordKey
from include.qbo import invoice_inbound as qbo_invoice
from include.qbo.client import QboClient
from include.qbo.invoice import total
from include.sync import links
from include.sync.inbound.observed import read_bodies
from include.sync.inbound.rules import Applied, InboundRules, LookAgain
from include.sync.inbound.surroundings import (
    CHANGED_SECONDS,
    Payer,
    follow_balance,
    is_on_its_way,
    payers,
    receiving,
    refuse_while_under_way,
    settings_of,
)
from include.sync.invoice_items import read_items
from include.sync.plan.currency import foreign_currency
from include.sync.plan.inbound import InboundPlan
from include.sync.plan.invoice_inbound import Alike, InvoiceInbound, LmsInvoice, QboInvoice, plan_invoice_inbound
from include.sync.staging import StagedRecord

Json = dict[str, Any]

# -------------------------------------------------------------------------------------------- reading both sides


def observe(
    connection: psycopg.Connection, client: QboClient, company: Company, records: Sequence[StagedRecord]
) -> None:
    """QuickBooks' invoices; the LMS's behind the links; for the others whom they are for and what looks the same."""
    bodies = read_bodies(connection, client, "Invoice", records)
    for qbo_id in [qbo_id for qbo_id, body in bodies.items() if qbo_invoice.has_lost_its_lines(body)]:
        # Queries have been seen to lose the lines; reading the one invoice may still show them (trap 50).
        found = client.read("Invoice", qbo_id)
        bodies[qbo_id] = found if isinstance(found, dict) else bodies[qbo_id]
    customers = payers(connection, company.realm_id, (body["CustomerRef"]["value"] for body in bodies.values()))
    items = read_items(connection, company.realm_id, bodies.values())
    ours = _read(connection, company.realm_id, [record.link["record_id"] for record in records if record.link])
    for record in records:
        found_here = ours.get(record.link["record_id"]) if record.link else None
        record.lms = _lms_to_plain(found_here) if found_here else None
        body = bodies.get(record.record_id)
        if body:
            customer = _customer(record, found_here, customers.get(body["CustomerRef"]["value"]))
            record.qbo = _seen(body, items, customer, customers.get(body["CustomerRef"]["value"]))
            record.qbo["foreign_currency"] = foreign_currency(body, company.preferences)
    _look_alike(connection, company, [r for r in records if r.link is None and r.record_id in bodies])


def _customer(record: StagedRecord, ours: LmsInvoice | None, payer: Payer | None) -> RecordKey | None:
    """A linked invoice stays whose it is, whatever QuickBooks' customer is linked to."""
    if ours:
        return ours.invoice.customer
    if record.link and record.link["base"].get("customer"):
        return RecordKey(*record.link["base"]["customer"])
    return payer.key if payer else None


def _seen(body: Json, items: Mapping[str, RecordKey], customer: RecordKey | None, payer: Payer | None) -> Json:
    return {
        "sync_token": body["SyncToken"],
        "payer": asdict(payer) if payer else None,
        "customer_id": body["CustomerRef"]["value"],
        "customer_name": body["CustomerRef"].get("name") or f"id {body['CustomerRef']['value']}",
        "number": qbo_invoice.number(body),
        "date": body["TxnDate"],
        "total": total(body),
        "balance": qbo_invoice.balance(body),
        "voided": qbo_invoice.is_voided(body),
        "lines_lost": qbo_invoice.has_lost_its_lines(body),
        "invoice": to_plain(qbo_invoice.from_body(body, items, customer)) if customer else None,
    }


def _read(connection: psycopg.Connection, realm_id: str, ids: Sequence[str]) -> dict[str, LmsInvoice]:
    invoices = read_invoices(connection, ids)
    rows = connection.execute(
        "select id::text, billing_lab_id, balance, qbo_sync.not_in_quickbooks_yet(%s, id) from lms.invoice"
        " where id = any(%s::bigint[])",
        [realm_id, list(ids)],
    )
    return {
        id_: LmsInvoice(invoice=invoices[id_], billing_lab_id=lab, balance=balance, not_in_quickbooks=ahead)
        for id_, lab, balance, ahead in rows
        if id_ in invoices
    }


def _lms_to_plain(ours: LmsInvoice) -> Json:
    return {
        "invoice": to_plain(ours.invoice),
        "billing_lab_id": ours.billing_lab_id,
        "balance": ours.balance,
        "not_in_quickbooks": ours.not_in_quickbooks,
    }


def _look_alike(connection: psycopg.Connection, company: Company, records: Sequence[StagedRecord]) -> None:
    """For invoices that are linked to nothing: those of the company's labs with their number.

    Where QuickBooks numbers invoices itself, they are others. The lab has each number once: the one from QuickBooks
    comes under another, if its own is taken.
    """
    rows = connection.execute(
        "select i.id::text, i.invoice_number, i.billing_lab_id, b.name, exists ("
        "   select 1 from qbo_sync.entity_link l where l.realm_id = n.realm_id and l.entity = 'invoice'"
        "      and l.lms_id = i.id)"
        "  from qbo_sync.connection n"
        "  join lms.billing_lab b on b.id = n.billing_lab_id"
        "  join lms.invoice i on i.billing_lab_id = n.billing_lab_id and i.invoice_number = any(%s)"
        " where n.realm_id = %s order by i.id",
        [[record.qbo["number"] for record in records], company.realm_id],
    ).fetchall()
    invoices = read_invoices(connection, [row[0] for row in rows])
    receiver = receiving(company)
    for record in records:
        alike = [
            {
                "lms_id": id_,
                "lab_id": lab_id,
                "lab": lab,
                "linked": linked,
                "customer": list(invoices[id_].customer),
                "date": invoices[id_].date.isoformat(),
                "total": invoices[id_].total,
            }
            for id_, number, lab_id, lab, linked in rows
            if number == record.qbo["number"] and id_ in invoices
        ]
        if company.preferences.custom_transaction_numbers:
            record.qbo |= {"alike": alike, "on_its_way": False}
            continue
        if record.qbo["invoice"] and receiver and receiver.billing_lab_id in [one["lab_id"] for one in alike]:
            record.qbo["invoice"]["number"] = qbo_invoice.number_by_id(record.record_id)
        record.qbo |= {"alike": [], "on_its_way": _twin_on_its_way(connection, company, record)}


def _twin_on_its_way(connection: psycopg.Connection, company: Company, record: StagedRecord) -> bool:
    """Where QuickBooks numbers invoices itself: one of the same customer, date and total that is due to go out."""
    payer = record.qbo["payer"]
    if payer is None:
        return False
    rows = connection.execute(
        "select i.id::text from lms.invoice i"
        "  join qbo_sync.connection n on n.billing_lab_id = i.billing_lab_id and n.realm_id = %s"
        " where i.billing_account_id = %s and i.invoice_date = %s and i.total_amount = %s and i.origin = 'lms'"
        "   and not exists (select 1 from qbo_sync.entity_link l where l.realm_id = n.realm_id"
        "                      and l.entity = 'invoice' and l.lms_id = i.id)",
        [company.realm_id, payer["billing_account_id"], record.qbo["date"], record.qbo["total"]],
    ).fetchall()
    return any(is_on_its_way(connection, company.realm_id, "invoice", id_) for (id_,) in rows)


# -------------------------------------------------------------------------------------------- planning


def plan(record: StagedRecord, company: Company) -> InboundPlan:
    """From the staged row to the planner and back."""
    lab = record.lms["billing_lab_id"] if record.lms else record.billing_lab_id
    settings, receiver = settings_of(company, lab), receiving(company)
    return plan_invoice_inbound(
        InvoiceInbound(
            linked=record.link is not None,
            base=_base(record),
            lms=_lms(record),
            qbo=_qbo(record),
            direction=settings.direction,
            start_date=settings.sync_start_date,
            receiving_lab=receiver.billing_lab_id if receiver else None,
            alike=[
                Alike(**{**one, "customer": RecordKey(*one["customer"]), "date": date.fromisoformat(one["date"])})
                for one in record.qbo.get("alike", [])
            ],
            on_its_way=record.qbo.get("on_its_way", False),
        )
    )


def _base(record: StagedRecord) -> Invoice | None:
    base = record.link["base"] if record.link else {}
    return invoice_from_plain(base) if "total" in base else None


def _lms(record: StagedRecord) -> LmsInvoice | None:
    if record.lms is None:
        return None
    return LmsInvoice(
        invoice=invoice_from_plain(record.lms["invoice"]),
        billing_lab_id=record.lms["billing_lab_id"],
        balance=Decimal(record.lms["balance"]),
        not_in_quickbooks=Decimal(record.lms["not_in_quickbooks"]),
    )


def _qbo(record: StagedRecord) -> QboInvoice | None:
    seen = record.qbo
    if not seen:
        return None
    return QboInvoice(
        number=seen["number"],
        date=date.fromisoformat(seen["date"]),
        total=Decimal(seen["total"]),
        balance=Decimal(seen["balance"]),
        customer_id=seen["customer_id"],
        customer_name=seen["customer_name"],
        voided=seen["voided"],
        lines_lost=seen["lines_lost"],
        invoice=invoice_from_plain(seen["invoice"]) if seen["invoice"] else None,
    )


def planned(record: StagedRecord) -> Invoice | None:
    """The invoice whose amounts would be written."""
    qbo = _qbo(record) if record.action in ("create", "update", "adopt") else None
    return qbo.invoice if qbo else None


# -------------------------------------------------------------------------------------------- writing


def apply(connection: psycopg.Connection, company: Company, record: StagedRecord) -> Applied:
    """Write the plan to the LMS, with link and base."""
    if record.action == "create":
        return _create(connection, company, record)
    if record.action == "adopt":
        return _adopt(connection, company, record)
    lms_id = str((record.link or {})["record_id"])
    _lock_as_planned(connection, company, record, lms_id)
    if record.action in ("delete", "unlink"):
        return _remove(connection, company, record, lms_id)
    if record.lms is None or not record.qbo:
        return Applied(outcome="unchanged", operation="update", lms_id=lms_id)
    return _follow(connection, company, record, lms_id)


def _create(connection: psycopg.Connection, company: Company, record: StagedRecord) -> Applied:
    receiver, payer, qbo = receiving(company), record.qbo["payer"], _qbo(record)
    if receiver is None or qbo is None or qbo.invoice is None:
        raise LookAgain("there is no lab to receive it any more", CHANGED_SECONDS)
    lms_id = invoice_write.create(
        connection,
        qbo.invoice,
        billing_lab_id=receiver.billing_lab_id,
        billing_account_id=payer["billing_account_id"],
        doctor_office_id=payer["doctor_office_id"],
        balance=qbo.balance,
    )
    _agree(connection, company, record, lms_id, qbo.invoice)
    return Applied(outcome="created", operation="create", lms_id=lms_id)


def _adopt(connection: psycopg.Connection, company: Company, record: StagedRecord) -> Applied:
    lms_id, qbo = record.plan["lms_id"], _qbo(record)
    refuse_while_under_way(connection, company, record, [lms_id])
    there = invoice_write.lock(connection, lms_id)
    ours = read_invoices(connection, [lms_id]).get(lms_id)
    linked = links.qbo_ids(connection, company.realm_id, [RecordKey("invoice", lms_id)])
    if not there or ours is None or qbo is None or qbo.invoice is None or linked or ours.total != qbo.total:
        raise LookAgain("it changed while it was in hand", CHANGED_SECONDS)
    invoice_write.update_amounts(connection, lms_id, qbo.invoice)
    _agree(connection, company, record, lms_id, ours)
    follow_balance(connection, company.realm_id, lms_id, qbo.balance, voided=qbo.voided)
    return Applied(outcome="adopted", operation="create", lms_id=lms_id)


def _lock_as_planned(connection: psycopg.Connection, company: Company, record: StagedRecord, lms_id: str) -> None:
    """Lock the LMS invoice and make sure that it is what the plan was made on."""
    invoice_write.lock(connection, lms_id)
    now = read_invoices(connection, [lms_id]).get(lms_id)
    planned_on = invoice_from_plain(record.lms["invoice"]) if record.lms else None
    if now != planned_on:
        raise LookAgain("the LMS has changed it meanwhile", CHANGED_SECONDS)


def _follow(connection: psycopg.Connection, company: Company, record: StagedRecord, lms_id: str) -> Applied:
    """Amounts if they are planned, and always the balance, as it is by now."""
    qbo, ours = _qbo(record), _lms(record)
    if qbo is None or qbo.invoice is None or ours is None:
        raise LookAgain("it is not as it was planned", CHANGED_SECONDS)
    written = False
    if record.action == "update":
        written = _write_amounts(connection, lms_id, ours.invoice, qbo.invoice, record.plan["reason"])
    written |= follow_balance(connection, company.realm_id, lms_id, qbo.balance, voided=qbo.voided)
    if record.action in ("update", "rebase") or _base(record) is None:
        _agree(connection, company, record, lms_id, ours.invoice)
    elif (record.link or {})["sync_token"] != record.qbo["sync_token"]:
        links.renew_token(connection, company.realm_id, RecordKey("invoice", lms_id), record.qbo["sync_token"])
    if written or record.action == "rebase":
        _try_outbound_errors_again(connection, company, lms_id)
    return Applied(outcome="updated" if written else "unchanged", operation="update", lms_id=lms_id)


def _write_amounts(connection: psycopg.Connection, lms_id: str, ours: Invoice, theirs: Invoice, reason: str) -> bool:
    if reason == "balance changed":
        return False
    invoice_write.update_amounts(connection, lms_id, theirs)
    if ours.origin == "qbo" and ours.lines != theirs.lines:
        invoice_write.replace_lines(connection, lms_id, theirs.lines)
    return True


def _agree(connection: psycopg.Connection, company: Company, record: StagedRecord, lms_id: str, ours: Invoice) -> None:
    """Keep as the base what QuickBooks has, in the LMS's own words for what does not flow."""
    theirs = invoice_from_plain(record.qbo["invoice"])
    base = replace(
        theirs,
        number=ours.number,
        date=ours.date,
        due_date=ours.due_date,
        customer=ours.customer,
        memo=ours.memo,
        origin=ours.origin,
    )
    links.store(
        connection,
        company.realm_id,
        RecordKey("invoice", lms_id),
        record.record_id,
        to_plain(base),
        record.qbo["sync_token"],
    )


def _remove(connection: psycopg.Connection, company: Company, record: StagedRecord, lms_id: str) -> Applied:
    """The invoice goes, and its applications with it: the credits and payments that lose them are looked at again."""
    if record.action == "delete":
        connection.execute(
            "insert into qbo_sync.lms_change (entity, lms_id, billing_lab_id)"
            " select 'credit', c.id, c.billing_lab_id from lms.credit c"
            "   join lms.credit_application a on a.credit_id = c.id where a.invoice_id = %(invoice)s union all"
            " select 'payment', p.id, p.billing_lab_id from lms.payment p"
            "   join lms.payment_application a on a.payment_id = p.id where a.invoice_id = %(invoice)s",
            {"invoice": int(lms_id)},
        )
        invoice_write.delete(connection, lms_id)
    links.remove(connection, company.realm_id, RecordKey("invoice", lms_id))
    _try_outbound_errors_again(connection, company, lms_id)
    outcome = "deleted" if record.action == "delete" else "unchanged"
    return Applied(outcome=outcome, operation="delete", lms_id=lms_id)  # type: ignore[arg-type]


def _try_outbound_errors_again(connection: psycopg.Connection, company: Company, lms_id: str) -> None:
    """What stood in the way of the other direction (`total_mismatch`) may be gone."""
    connection.execute(
        "update qbo_sync.sync_error set retry_at = clock_timestamp() where realm_id = %s and status = 'open'"
        "   and direction = 'lms_to_qbo' and record_entity = 'invoice' and record_id = %s"
        "   and error_code not like 'conflict%%'",
        [company.realm_id, lms_id],
    )


INVOICE = InboundRules(
    entity="invoice",
    resource="Invoice",
    observe=observe,
    plan=plan,
    planned=planned,
    apply=apply,
    document_number=lambda record: record.qbo.get("number") or (record.lms or {}).get("invoice", {}).get("number"),
    noun=lambda record: f"Invoice {record.qbo.get('number', record.record_id)}",
)
