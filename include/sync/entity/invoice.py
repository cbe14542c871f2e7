"""Invoices, both ways."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import ClassVar

import psycopg

from include.company.company import Company
from include.lms import invoice_write
from include.lms.invoice import read_invoices
from include.lms.product import read_products
from include.model.invoice import Invoice
from include.model.plan import Cause, Plan
from include.model.problem import Problem
from include.model.record import TAX_ITEM, RecordKey
from include.model.settings import LabSettings
from include.model.staged import LmsInvoice, QboInvoice, RefusedLookup
from include.qbo import customer as qbo_customer
from include.qbo import invoice as qbo_invoice
from include.qbo import payment as qbo_payment
from include.qbo import record as qbo_record
from include.qbo.client import BATCH_SIZE, QboClient, Write
from include.qbo.faults import Fault
from include.qbo.names import inactive_in_words
from include.sync import fault_words, hand_over, links
from include.sync.entity.balance import CHANGED_SECONDS, follow_balance, refuse_while_in_flight
from include.sync.entity.base import Json, RetryLater, SendBeside, ToLms, ToQuickBooks, Written
from include.sync.entity.in_flight import is_in_flight, is_in_flight_as_sent
from include.sync.entity.payer import names_of, payers
from include.sync.fetch import fetch_current
from include.sync.intents import Intent
from include.sync.plan import invoice as planner
from include.sync.plan import problems
from include.sync.plan.guards import Subject
from include.sync.plan.invoice import InvoiceContext, NumberMatch, StagedInvoice

#: Refusals of a delete that no payment is the cause of: closed books, a subscription that has ended, a missing right;
#: and where QuickBooks did not refuse it but kept breaking.
_NOT_FOR_ITS_PAYMENTS = {"6200", "6210", "6190", "5020", "5030", ""}


class InvoiceSync(
    ToQuickBooks[Invoice, LmsInvoice, QboInvoice, InvoiceContext],
    ToLms[Invoice, LmsInvoice, QboInvoice, InvoiceContext],
):
    """Invoices of cases, and those that were written in QuickBooks."""

    entity = "invoice"
    resource: ClassVar[str] = qbo_invoice.RESOURCE
    row = StagedInvoice
    same_resource = ("invoice",)
    batch_size = BATCH_SIZE
    parallel = 3

    # ------------------------------------------------------------------ reading both sides

    def read(
        self, connection: psycopg.Connection, client: QboClient, company: Company, records: Sequence[StagedInvoice]
    ) -> None:
        """The LMS's invoices; QuickBooks' where it matters; around them customers, items and what bears the number."""
        invoices = read_invoices(connection, [record.lms_id for record in records if record.lms_id])
        for record in records:
            record.context = InvoiceContext()
            ours = invoices.get(record.lms_id or "")
            record.lms = LmsInvoice(invoice=ours) if ours else None
        asked = [r for r in records if r.direction == "qbo_to_lms" or planner.needs_quickbooks(r)]
        fetch_current(
            connection, client, self.resource, qbo_invoice.parse, asked, lines_lost=lambda found: found.lines_lost
        )
        _read_balances(connection, company, [r for r in asked if r.lms])
        _read_payers_and_items(connection, company, [r for r in asked if r.fetched])
        _read_customer_names(connection, [r for r in records if r.link and r.lms])
        new = [r for r in records if r.link is None and r.lms]
        _read_held(connection, company, new)
        # Of what is held nobody asks before its time has come.
        _find_in_quickbooks(self, connection, client, company, [r for r in new if r.known.held_until is None])
        _find_in_lms(connection, company, [r for r in asked if r.link is None and r.fetched])

    def plan(self, record: StagedInvoice, lab: LabSettings) -> Plan[Invoice]:
        """By the invoices' planner."""
        return planner.plan_invoice(record, lab)

    def subject(self, record: StagedInvoice) -> Subject:
        """Number, day and QuickBooks' currency."""
        theirs = record.fetched
        return Subject(
            noun=planner.noun(record),
            dated=planner.dated(record),
            dated_in_quickbooks=theirs.date if theirs else None,
            currency=theirs.currency if theirs else None,
        )

    def document_number(self, record: StagedInvoice) -> str | None:
        """Its number."""
        return planner.document_number(record)

    def lab_of(self, record: StagedInvoice) -> int | None:
        """The LMS's word, else the mark's."""
        return (record.lms.billing_lab_id if record.lms else None) or record.billing_lab_id

    # ------------------------------------------------------------------ to QuickBooks

    def references(self, target: Invoice) -> tuple[RecordKey, ...]:
        """Its customer, the items of its lines, and the tax item if it bears tax; each once, in this order."""
        items = [line.product for line in target.lines if line.product]
        tax = [TAX_ITEM] if target.tax else []
        return tuple(dict.fromkeys([target.customer, *items, *tax]))

    def customer(self, record: StagedInvoice) -> RecordKey | None:
        """Whom it is for."""
        return record.lms.invoice.customer if record.lms else None

    def body(self, record: StagedInvoice, plan: Plan[Invoice], ids: Mapping[RecordKey, str], company: Company) -> Json:
        """A create, or what a delete needs."""
        if plan.target is None:
            return qbo_record.delete_body(links.version_of(record))
        return qbo_invoice.create_body(plan.target, ids, company.of_lab(record.billing_lab_id), company.preferences)

    def agreed(self, base: Invoice, answer: Json) -> Invoice:
        """What was sent, with the total that QuickBooks made of it."""
        return replace(base, total=qbo_record.total(answer))

    def check_answer(self, intent: Intent, answer: Json) -> Problem | None:
        """The totals must be equal to the cent (rule 4)."""
        base, total = intent.base, qbo_record.total(answer)
        if not isinstance(base, Invoice) or total == base.total:
            return None
        return problems.total_mismatch(base.number, base.total, total)

    def noun(self, base: Invoice | None) -> str:
        """“Invoice 1042”."""
        return f"Invoice {base.number}" if base else "The invoice"

    def number(self, base: Invoice | None) -> str | None:
        """Its number."""
        return base.number if base else None

    def explain(self, fault: Fault, intent: Intent, client: QboClient) -> Problem:
        """The fault in words, with the names that QuickBooks leaves out: who has the number, what is inactive."""
        invoice = self.noun(intent.base if isinstance(intent.base, Invoice) else None)
        problem = fault_words.explain(fault, invoice)
        holder = qbo_invoice.number_holder(fault)
        if holder:
            kind, qbo_id = holder
            found = client.read(kind, qbo_id)
            unknown = f"the {kind.lower()} with QuickBooks id {qbo_id}"
            what = unknown if isinstance(found, Fault) else qbo_invoice.in_words(kind, found)
            return fault_words.number_in_use(problem, invoice, what, kind, qbo_id)
        if problem.code != "inactive_reference":
            return problem
        customers = qbo_customer.referenced(self.resource, intent.payload)
        inactive = inactive_in_words(client, customers, qbo_invoice.item_ids(intent.payload))
        return fault_words.inactive(problem, invoice, inactive) if inactive else problem

    def find_candidates(self, client: QboClient, bodies: Sequence[Json]) -> list[Json]:
        """Invoices of these numbers or days."""
        return qbo_invoice.find_candidates(client, bodies)

    def is_made_from(self, candidate: Json, body: Json) -> bool:
        """By number, customer, day, note and lines."""
        return qbo_invoice.is_made_from(candidate, body)

    def remove_cause(self, client: QboClient, intent: Intent, fault: Fault, send_beside: SendBeside) -> bool:
        """Where QuickBooks refuses to delete an invoice that payments are linked to, take them off it (fact 9.4, which
        does not know the fault's code).

        The payments stay, with that money unapplied; those that only joined a credit memo to it go.
        """
        if intent.operation != "delete" or fault.code in _NOT_FOR_ITS_PAYMENTS:
            return False
        invoice = client.read(self.resource, intent.payload_id)
        if isinstance(invoice, Fault):
            return False
        released = False
        for payment in client.find(qbo_payment.RESOURCE, "Id", qbo_invoice.payment_ids(invoice)):
            version = qbo_record.version(payment)
            update = qbo_payment.without_invoice(payment, intent.payload_id)
            body = update or qbo_record.delete_body(version)
            write = Write(operation="update" if update else "delete", resource=qbo_payment.RESOURCE, body=body)
            released = send_beside(write, "unlink", payment) or released
        return released

    # ------------------------------------------------------------------ to the LMS

    def in_lms(self, record: StagedInvoice) -> Invoice | None:
        """The LMS's invoice."""
        return record.lms.invoice if record.lms else None

    def left_in_lms(self, record: StagedInvoice) -> Invoice | None:
        """Of an invoice that is the LMS's own only the amounts change (rule 4)."""
        ours, target = self.in_lms(record), record.planned.target
        if ours is None or target is None or ours.origin == "qbo":
            return target or ours
        amounts = {name: getattr(target, name) for name in ("discount", "shipping", "tax", "total")}
        return replace(ours, **amounts)

    def write(self, connection: psycopg.Connection, company: Company, record: StagedInvoice) -> Written:
        """Write the plan to the LMS, with link and base."""
        plan = record.planned
        if plan.step == "create":
            return self._create(connection, company, record)
        if plan.step == "adopt":
            return self._adopt(connection, company, record)
        lms_id = record.lms_id or ""
        self._lock_as_planned(connection, record, lms_id)
        if plan.step in ("delete", "unlink"):
            return self._remove(connection, company, record, lms_id)
        if record.lms is None or record.fetched is None:
            return Written(outcome="unchanged", operation="update", lms_id=lms_id)
        return self._follow(connection, company, record, lms_id)

    def _create(self, connection: psycopg.Connection, company: Company, record: StagedInvoice) -> Written:
        receiver, payer, target = company.receiving_lab, record.known.payer, record.planned.target
        if receiver is None or payer is None or target is None or record.fetched is None:
            raise RetryLater("there is no lab to receive it any more", CHANGED_SECONDS)
        lms_id = invoice_write.create(
            connection,
            target,
            billing_lab_id=receiver.billing_lab_id,
            owner=payer.owner,
            balance=record.fetched.balance,
        )
        self._store(connection, company, record, lms_id, target)
        return Written(outcome="created", operation="create", lms_id=lms_id)

    def _adopt(self, connection: psycopg.Connection, company: Company, record: StagedInvoice) -> Written:
        match, target, qbo = record.planned.match, record.planned.target, record.fetched
        if match is None or target is None or qbo is None:
            raise RuntimeError("an adoption has a match on both sides")
        refuse_while_in_flight(connection, company.realm_id, record, qbo.customer_id, [match.id])
        there = invoice_write.lock(connection, match.id)
        ours = read_invoices(connection, [match.id]).get(match.id)
        linked = links.qbo_ids(connection, company.realm_id, [RecordKey("invoice", match.id)])
        # What it was matched by; given to another customer, it would be linked to one that nobody asks about.
        if not there or ours is None or linked or (ours.customer, ours.total) != (target.customer, qbo.total):
            raise RetryLater("it changed while it was in hand", CHANGED_SECONDS)
        invoice_write.update_amounts(connection, match.id, target)
        self._store(connection, company, record, match.id, planner.agreed_with(target, ours))
        follow_balance(connection, company.realm_id, match.id, qbo.balance, voided=qbo.voided)
        return Written(outcome="adopted", operation="create", lms_id=match.id)

    def _lock_as_planned(self, connection: psycopg.Connection, record: StagedInvoice, lms_id: str) -> None:
        """Lock the LMS invoice and make sure that it is what the plan was made on."""
        invoice_write.lock(connection, lms_id)
        now = read_invoices(connection, [lms_id]).get(lms_id)
        if now != (record.lms.invoice if record.lms else None):
            raise RetryLater("the LMS has changed it meanwhile", CHANGED_SECONDS)

    def _follow(self, connection: psycopg.Connection, company: Company, record: StagedInvoice, lms_id: str) -> Written:
        """Amounts if they are planned, and always the balance, as it is by now."""
        plan, qbo, ours = record.planned, record.fetched, record.lms
        if qbo is None or ours is None or record.link is None:
            raise RuntimeError("a linked invoice that is on both sides")
        written = False
        if plan.step == "update" and plan.cause is not Cause.BALANCE and plan.target:
            invoice_write.update_amounts(connection, lms_id, plan.target)
            if ours.invoice.origin == "qbo":
                if ours.invoice.lines != plan.target.lines:
                    invoice_write.replace_lines(connection, lms_id, plan.target.lines)
                if plan.target.owner and plan.target.owner != ours.invoice.owner:
                    invoice_write.change_owner(connection, lms_id, plan.target.owner)
            if plan.cause is Cause.VOIDED:
                hand_over.invoice_voided(connection, company.realm_id, lms_id)
            written = True
        written |= follow_balance(connection, company.realm_id, lms_id, qbo.balance, voided=qbo.voided)
        if plan.target and plan.step in ("update", "rebase"):
            self._store(connection, company, record, lms_id, plan.target)
        elif record.link.sync_token != qbo.sync_token:
            links.renew_token(connection, company.realm_id, RecordKey("invoice", lms_id), qbo.sync_token)
        if written or plan.step == "rebase":
            hand_over.retry_to_quickbooks(connection, company.realm_id, "invoice", lms_id)
        return Written(outcome="updated" if written else "unchanged", operation="update", lms_id=lms_id)

    def _remove(self, connection: psycopg.Connection, company: Company, record: StagedInvoice, lms_id: str) -> Written:
        """The invoice goes with its applications, or only the link to what is deleted on both sides."""
        deleted = record.planned.step == "delete"
        if deleted:
            hand_over.invoice_left_lms(connection, lms_id)
            invoice_write.delete(connection, lms_id)
        links.remove(connection, company.realm_id, RecordKey("invoice", lms_id))
        hand_over.retry_to_quickbooks(connection, company.realm_id, "invoice", lms_id)
        return Written(outcome="deleted" if deleted else "unchanged", operation="delete", lms_id=lms_id)

    def _store(
        self, connection: psycopg.Connection, company: Company, record: StagedInvoice, lms_id: str, base: Invoice
    ) -> None:
        token = record.fetched.sync_token if record.fetched else None
        links.store(connection, company.realm_id, RecordKey("invoice", lms_id), record.record_id, base, token)


