"""Credits as credit memos, and what they are applied to as one zero-total payment each (rule 6)."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import psycopg

from include.company.company import Company
from include.lms.payment import read_credit_applications, read_credits
from include.model.payment import Credit, CreditApplication
from include.model.plan import Plan
from include.model.problem import Problem
from include.model.record import CREDIT_ITEM, RecordKey
from include.model.settings import LabSettings
from include.model.staged import QboCreditMemo, QboPayment
from include.qbo import credit_memo as qbo_credit
from include.qbo import payment as qbo_payment
from include.qbo import record as qbo_record
from include.qbo.client import BATCH_SIZE, QboClient, Write
from include.qbo.faults import Fault
from include.sync import fault_words, links
from include.sync.entity.applied import leaving_quickbooks, of_other_customers, open_balances, synced_and_expected
from include.sync.entity.base import Json, SendBeside, ToQuickBooks
from include.sync.entity.payer import names_of, payers
from include.sync.fetch import fetch_current
from include.sync.intents import Intent
from include.sync.plan import credit as planner
from include.sync.plan.allocation import takes_more_from
from include.sync.plan.credit import ApplicationContext, CreditContext, StagedApplication, StagedCredit
from include.sync.plan.guards import Subject
from include.sync.plan.problems import named


class CreditSync(ToQuickBooks[Credit, Credit, QboCreditMemo, CreditContext]):
    """Credit memos."""

    entity = "credit"
    resource: ClassVar[str] = qbo_credit.RESOURCE
    row = StagedCredit
    same_resource = ("credit",)
    batch_size = BATCH_SIZE

    def read(
        self, connection: psycopg.Connection, client: QboClient, company: Company, records: Sequence[StagedCredit]
    ) -> None:
        """The LMS's credits; QuickBooks' versions of those that changed; what of customer and item is missing."""
        found = read_credits(connection, [record.record_id for record in records])
        for record in records:
            record.lms, record.context = found.get(record.record_id), CreditContext()
        _read_changed_in_quickbooks(connection, company, self.resource, records)
        asked = [record for record in records if planner.credit_needs_quickbooks(record)]
        fetch_current(connection, client, self.resource, qbo_credit.parse, asked)
        _read_payers(connection, company, [record for record in asked if record.fetched])
        _read_received(connection, client, asked)
        ours = {record.record_id: lms for record in records if (lms := planner.lms_version(record))}
        needed = {key for lms in ours.values() for key in self.references(lms)}
        ids = links.qbo_ids(connection, company.realm_id, needed)
        for record in records:
            if lms := ours.get(record.record_id):
                record.known.missing = tuple(key for key in self.references(lms) if key not in ids)

    def plan(self, record: StagedCredit, lab: LabSettings) -> Plan[Credit]:
        """By the credits' planner."""
        return planner.plan_credit(record, lab)

    def subject(self, record: StagedCredit) -> Subject:
        """Amount and day."""
        return Subject(
            noun=planner.credit_noun(record),
            dated=planner.credit_dated(record),
            dated_in_quickbooks=record.fetched.date if record.fetched else None,
        )

    def references(self, target: Credit) -> tuple[RecordKey, ...]:
        """Its customer and the item for credits."""
        return target.customer, CREDIT_ITEM

    def customer(self, record: StagedCredit) -> RecordKey | None:
        """Whom it is for."""
        return record.lms.customer if record.lms else None

    def body(self, record: StagedCredit, plan: Plan[Credit], ids: Mapping[RecordKey, str], company: Company) -> Json:
        """A create, a sparse update of the amount, or what a delete needs."""
        if plan.target is None:
            return qbo_record.delete_body(links.version_of(record))
        if plan.step == "update":
            return qbo_credit.update_body(plan.target, ids, links.version_of(record))
        return qbo_credit.create_body(plan.target, ids)

    def check_answer(self, intent: Intent, answer: Json) -> Problem | None:
        """An answer of 200 does not say that the change was made (trap 19): compare."""
        base, kept = intent.base, qbo_credit.parse(answer)
        other_customer = fault_words.customer_not_taken_over(self.noun(None), intent, answer)
        if not isinstance(base, Credit) or base.amount == kept.amount:
            return other_customer
        detail = {"qbo_amount": kept.amount, "lms_amount": base.amount}
        return fault_words.not_taken_over(self.noun(base), kept.amount, detail)

    def noun(self, base: Credit | None) -> str:
        """Amount and day."""
        return named("credit", base.amount, base.date) if base else "The credit"

    def explain(self, fault: Fault, intent: Intent, client: QboClient) -> Problem:
        """The fault in words; where the credit memo is applied already, for how much."""
        noun = self.noun(intent.base if isinstance(intent.base, Credit) else None)
        problem = fault_words.explain(fault, noun)
        if fault.code != "6000" or intent.operation != "update":
            return problem
        used = qbo_credit.used(client, intent.payload_id)
        return fault_words.memo_in_use(problem, noun, used) if used else problem

    def find_candidates(self, client: QboClient, bodies: Sequence[Json]) -> list[Json]:
        """Credit memos of these days."""
        return qbo_credit.find_candidates(client, bodies)

    def is_made_from(self, candidate: Json, body: Json) -> bool:
        """By customer, day, amount and note."""
        return qbo_credit.is_made_from(candidate, body)

    def may_be_made_from(self, candidate: Json, body: Json) -> bool:
        """By customer, day and amount."""
        return qbo_credit.may_be_made_from(candidate, body)


