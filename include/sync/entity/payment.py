"""Payments, both ways (rule 7)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import psycopg

from include.company.company import Company
from include.lms import invoice_write, payment_write
from include.lms.payment import read_lms_payments, read_payments
from include.model.money import ZERO
from include.model.payment import Application, Payment, ordered
from include.model.plan import Cause, Plan
from include.model.problem import Problem, in_lms
from include.model.record import RecordKey
from include.model.settings import LabSettings
from include.model.staged import LmsPayment, QboPayment
from include.qbo import invoice as qbo_invoice
from include.qbo import payment as qbo_payment
from include.qbo import record as qbo_record
from include.qbo.client import BATCH_SIZE, QboClient
from include.qbo.faults import Fault
from include.sync import fault_words, hand_over, links
from include.sync.entity.applied import (
    kept_in_quickbooks,
    leaving_quickbooks,
    of_other_customers,
    open_balances,
    over_applied,
    synced_and_expected,
)
from include.sync.entity.balance import CHANGED_SECONDS, follow_balance
from include.sync.entity.base import Json, RetryLater, ToLms, ToQuickBooks, Written
from include.sync.entity.duplicates import find_towards_lms, find_towards_quickbooks
from include.sync.entity.in_flight import is_in_flight, is_in_flight_as_sent
from include.sync.entity.payer import payers
from include.sync.fetch import fetch_current, find_current
from include.sync.intents import Intent
from include.sync.plan import payment as planner
from include.sync.plan.allocation import takes_more_from
from include.sync.plan.guards import Subject
from include.sync.plan.matrix import is_on
from include.sync.plan.payment import InvoiceBalance, PaymentContext, StagedPayment
from include.sync.plan.problems import named


class PaymentSync(
    ToQuickBooks[Payment, LmsPayment, QboPayment, PaymentContext],
    ToLms[Payment, LmsPayment, QboPayment, PaymentContext],
):
    """Payments entered on either side."""

    entity = "payment"
    resource: ClassVar[str] = qbo_payment.RESOURCE
    row = StagedPayment
    same_resource = ("payment", "credit_application")
    batch_size = BATCH_SIZE

    # ------------------------------------------------------------------ reading both sides

    def read(
        self, connection: psycopg.Connection, client: QboClient, company: Company, records: Sequence[StagedPayment]
    ) -> None:
        """The LMS's payments with the invoices that they can settle in QuickBooks; QuickBooks' payments where they
        matter, with the invoices that they settle there."""
        found = read_lms_payments(connection, [record.lms_id for record in records if record.lms_id])
        for record in records:
            record.lms, record.context = found.get(record.lms_id or ""), PaymentContext()
        _read_applied(connection, company, [record for record in records if record.lms])
        asked = [r for r in records if r.direction == "qbo_to_lms" or planner.needs_quickbooks(r)]
        self.ask(connection, client, company, asked)
        _read_methods(client, [r for r in records if r.lms and r.lms.payment.method and r.link is None])
        towards_lms = [record for record in records if record.direction == "qbo_to_lms"]
        ours = links.linked_ids(
            connection, company.realm_id, ["credit_application"], [record.record_id for record in towards_lms]
        )
        for record in towards_lms:
            record.known.applies_our_credit = record.record_id in ours
            if record.link is None:
                find_towards_lms(connection, company, record)
                # What may be the same money and was never sent is nothing that waiting could tell.
                in_flight = record.known.duplicate is None and _match_in_flight(connection, company, record)
                record.known.match_in_flight = in_flight
        new = [r for r in records if r.direction == "lms_to_qbo" and r.link is None and r.lms]
        find_towards_quickbooks(connection, client, company, [r for r in new if r.lms and r.lms.origin == "lms"])
        _read_over_applied(connection, client, company, records)
        _read_balances(connection, client, company, [r for r in towards_lms if not r.known.applies_our_credit])

    def ask(
        self, connection: psycopg.Connection, client: QboClient, company: Company, records: Sequence[StagedPayment]
    ) -> None:
        """What QuickBooks has, with all that it settles there."""
        fetch_current(
            connection, client, self.resource, qbo_payment.parse, records, lines_lost=lambda found: found.lines_lost
        )
        _read_settled(connection, client, company, records)
        _read_open_balances(connection, client, records)
        _read_other_customers(connection, company, records)

    def plan(self, record: StagedPayment, lab: LabSettings) -> Plan[Payment]:
        """By the payments' planner."""
        return planner.plan_payment(record, lab)

    def subject(self, record: StagedPayment) -> Subject:
        """Amount, day and QuickBooks' currency."""
        theirs = record.fetched
        return Subject(
            noun=planner.noun(record),
            dated=planner.dated(record),
            dated_in_quickbooks=theirs.date if theirs else None,
            currency=theirs.currency if theirs else None,
        )

    def lab_of(self, record: StagedPayment) -> int | None:
        """The LMS's word, else the mark's."""
        return record.lms.billing_lab_id if record.lms else record.billing_lab_id

    # ------------------------------------------------------------------ to QuickBooks

    def references(self, target: Payment) -> tuple[RecordKey, ...]:
        """Its customer and the invoices it settles."""
        return tuple(dict.fromkeys([target.customer, *(one.invoice for one in target.applications)]))

    def customer(self, record: StagedPayment) -> RecordKey | None:
        """Whom it is from."""
        return record.lms.payment.customer if record.lms else None

    def body(self, record: StagedPayment, plan: Plan[Payment], ids: Mapping[RecordKey, str], company: Company) -> Json:
        """A create, a sparse update with all lines, or what a delete needs."""
        if plan.target is None:
            return qbo_record.delete_body(links.version_of(record))
        if plan.step == "update" and record.fetched:
            return qbo_payment.update_body(plan.target, ids, record.fetched, planner.other_lines(record))
        settings = company.of_lab(record.billing_lab_id)
        return qbo_payment.create_body(plan.target, ids, settings, record.known.method_id)

    def check_answer(self, intent: Intent, answer: Json) -> Problem | None:
        """An answer of 200 does not say that the change was made (trap 19): compare."""
        return fault_words.payment_not_taken_over(self._noun_of(intent), intent, answer)

    def noun(self, base: Payment | None) -> str:
        """Amount and day."""
        return named("payment", base.amount, base.date) if base else "The payment"

    def _noun_of(self, intent: Intent) -> str:
        return self.noun(intent.base if isinstance(intent.base, Payment) else None)

    def explain(self, fault: Fault, intent: Intent, client: QboClient) -> Problem:
        """The fault in words; for a refused link, which invoice and why."""
        return fault_words.explain_payment(fault, self._noun_of(intent), intent, client)

    def find_candidates(self, client: QboClient, bodies: Sequence[Json]) -> list[Json]:
        """Payments of these days."""
        return qbo_payment.find_candidates(client, bodies)

    def is_made_from(self, candidate: Json, body: Json) -> bool:
        """By customer, day, amount and invoices."""
        return qbo_payment.is_made_from(candidate, body)

    def may_be_made_from(self, candidate: Json, body: Json) -> bool:
        """By customer, day and amount."""
        return qbo_payment.may_be_made_from(candidate, body)

    # ------------------------------------------------------------------ to the LMS

    def skipped(self, record: StagedPayment) -> Problem | None:
        """Lines of QuickBooks' payment that the LMS does not have."""
        return planner.skipped_lines(record) if record.link else None

    def in_lms(self, record: StagedPayment) -> Payment | None:
        """The LMS's payment."""
        return record.lms.payment if record.lms else None

    def write(self, connection: psycopg.Connection, company: Company, record: StagedPayment) -> Written:
        """Write the plan to the LMS, with link and base, and the balances of the invoices that it touches."""
        plan = record.planned
        if plan.step == "create":
            return self._create(connection, company, record)
        lms_id = record.lms_id or ""
        self._lock_as_planned(connection, record, lms_id)
        if plan.step in ("delete", "unlink"):
            return self._remove(connection, company, record, lms_id)
        if plan.step == "update" and plan.target:
            return self._update(connection, company, record, lms_id, plan.target)
        if plan.step == "rebase" and plan.target:
            # The balances may have been told while something else was agreed on.
            _lock_invoices(connection, record)
            self._store(connection, company, record, lms_id, plan.target)
            unsure = _follow_balances(connection, company, record)
            return Written(outcome="unchanged", operation="update", lms_id=lms_id, unsure_balances=unsure)
        if record.fetched and record.link and record.link.sync_token != record.fetched.sync_token:
            key = RecordKey("payment", lms_id)
            links.renew_token(connection, company.realm_id, key, record.fetched.sync_token)
        return Written(outcome="unchanged", operation="update", lms_id=lms_id)

    def _create(self, connection: psycopg.Connection, company: Company, record: StagedPayment) -> Written:
        receiver, payer, target = company.receiving_lab, record.known.payer, record.planned.target
        if receiver is None or payer is None or target is None:
            raise RetryLater("there is no lab to receive it any more", CHANGED_SECONDS)
        _lock_invoices(connection, record)
        lms_id = payment_write.create(
            connection,
            target,
            billing_lab_id=receiver.billing_lab_id,
            owner=payer.owner,
        )
        self._store(connection, company, record, lms_id, target)
        unsure = _follow_balances(connection, company, record)
        return Written(outcome="created", operation="create", lms_id=lms_id, unsure_balances=unsure)

    def _lock_as_planned(self, connection: psycopg.Connection, record: StagedPayment, lms_id: str) -> None:
        """Lock the LMS payment and make sure that it is what the plan was made on."""
        payment_write.lock(connection, lms_id)
        now = read_payments(connection, [lms_id]).get(lms_id)
        if now != (record.lms.payment if record.lms else None):
            raise RetryLater("the LMS has changed it meanwhile", CHANGED_SECONDS)

    def _remove(self, connection: psycopg.Connection, company: Company, record: StagedPayment, lms_id: str) -> Written:
        """The payment goes with its applications, or only the link to what is deleted on both sides."""
        if record.planned.cause is Cause.LINKED_TO_NOTHING:
            links.remove(connection, company.realm_id, RecordKey("payment", lms_id))
            hand_over.plan_payment_again(connection, lms_id)
            return Written(outcome="unchanged", operation="update", lms_id=lms_id)
        _lock_invoices(connection, record)
        payment_write.delete(connection, lms_id)
        hand_over.retry_named(connection, in_lms("payment", lms_id))
        _give_back(connection, planner.unsynced_applications(record), ())
        reopened = _reopen_gone(connection, record)
        links.remove(connection, company.realm_id, RecordKey("payment", lms_id))
        unsure = (*_follow_balances(connection, company, record), *reopened)
        deleted = record.planned.step == "delete"
        return Written(
            outcome="deleted" if deleted else "unchanged", operation="delete", lms_id=lms_id, unsure_balances=unsure
        )

    def _update(
        self, connection: psycopg.Connection, company: Company, record: StagedPayment, lms_id: str, theirs: Payment
    ) -> Written:
        """QuickBooks' version, and of what the LMS applied to invoices that do not sync as much as that leaves."""
        if record.planned.cause is Cause.MOVED and theirs.owner:
            payment_write.change_owner(connection, lms_id, theirs.owner)
            hand_over.retry_named(connection, in_lms("payment", lms_id))
            self._store(connection, company, record, lms_id, theirs)
            hand_over.plan_payment_again(connection, lms_id)
            return Written(outcome="updated", operation="update", lms_id=lms_id)
        _lock_invoices(connection, record)
        unsynced = planner.unsynced_applications(record)
        stays = planner.still_applied(theirs, unsynced)
        whole = replace(theirs, applications=ordered([*theirs.applications, *stays]))
        payment_write.update(connection, lms_id, whole)
        hand_over.retry_named(connection, in_lms("payment", lms_id))
        if record.planned.cause is Cause.LINKED_BY_HAND:
            payment_write.change_date(connection, lms_id, theirs.date)
        _give_back(connection, unsynced, stays)
        reopened = _reopen_gone(connection, record)
        self._store(connection, company, record, lms_id, theirs)
        unsure = (*_follow_balances(connection, company, record), *reopened)
        return Written(outcome="updated", operation="update", lms_id=lms_id, unsure_balances=unsure)

    def _store(
        self, connection: psycopg.Connection, company: Company, record: StagedPayment, lms_id: str, base: Payment
    ) -> None:
        token = record.fetched.sync_token if record.fetched else None
        links.store(connection, company.realm_id, RecordKey("payment", lms_id), record.qbo_id or "", base, token)