INVOICE = InvoiceSync()


def _read_balances(connection: psycopg.Connection, company: Company, records: Sequence[StagedInvoice]) -> None:
    """Lab, balance, and what QuickBooks does not know of it yet: they count only beside QuickBooks' version."""
    rows = connection.execute(
        "select id::text, billing_lab_id, balance, qbo_sync.unsynced_applications(%s, id) from lms.invoice"
        " where id = any(%s::bigint[])",
        [company.realm_id, [record.lms_id for record in records]],
    )
    found = {id_: (lab, balance, unsynced) for id_, lab, balance, unsynced in rows}
    for record in records:
        if record.lms and record.lms_id in found:
            lab, balance, unsynced = found[record.lms_id]
            record.lms = replace(record.lms, billing_lab_id=lab, balance=balance, unsynced_applications=unsynced)


def _read_payers_and_items(connection: psycopg.Connection, company: Company, records: Sequence[StagedInvoice]) -> None:
    found = [record.fetched for record in records if record.fetched]
    customers = payers(connection, company.realm_id, [one.customer_id for one in found])
    items = _items(connection, company.realm_id, {line.item_id for one in found for line in one.lines if line.item_id})
    for record in records:
        if record.fetched:
            record.known.payer = customers.get(record.fetched.customer_id)
            own = {line.item_id for line in record.fetched.lines}
            record.known.items = {id_: key for id_, key in items.items() if id_ in own}