def _read_received(connection: psycopg.Connection, client: QboClient, records: Sequence[StagedCredit]) -> None:
    """Fill `received`."""
    applied: dict[str, str] = dict(
        connection.execute(
            "select credit_id::text, qbo_id from qbo_sync.credit_application_link"
            " where realm_id = %s and credit_id = any(%s::bigint[])",
            [client.realm_id, [record.record_id for record in records]],
        ).fetchall()
    )
    payments = [
        qbo_payment.parse(one) for one in client.find(qbo_payment.RESOURCE, "Id", [*applied.values()], refused={})
    ]
    with_money = {one.qbo_id: one for one in payments if one.amount != 0}
    for record in records:
        record.known.received = with_money.get(applied.get(record.record_id, ""))


class CreditApplicationSync(ToQuickBooks[CreditApplication, CreditApplication, QboPayment, ApplicationContext]):
    """What credits are applied to: ours alone, it never comes back as a payment."""

    entity = "credit_application"
    resource: ClassVar[str] = qbo_payment.RESOURCE
    row = StagedApplication
    same_resource = ("payment", "credit_application")

    def read(
        self, connection: psycopg.Connection, client: QboClient, company: Company, records: Sequence[StagedApplication]
    ) -> None:
        """The LMS's applications, which of their invoices are in QuickBooks; QuickBooks' versions of changed ones."""
        found = read_credit_applications(connection, [record.record_id for record in records])
        booked = links.bases(connection, company.realm_id, "credit", list(found))
        for record in records:
            record.lms = found.get(record.record_id)
            record.context = ApplicationContext(credit=booked.get(record.record_id))
        applied = [one for record in records if record.lms for one in record.lms.applications]
        synced, expected = synced_and_expected(connection, company, applied)
        heads = {
            record.record_id: (record.lms.credit, planner.applied_for(record.lms, record.known.credit))
            for record in records
            if record.lms
        }
        ids = links.qbo_ids(connection, company.realm_id, {key for keys in heads.values() for key in keys})
        for record in records:
            if record.lms:
                own = [one.invoice for one in record.lms.applications]
                record.known.synced_invoices = tuple(key for key in own if key in synced)
                record.known.expected_invoices = tuple(sorted(key for key in own if key in expected))
                record.known.missing = tuple(key for key in heads[record.record_id] if key not in ids)
        _read_kept_invoices(connection, company, records)
        for record in records:
            new = planner.flowing(record) if record.link is None else None
            if new:
                record.known.of_other_customers = of_other_customers(
                    connection, company.realm_id, new.applications, new.customer
                )
        _read_changed_in_quickbooks(connection, company, self.resource, records)
        asked = [record for record in records if planner.application_needs_quickbooks(record)]
        fetch_current(
            connection, client, self.resource, qbo_payment.parse, asked, lines_lost=lambda found: found.lines_lost
        )
        settled = {qbo_id for record in asked if record.fetched for qbo_id in record.fetched.invoices}
        invoices = links.lms_ids(connection, company.realm_id, "invoice", settled)
        for record in asked:
            record.known.invoice_ids = {
                qbo_id: invoices[qbo_id]
                for qbo_id in (record.fetched.invoices if record.fetched else ())
                if qbo_id in invoices
            }
        for record in asked:
            ours, base = planner.flowing(record), record.link.base if record.link else None
            if ours and base and record.fetched:
                more = takes_more_from(base.applications, ours.applications)
                record.known.open_balances = open_balances(connection, client, more) if more else {}

    def plan(self, record: StagedApplication, lab: LabSettings) -> Plan[CreditApplication]:
        """By the applications' planner."""
        return planner.plan_application(record, lab)

    def subject(self, record: StagedApplication) -> Subject:
        """The credit's day."""
        base = record.link.base if record.link else None
        return Subject(
            noun=planner.applied_noun(record.lms or base),
            dated=planner.application_dated(record),
            dated_in_quickbooks=record.fetched.date if record.fetched else None,
        )

    def references(self, target: CreditApplication) -> tuple[RecordKey, ...]:
        """The credit, its customer, and the invoices it settles."""
        invoices = [one.invoice for one in target.applications]
        return tuple(dict.fromkeys([target.credit, target.customer, *invoices]))

    def customer(self, record: StagedApplication) -> RecordKey | None:
        """Whom it is for."""
        return record.lms.customer if record.lms else None

    def body(
        self, record: StagedApplication, plan: Plan[CreditApplication], ids: Mapping[RecordKey, str], company: Company
    ) -> Json:
        """A create, a sparse update with all lines, or what a delete needs."""
        if plan.target is None:
            return qbo_record.delete_body(links.version_of(record))
        if plan.step == "update":
            version = links.version_of(record)
            return qbo_payment.application_update_body(plan.target, ids, version.qbo_id, version.sync_token)
        return qbo_payment.application_body(plan.target, ids)

    def check_answer(self, intent: Intent, answer: Json) -> Problem | None:
        """An answer of 200 does not say that the change was made (trap 19): compare."""
        return fault_words.payment_not_taken_over(self._noun_of(intent), intent, answer)

    def noun(self, base: CreditApplication | None) -> str:
        """Amount and day."""
        return planner.applied_noun(base)

    def _noun_of(self, intent: Intent) -> str:
        return self.noun(intent.base if isinstance(intent.base, CreditApplication) else None)

    def explain(self, fault: Fault, intent: Intent, client: QboClient) -> Problem:
        """The fault in words; for a refused link, which document and why."""
        return fault_words.explain_application(fault, self._noun_of(intent), intent, client)

    def find_candidates(self, client: QboClient, bodies: Sequence[Json]) -> list[Json]:
        """Payments of these days."""
        return qbo_payment.find_candidates(client, bodies)

    def is_made_from(self, candidate: Json, body: Json) -> bool:
        """No money, and the same invoices for the same customer and credit memo."""
        return qbo_payment.is_application_made_from(candidate, body)

    def remove_cause(self, client: QboClient, intent: Intent, fault: Fault, send_beside: SendBeside) -> bool:
        """Where QuickBooks applied the new credit by itself, our application is refused (trap 17): free the credit.

        Deletes the zero-total payments that QuickBooks made for this credit memo, and none that a bookkeeper made.
        """
        if fault.code != "6000" or intent.operation == "delete":
            return False
        freed = False
        for payment in qbo_payment.automatic_applications(client, intent.payload):
            version = qbo_record.version(payment)
            delete = Write(operation="delete", resource=self.resource, body=qbo_record.delete_body(version))
            freed = send_beside(delete, "free", payment) or freed
        return freed