PAYMENT = PaymentSync()

# ------------------------------------------------------------------ reading


def _read_applied(connection: psycopg.Connection, company: Company, records: Sequence[StagedPayment]) -> None:
    """Which invoices of the LMS payments are in QuickBooks, and which will be."""
    applied = [one for record in records if record.lms for one in record.lms.payment.applications]
    synced, expected = synced_and_expected(connection, company, applied)
    customers = {ours.customer for record in records if (ours := planner.flowing(record))}
    linked = links.qbo_ids(connection, company.realm_id, customers)
    for record in records:
        ours = planner.flowing(record)
        if record.lms is None or ours is None:
            continue
        own = [one.invoice for one in record.lms.payment.applications]
        record.known.synced_invoices = tuple(key for key in own if key in synced)
        record.known.expected_invoices = tuple(sorted(key for key in own if key in expected))
        customer = ours.customer
        # First the invoices: one may be held back for weeks, and its customer is made with it.
        record.known.missing = (*record.known.expected_invoices, *([] if customer in linked else [customer]))


def _read_settled(
    connection: psycopg.Connection, client: QboClient, company: Company, records: Sequence[StagedPayment]
) -> None:
    """Whom QuickBooks' payments are from, and what the invoices that they settle are to the LMS."""
    found = [record.fetched for record in records if record.fetched]
    customers = payers(connection, company.realm_id, [one.customer_id for one in found])
    settled = {qbo_id for one in found for qbo_id in one.invoices}
    invoices = links.lms_ids(connection, company.realm_id, "invoice", settled)
    inbound = [record for record in records if record.direction == "qbo_to_lms"]
    expected = _expected_from_quickbooks(connection, company, settled - set(invoices)) if inbound else set()
    new = [record.fetched for record in inbound if record.link is None and record.fetched]
    methods = qbo_payment.method_names(client, [one.method_id for one in new])
    kept = kept_in_quickbooks(connection, company.realm_id, invoices.values())
    deleted = _deleted_invoices(connection, records)
    leaving = leaving_quickbooks(connection, company.realm_id, deleted)
    for record in records:
        qbo, known = record.fetched, record.known
        known.deleted_invoices = tuple(sorted(key.id for key in _base_invoices(record) if key.id in deleted))
        if qbo is None:
            continue
        known.payer = customers.get(qbo.customer_id)
        agreed = {key.id for key in _base_invoices(record)}
        known.invoice_ids = {
            qbo_id: invoices[qbo_id]
            for qbo_id in qbo.invoices
            if qbo_id in invoices and (invoices[qbo_id] not in kept or invoices[qbo_id] in agreed)
        }
        known.method_name = methods.get(qbo.method_id or "") if record.link is None else None
        known.leaving_invoices = tuple(id_ for id_ in known.deleted_invoices if id_ in leaving)
        if record.direction == "qbo_to_lms":
            known.expected_qbo_invoices = tuple(qbo_id for qbo_id in qbo.invoices if qbo_id in expected)