def _read_customer_names(connection: psycopg.Connection, records: Sequence[StagedInvoice]) -> None:
    """Of whom the LMS's linked invoices are for."""
    customers = {record.record_id: ours.customer for record in records if (ours := planner.lms_version(record))}
    names = names_of(connection, customers.values())
    for record in records:
        record.known.customer_name = names.get(customers[record.record_id], "")


def _read_held(connection: psycopg.Connection, company: Company, records: Sequence[StagedInvoice]) -> None:
    """Until when the lab lets its new invoices wait."""
    rows = connection.execute(
        # one look-up for each: as a join it may read all marks for each
        "select asked.id::text, (select goes_out_at from qbo_sync.held_invoice h"
        "                         where h.realm_id = %s and h.invoice_id = asked.id)"
        "  from unnest(%s::bigint[]) as asked (id)",
        [company.realm_id, [record.lms_id for record in records]],
    )
    until: dict[str, datetime | None] = dict(rows.fetchall())
    for record in records:
        record.known.held_until = until.get(record.lms_id or "")


def _items(connection: psycopg.Connection, realm_id: str, ids: set[str]) -> dict[str, RecordKey]:
    """The product or special item behind each QuickBooks item that is linked."""
    products = links.lms_ids(connection, realm_id, "product", ids)
    there = read_products(connection, list(products.values()))
    special = links.lms_ids(connection, realm_id, "special_item", ids)
    return {
        **{qbo_id: RecordKey("product", lms_id) for qbo_id, lms_id in products.items() if lms_id in there},
        **{qbo_id: RecordKey("special_item", name) for qbo_id, name in special.items()},
    }