def _read_changed_in_quickbooks(
    connection: psycopg.Connection,
    company: Company,
    resource: str,
    records: Sequence[StagedCredit] | Sequence[StagedApplication],
) -> None:
    """Which of the linked records change capture has seen in another version than ours."""
    versions = {record.link.qbo_id: record for record in records if record.link}
    rows = connection.execute(
        "select s.qbo_id, s.sync_token from qbo_sync.qbo_seen s"
        " where s.realm_id = %s and s.resource = %s and s.qbo_id = any(%s)",
        [company.realm_id, resource, list(versions)],
    )
    for qbo_id, token in rows:
        link = versions[qbo_id].link
        if link and token != link.sync_token:
            versions[qbo_id].known.changed_in_quickbooks = True


def _read_payers(connection: psycopg.Connection, company: Company, records: Sequence[StagedCredit]) -> None:
    """Whom the credit memos are for, on both sides."""
    found = payers(connection, company.realm_id, [one.customer_id for r in records if (one := r.fetched)])
    ours = {record.record_id: lms.customer for record in records if (lms := planner.lms_version(record))}
    names = names_of(connection, ours.values())
    for record in records:
        if record.fetched:
            record.known.payer = found.get(record.fetched.customer_id)
        if record.record_id in ours:
            record.known.customer_name = names.get(ours[record.record_id], "")


CREDIT = CreditSync()
CREDIT_APPLICATION = CreditApplicationSync()


def _read_kept_invoices(connection: psycopg.Connection, company: Company, records: Sequence[StagedApplication]) -> None:
    """Applied invoices that the LMS has deleted: deleting them in QuickBooks takes the credit off, and where they stay
    there, so does what is applied to them."""
    agreed = {record.record_id: record.link.base.applications for record in records if record.link and record.link.base}
    invoices = sorted({one.invoice.id for applied in agreed.values() for one in applied})
    still = connection.execute("select id::text from lms.invoice where id = any(%s::bigint[])", [invoices]).fetchall()
    kept = leaving_quickbooks(connection, company.realm_id, set(invoices) - {invoice_id for (invoice_id,) in still})
    rows = connection.execute(
        "select id::text from lms.credit where id = any(%s::bigint[])", [sorted(agreed) if kept else []]
    ).fetchall()
    there = {credit_id for (credit_id,) in rows}
    for record in records:
        if record.record_id in there:
            applied_to = [one.invoice for one in agreed[record.record_id]]
            record.known.kept_invoices = tuple(key for key in applied_to if key.id in kept)