def _base_invoices(record: StagedPayment) -> list[RecordKey]:
    base = record.link.base if record.link else None
    return [one.invoice for one in base.applications] if base else []


def _deleted_invoices(connection: psycopg.Connection, records: Iterable[StagedPayment]) -> set[str]:
    """Invoices that were agreed on and are not in the LMS any more."""
    agreed = {key.id for record in records for key in _base_invoices(record)}
    rows = connection.execute("select id::text from lms.invoice where id = any(%s::bigint[])", [sorted(agreed)])
    return agreed - {invoice_id for (invoice_id,) in rows}


def _expected_from_quickbooks(connection: psycopg.Connection, company: Company, qbo_ids: Iterable[str]) -> set[str]:
    """Unlinked invoices that the invoices' DAG is about to bring to the LMS: not those of a lab whose settings keep
    them marked."""
    receiver = company.receiving_lab
    rows = connection.execute(
        "select record_id from qbo_sync.change_mark where realm_id = %s and direction = 'qbo_to_lms'"
        "   and entity = 'invoice' and record_id = any(%s) and coalesce(billing_lab_id, %s) = any(%s)",
        [
            company.realm_id,
            sorted(qbo_ids),
            receiver.billing_lab_id if receiver else None,
            [lab for lab, settings in company.settings.items() if is_on("invoice", "qbo_to_lms", settings)],
        ],
    )
    return {qbo_id for (qbo_id,) in rows}