def _find_in_quickbooks(
    sync: InvoiceSync,
    connection: psycopg.Connection,
    client: QboClient,
    company: Company,
    records: Sequence[StagedInvoice],
) -> None:
    """Of new invoices of the LMS: what they refer to and is not linked; QuickBooks' invoices of their number."""
    new = {record.record_id: record.lms.invoice for record in records if record.lms}
    keys = {key for invoice in new.values() for key in sync.references(invoice)}
    ids = links.qbo_ids(connection, company.realm_id, keys)
    ready = []
    for record in records:
        invoice = new[record.record_id]
        record.known.missing = tuple(key for key in sync.references(invoice) if key not in ids)
        record.known.customer_qbo_id = ids.get(invoice.customer)
        if not record.known.missing and invoice.origin == "lms":
            ready.append(record)
    if not ready or not company.preferences.custom_transaction_numbers:
        # A number that QuickBooks gives says nothing; one of the same customer, day and total may be another invoice.
        return
    refused: dict[str, Fault] = {}
    found = qbo_invoice.find_by_number(client, [new[record.record_id].number for record in ready], refused)
    taken = links.linked_ids(connection, company.realm_id, ["invoice"], [one.qbo_id for one in found])
    for record in ready:
        number = new[record.record_id].number
        same = [one for one in found if one.number == number]
        record.known.number_matches = tuple(one for one in same if one.qbo_id not in taken)
        record.known.linked_number_matches = tuple(one for one in same if one.qbo_id in taken)
        if number in refused:
            record.known.refused_lookup = RefusedLookup(name=number, fault=refused[number].as_detail())


