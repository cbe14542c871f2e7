"""Invoices, from the LMS to QuickBooks."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import psycopg

from include.company.company import Company
from include.lms.invoice import read_invoices
from include.model.invoice import Invoice
from include.model.plain import Canonical, invoice_from_plain, to_plain
from include.model.problem import Problem
from include.model.record import TAX_ITEM, RecordKey
from include.qbo import invoice as qbo_invoice
from include.qbo import invoice_inbound
from include.qbo import payment as qbo_payment
from include.qbo.client import BATCH_SIZE, QboClient, Write
from include.qbo.customer import without_suffix
from include.qbo.faults import Fault
from include.sync import links, words
from include.sync.entity.present import read_present
from include.sync.entity.refused import note_refused
from include.sync.entity.rules import EntityRules, Json
from include.sync.intents import Intent
from include.sync.invoice_items import read_items
from include.sync.plan.action import Plan
from include.sync.plan.invoice import InvoiceSituation, plan_invoice, total_mismatch
from include.sync.staging import StagedRecord


def references(invoice: Canonical) -> tuple[RecordKey, ...]:
    """Its customer, the items of its lines, and the tax item if it bears tax; each once, in this order."""
    if not isinstance(invoice, Invoice):
        raise TypeError("an invoice is expected")
    items = [line.product for line in invoice.lines if line.product]
    tax = [TAX_ITEM] if invoice.tax else []
    return tuple(dict.fromkeys([invoice.customer, *items, *tax]))


def observe(
    connection: psycopg.Connection, client: QboClient, company: Company, records: Sequence[StagedRecord]
) -> None:
    """For new invoices: what is not linked yet, and unlinked QuickBooks invoices that may be the same.

    For those that are un-invoiced: what QuickBooks has of them by now.
    """
    _read_present(connection, client, company, [r for r in records if r.link and r.lms is None])
    new = {r.record_id: invoice_from_plain(r.lms) for r in records if r.link is None and r.lms}
    keys = {key for invoice in new.values() for key in references(invoice)}
    ids = links.qbo_ids(connection, company.realm_id, keys)
    ready = []
    for record in records:
        if record.record_id not in new:
            continue
        invoice = new[record.record_id]
        record.qbo["missing"] = [list(key) for key in references(invoice) if key not in ids]
        if not record.qbo["missing"] and invoice.origin == "lms":
            ready.append(record)
    if not ready or not company.preferences.custom_transaction_numbers:
        # A number that QuickBooks gives says nothing; one of the same customer, day and total may be another invoice.
        return
    refused: dict[str, Fault] = {}
    numbers = [new[record.record_id].number for record in ready]
    candidates = client.find("Invoice", "DocNumber", numbers, refused=refused)
    taken = links.linked_ids(connection, company.realm_id, ["invoice"], [body["Id"] for body in candidates])
    for record in ready:
        invoice = new[record.record_id]
        note_refused(record, invoice.number, refused)
        record.qbo["same"] = [
            [body["Id"], body["SyncToken"], qbo_invoice.total(body)]
            for body in candidates
            if body["Id"] not in taken
            and body.get("DocNumber") == invoice.number
            and qbo_invoice.is_same(body, invoice, ids[invoice.customer])
        ]


def _read_present(
    connection: psycopg.Connection, client: QboClient, company: Company, records: Sequence[StagedRecord]
) -> None:
    lost = invoice_inbound.has_lost_its_lines
    found = read_present(client, qbo_invoice.RESOURCE, records, has_lost_its_lines=lost)
    items = read_items(connection, company.realm_id, [body for _, body in found])
    for record, body in found:
        base = (record.link or {})["base"]
        customer = RecordKey(*base["customer"]) if base.get("customer") else RecordKey("billing_account", "")
        record.qbo["present"] = {
            "sync_token": body["SyncToken"],
            "invoice": to_plain(invoice_inbound.from_body(body, items, customer)),
        }


def plan(record: StagedRecord, company: Company) -> Plan:
    """From the staged row to the planner and back."""
    link = record.link or {}
    present = record.qbo.get("present") or {}
    return plan_invoice(
        InvoiceSituation(
            linked=record.link is not None,
            lms=invoice_from_plain(record.lms) if record.lms else None,
            qbo_id=link.get("qbo_id"),
            sync_token=present.get("sync_token", link.get("sync_token")),
            qbo_total=Decimal(link["base"]["total"]) if "total" in link.get("base", {}) else None,
            base=invoice_from_plain(link["base"]) if "total" in link.get("base", {}) else None,
            qbo=invoice_from_plain(present["invoice"]) if present else None,
            start_date=company.of_lab(record.billing_lab_id).sync_start_date,
            book_close_date=company.preferences.book_close_date,
            missing=[RecordKey(entity, id_) for entity, id_ in record.qbo.get("missing", [])],
            same=[(qbo_id, token) for qbo_id, token, _ in record.qbo.get("same", [])],
        )
    )


def body(record: StagedRecord, ids: Mapping[RecordKey, str], company: Company) -> Json:
    """A create, or what a delete needs."""
    if record.action == "delete":
        return {"Id": record.plan["qbo_id"], "SyncToken": record.plan["sync_token"]}
    invoice = invoice_from_plain(record.lms or {})
    return qbo_invoice.create_body(invoice, ids, company.of_lab(record.billing_lab_id), company.preferences)


def agreed(lms: Json, answer: Json) -> Json:
    """The base: what was sent, with the total that QuickBooks made of it."""
    return {**lms, "total": qbo_invoice.total(answer)}


def objection(intent: Intent, answer: Json) -> Problem | None:
    """TotalAmt must equal the LMS total to the cent (sync rules, section 4)."""
    lms, total = intent.base, qbo_invoice.total(answer)
    if total == Decimal(lms["total"]):
        return None
    return total_mismatch(lms["number"], Decimal(lms["total"]), total)


def explain(fault: Fault, intent: Intent, client: QboClient) -> Problem:
    """The fault in words, with the names that QuickBooks leaves out: who has the number, what is inactive."""
    invoice = _noun(intent.base)
    problem = words.explain(fault, invoice)
    holder = qbo_invoice.number_holder(fault)
    if holder:
        kind, qbo_id = holder
        found = client.read(kind, qbo_id)
        what = f"the {kind.lower()} with id {qbo_id}" if isinstance(found, Fault) else qbo_invoice.in_words(kind, found)
        return replace(
            problem,
            message=f"{invoice} cannot be created in QuickBooks: its number is already used there by {what}.",
            detail={**problem.detail, "holder": kind, "holder_id": qbo_id},
        )
    inactive = _inactive_references(client, intent.payload) if problem.code == "inactive_reference" else []
    if inactive:
        names = " and ".join(inactive)
        verb = "is" if len(inactive) == 1 else "are"
        return replace(
            problem,
            message=f"{invoice} cannot be created: in QuickBooks {names} {verb} inactive.",
            resolution=f"Make {names} active again in QuickBooks, then retry.",
        )
    return problem


def _noun(plain: Mapping[str, Any]) -> str:
    return f"Invoice {plain.get('number', '')}".strip()


def _inactive_references(client: QboClient, body: Json) -> list[str]:
    """The customer and the items of an invoice that are inactive, as a bookkeeper names them."""
    details = [line.get("SalesItemLineDetail", {}) for line in body.get("Line", [])]
    items = [detail["ItemRef"]["value"] for detail in details if "ItemRef" in detail]
    wanted = (
        ("Customer", "DisplayName", "customer", [body["CustomerRef"]["value"]]),
        ("Item", "Name", "product", [item for item in items if item.isdigit()]),
    )
    return [
        f"the {noun} “{without_suffix(record[field])}”"
        for resource, field, noun, ids in wanted
        for record in client.find(resource, "Id", ids, also="Active = false")
    ]


def candidates(client: QboClient, bodies: Sequence[Json]) -> list[Json]:
    """Invoices of these numbers; of these days where QuickBooks numbers them itself."""
    if all("DocNumber" in body for body in bodies):
        return client.find("Invoice", "DocNumber", [body["DocNumber"] for body in bodies])
    return client.find_all("Invoice", "TxnDate", [body["TxnDate"] for body in bodies])


#: Refusals that no payment is the cause of: closed books, a subscription that has ended, a person without the right.
_NOT_FOR_ITS_PAYMENTS = {"6200", "6210", "6190", "5020", "5030"}


def unlink_payments(client: QboClient, intent: Intent, fault: Fault) -> bool:
    """Where QuickBooks refuses to delete an invoice that payments are linked to, take them off it (dossier 9.4, which
    does not know the fault's code).

    The payments stay, with that money unapplied; those that only joined a credit memo to it go. True if any was linked.
    """
    if intent.operation != "delete" or fault.code in _NOT_FOR_ITS_PAYMENTS:
        return False
    invoice = client.read("Invoice", intent.payload["Id"])
    if isinstance(invoice, Fault):
        return False
    ids = [one["TxnId"] for one in invoice.get("LinkedTxn", []) if one.get("TxnType") == "Payment"]
    unlinked = 0
    for payment in client.find("Payment", "Id", ids):
        update = qbo_payment.without_invoice(payment, invoice["Id"])
        token = {"Id": payment["Id"], "SyncToken": payment["SyncToken"]}
        write = Write(operation="update" if update else "delete", resource="Payment", body=update or token)
        request_id = f"unlink-{client.realm_id[-10:]}-{payment['Id']}-{payment['SyncToken']}"
        [result] = client.write([write], request_id=request_id)
        unlinked += not isinstance(result, Fault)
    return unlinked > 0


INVOICE = EntityRules(
    entity="invoice",
    resource=qbo_invoice.RESOURCE,
    same_family=("invoice",),
    batch_size=BATCH_SIZE,
    parallel=3,
    read=read_invoices,
    observe=observe,
    plan=plan,
    references=references,
    body=body,
    from_plain=invoice_from_plain,
    agreed=agreed,
    objection=objection,
    explain=explain,
    noun=_noun,
    document_number=lambda lms: lms.get("number"),
    candidates=candidates,
    came_from=qbo_invoice.came_from,
    clear_the_way=unlink_payments,
)