def _read_open_balances(connection: psycopg.Connection, client: QboClient, records: Sequence[StagedPayment]) -> None:
    """Of payments that move money from one invoice to another: what is open of those that take it."""
    for record in records:
        ours, theirs = planner.flowing(record), planner.qbo_version(record)
        if record.direction == "lms_to_qbo" and ours and theirs:
            more = takes_more_from(theirs.applications, ours.applications)
            record.known.open_balances = open_balances(connection, client, more) if more else {}


def _read_other_customers(connection: psycopg.Connection, company: Company, records: Sequence[StagedPayment]) -> None:
    """Of payments that the LMS has given to another customer: which invoices cannot go along."""
    for record in records:
        ours, base = planner.flowing(record), record.link.base if record.link else None
        if ours and base and ours.customer != base.customer:
            others = of_other_customers(connection, company.realm_id, ours.applications, ours.customer)
            record.known.of_other_customers = others


def _read_over_applied(
    connection: psycopg.Connection, client: QboClient, company: Company, records: Sequence[StagedPayment]
) -> None:
    """Of payments that are to be sent and applied to more than is open in the LMS: what QuickBooks says."""
    sent: dict[str, tuple[Application, ...]] = {}
    for record in records:
        ours, base = planner.flowing(record), record.link.base if record.link else None
        if record.direction == "lms_to_qbo" and ours and (record.link is None or (base and ours != base)):
            sent[record.record_id] = ours.applications
    everything = [one for applications in sent.values() for one in applications]
    found = over_applied(connection, client, company.realm_id, everything)
    for record in records:
        own = sent.get(record.record_id, ()) if record.direction == "lms_to_qbo" else ()
        record.known.over_applied = {one.invoice.id: found[one.invoice.id] for one in own if one.invoice.id in found}


