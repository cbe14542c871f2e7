"""Billing accounts and doctor–office pairs as customers."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import psycopg

from include.company.company import Company
from include.lms.customer import read_accounts, read_pairs
from include.lms.names import read_names
from include.model.customer import Customer
from include.model.plan import Plan
from include.model.problem import Problem
from include.model.record import Entity, RecordKey
from include.model.settings import LabSettings
from include.model.staged import Version
from include.qbo import customer as qbo_customer
from include.qbo import record as qbo_record
from include.qbo.client import QboClient
from include.qbo.faults import Fault
from include.sync import fault_words, links
from include.sync.entity.base import Json, SendBeside, ToQuickBooks
from include.sync.entity.names import find_bearers, find_free_names, shows_in_quickbooks
from include.sync.fetch import fetch_current
from include.sync.intents import Intent
from include.sync.plan.customer import CustomerContext, StagedCustomer, has_moved, name_proposals, plan_customer
from include.sync.plan.guards import Subject

_ENTITIES: tuple[Entity, ...] = ("billing_account", "doctor_office")


class CustomerSync(ToQuickBooks[Customer, Customer, Version, CustomerContext]):
    """Both kinds of customers: they differ only in where the LMS keeps them."""

    resource: ClassVar[str] = qbo_customer.RESOURCE
    row = StagedCustomer
    same_resource = _ENTITIES

    def read(
        self, connection: psycopg.Connection, client: QboClient, company: Company, records: Sequence[StagedCustomer]
    ) -> None:
        """Of new customers who bears the name, of moved ones QuickBooks' version, of pairs the parent."""
        read = read_accounts if self.entity == "billing_account" else read_pairs
        found = read(connection, [record.record_id for record in records])
        for record in records:
            record.lms, record.context = found.get(record.record_id), CustomerContext()
        new = [record for record in records if record.link is None and record.lms and record.lms.wanted]
        find_bearers(connection, client, new, qbo_customer.NAME_HOLDERS, _ENTITIES)
        parents = {record.lms.parent for record in records if record.lms and record.lms.parent}
        ids, names = links.qbo_ids(connection, company.realm_id, parents), read_names(connection, parents)
        for record in records:
            parent = record.lms.parent if record.lms else None
            if parent:
                record.known.parent_id, record.known.account = ids.get(parent), names[parent].name
        self.propose_names(client, new)
        moved = [record for record in records if has_moved(record)]
        fetch_current(connection, client, self.resource, qbo_record.version, moved, also="Active IN (true, false)")

    def propose_names(self, client: QboClient, records: Sequence[StagedCustomer]) -> None:
        """Fill `free_name` of new customers whose name is another's."""
        proposals = {record.record_id: name_proposals(record) for record in records}
        find_free_names(client, qbo_customer.NAME_HOLDERS, records, proposals)

    def plan(self, record: StagedCustomer, lab: LabSettings) -> Plan[Customer]:
        """By the customers' planner."""
        return plan_customer(record, lab)

    def subject(self, record: StagedCustomer) -> Subject:
        """A customer has no date, and a currency of its own only where it would be adopted."""
        return Subject(noun=self.noun(record.lms))

    def document_number(self, record: StagedCustomer) -> str | None:
        """Its name."""
        return self.number(record.lms)

    def references(self, target: Customer) -> tuple[RecordKey, ...]:
        """A sub-customer needs its account's customer."""
        return (target.parent,) if target.parent else ()

    def body(
        self, record: StagedCustomer, plan: Plan[Customer], ids: Mapping[RecordKey, str], company: Company
    ) -> Json:
        """Create, or move under another parent."""
        if plan.target is None:
            raise RuntimeError("a customer that is written has a name")
        if plan.step == "update" and plan.target.parent and record.link:
            token = record.fetched.sync_token if record.fetched else record.link.sync_token or "0"
            of = Version(qbo_id=record.link.qbo_id, sync_token=token)
            return qbo_customer.move_body(of, ids[plan.target.parent])
        return qbo_customer.create_body(plan.target, ids)

    def noun(self, base: Customer | None) -> str:
        """“Customer …” or “Sub-customer …”."""
        kind = "Sub-customer" if base and base.parent else "Customer"
        return f"{kind} “{base.name if base else ''}”"

    def number(self, base: Customer | None) -> str | None:
        """Its name stands where transactions have a number."""
        return base.name if base else None

    def explain(self, fault: Fault, intent: Intent, client: QboClient) -> Problem:
        """The fault in words."""
        base = intent.base if isinstance(intent.base, Customer) else None
        return fault_words.explain(fault, self.noun(base))

    def find_candidates(self, client: QboClient, bodies: Sequence[Json]) -> list[Json]:
        """Customers of these names."""
        return qbo_customer.find_candidates(client, bodies)

    def is_made_from(self, candidate: Json, body: Json) -> bool:
        """By the name."""
        return qbo_customer.is_made_from(candidate, body)

    def remove_cause(self, client: QboClient, intent: Intent, fault: Fault, send_beside: SendBeside) -> bool:
        """A name that was taken since it was looked up is told with its holder by the next plan."""
        name = self.number(intent.base if isinstance(intent.base, Customer) else None)
        return bool(name) and shows_in_quickbooks(client, qbo_customer.NAME_HOLDERS, intent, fault, str(name))


class BillingAccountSync(CustomerSync):
    """Billing accounts: customers at the top."""

    entity = "billing_account"


class DoctorOfficeSync(CustomerSync):
    """Doctor–office pairs: sub-customers."""

    entity = "doctor_office"


BILLING_ACCOUNT = BillingAccountSync()
DOCTOR_OFFICE = DoctorOfficeSync()