def _find_in_lms(connection: psycopg.Connection, company: Company, records: Sequence[StagedInvoice]) -> None:
    """Of new invoices of QuickBooks: those of the company's labs with their number; whether one that looks
    the same is on its way."""
    numbers = [planner.shown_number(record.fetched) for record in records if record.fetched]
    rows = connection.execute(
        "select i.id::text, i.invoice_number, i.billing_lab_id, b.name, exists ("
        "   select 1 from qbo_sync.entity_link l where l.realm_id = n.realm_id and l.entity = 'invoice'"
        "      and l.lms_id = i.id)"
        "  from qbo_sync.connection n"
        "  join lms.billing_lab b on b.id = n.billing_lab_id"
        "  join lms.invoice i on i.billing_lab_id = n.billing_lab_id and i.invoice_number = any(%s)"
        " where n.realm_id = %s order by i.id",
        [numbers, company.realm_id],
    ).fetchall()
    invoices = read_invoices(connection, [row[0] for row in rows])
    names = names_of(connection, [one.customer for one in invoices.values()])
    for record in records:
        if record.fetched is None:
            continue
        record.known.lms_number_matches = tuple(
            NumberMatch(
                lms_id=id_,
                lab_id=lab_id,
                lab=lab,
                linked=linked,
                customer=invoices[id_].customer,
                customer_name=names.get(invoices[id_].customer, ""),
                date=invoices[id_].date,
                total=invoices[id_].total,
            )
            for id_, number, lab_id, lab, linked in rows
            if number == planner.shown_number(record.fetched) and id_ in invoices
        )
        record.known.match_in_flight = _match_in_flight(connection, company, record)


def _match_in_flight(connection: psycopg.Connection, company: Company, record: StagedInvoice) -> bool:
    """An invoice of the LMS of the same customer, day and total that is due to go to QuickBooks. Where the LMS numbers
    them, its number tells it apart, unless it has changed since it was sent."""
    payer, qbo = record.known.payer, record.fetched
    if payer is None or qbo is None:
        return False
    if is_in_flight_as_sent(connection, company.realm_id, "invoice", qbo):
        return True
    if company.preferences.custom_transaction_numbers:
        return False
    rows = connection.execute(
        "select i.id::text from lms.invoice i"
        "  join qbo_sync.connection n on n.billing_lab_id = i.billing_lab_id and n.realm_id = %s"
        " where i.billing_account_id = %s and i.invoice_date = %s and i.total_amount = %s and i.origin = 'lms'"
        "   and not exists (select 1 from qbo_sync.entity_link l where l.realm_id = n.realm_id"
        "                      and l.entity = 'invoice' and l.lms_id = i.id)",
        [company.realm_id, payer.owner.billing_account_id, qbo.date, qbo.total],
    ).fetchall()
    return any(is_in_flight(connection, company.realm_id, "invoice", id_, qbo.made_at) for (id_,) in rows)