def _read_methods(client: QboClient, records: Sequence[StagedPayment]) -> None:
    """QuickBooks' methods of the names that new payments of the LMS bear."""
    if not records:
        return
    by_name = qbo_payment.methods_by_name(client)
    for record in records:
        method = record.lms.payment.method if record.lms else None
        record.known.method_id = by_name.get((method or "").casefold())


def _match_in_flight(connection: psycopg.Connection, company: Company, record: StagedPayment) -> bool:
    """A payment of the LMS like this one that is due to go to QuickBooks: it may be what a lost answer has left there
    (trap 6). Which of the two it is, that direction's DAG decides: it searches before it writes."""
    theirs, payer = planner.qbo_version(record), record.known.payer
    if theirs is None or payer is None or record.fetched is None:
        return False
    if is_in_flight_as_sent(connection, company.realm_id, "payment", record.fetched):
        return True
    rows = connection.execute(
        "select p.id::text from lms.payment p"
        "  join qbo_sync.connection n on n.billing_lab_id = p.billing_lab_id and n.realm_id = %s"
        " where p.billing_account_id = %s and p.payment_date = %s and p.amount = %s and p.origin = 'lms'"
        "   and not exists (select 1 from qbo_sync.entity_link l where l.realm_id = n.realm_id"
        "                      and l.entity = 'payment' and l.lms_id = p.id)",
        [company.realm_id, payer.owner.billing_account_id, theirs.date, theirs.amount],
    ).fetchall()
    matches = read_payments(connection, [id_ for (id_,) in rows])
    return any(
        (match.customer, match.applications) == (theirs.customer, theirs.applications)
        and is_in_flight(connection, company.realm_id, "payment", id_, record.fetched.made_at)
        for id_, match in matches.items()
    )


def _read_balances(
    connection: psycopg.Connection, client: QboClient, company: Company, records: Sequence[StagedPayment]
) -> None:
    """Of every invoice that a payment settles, did, or does not any more.

    Whoever changes what it settles changes them, too: change data capture has answered with all of them together. Those
    of a payment that had to be asked for are asked for, too.
    """
    touched = {record.record_id: _touched(record) for record in records}
    ids = links.qbo_ids(connection, company.realm_id, {key for keys in touched.values() for key in keys})
    asked = {key for record in records if not (record.qbo and record.qbo.captured) for key in touched[record.record_id]}
    found = find_current(
        connection,
        client,
        qbo_invoice.RESOURCE,
        qbo_invoice.parse,
        ids.values(),
        ask={ids[key] for key in asked if key in ids},
    )
    for record in records:
        record.known.balances = {
            key.id: InvoiceBalance(
                sync_token=found[ids[key]].sync_token,
                balance=found[ids[key]].balance,
                voided=found[ids[key]].voided,
            )
            for key in sorted(touched[record.record_id])
            if key in ids and ids[key] in found
        }


def _touched(record: StagedPayment) -> set[RecordKey]:
    versions = (planner.flowing(record), planner.qbo_version(record))
    return {*_base_invoices(record), *(one.invoice for version in versions if version for one in version.applications)}


# ------------------------------------------------------------------ writing to the LMS


def _lock_invoices(connection: psycopg.Connection, record: StagedPayment) -> None:
    """In the order of their ids; one that was deleted has taken its applications with it."""
    target = record.planned.target
    settled = {one.invoice.id for one in target.applications} if target else set()
    ids = {key.id for key in _touched(record)} | {one.invoice.id for one in planner.unsynced_applications(record)}
    deleted = {id_ for id_ in sorted(ids, key=int) if not invoice_write.lock(connection, id_)}
    if settled & deleted:
        raise RetryLater("an invoice of it has left the LMS", CHANGED_SECONDS)


def _follow_balances(connection: psycopg.Connection, company: Company, record: StagedPayment) -> tuple[str, ...]:
    """QuickBooks' balances as read with the payment; the invoices whose balance cannot be told now are returned."""
    unsure = []
    for lms_id, seen in record.known.balances.items():
        if _has_newer_version(connection, company.realm_id, lms_id, seen.sync_token):
            unsure.append(lms_id)
            continue
        try:
            follow_balance(connection, company.realm_id, lms_id, seen.balance, voided=seen.voided)
        except RetryLater:
            unsure.append(lms_id)
    return tuple(unsure)


def _reopen_gone(connection: psycopg.Connection, record: StagedPayment) -> tuple[str, ...]:
    """Invoices that QuickBooks does not show, and that the LMS applied the payment to: nobody tells their balances any
    more, and one may stay in the LMS (rule 8.9), open for what is not applied to it there. Their ids: a query may hide
    one that is there, and knows of more that settles it."""
    gone = tuple(
        one.invoice.id
        for one in (record.lms.payment.applications if record.lms else ())
        if one.invoice in record.known.synced_invoices and one.invoice.id not in record.known.balances
    )
    for invoice_id in gone:
        invoice_write.reopen(connection, invoice_id)
    return gone


def _give_back(connection: psycopg.Connection, before: Sequence[Application], after: Sequence[Application]) -> None:
    """The balances of invoices that are not in QuickBooks: whoever changes their applications keeps them."""
    kept = {one.invoice: one.amount for one in after}
    for one in before:
        invoice_write.raise_balance(connection, one.invoice.id, one.amount - kept.get(one.invoice, ZERO))


def _has_newer_version(connection: psycopg.Connection, realm_id: str, lms_id: str, token: str) -> bool:
    """Whether the invoices' DAG has read a later version of the invoice than this one."""
    row = connection.execute(
        "select 1 from qbo_sync.entity_link where realm_id = %s and entity = 'invoice' and lms_id = %s"
        "   and sync_token::bigint > %s::bigint",
        [realm_id, int(lms_id), token],
    ).fetchone()
    return row is not None
