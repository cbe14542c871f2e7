"""Billing accounts and doctor–office pairs as customers."""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

from include.company.company import Company
from include.lms.customer import read_accounts, read_pairs
from include.model.customer import Customer
from include.model.plain import Canonical, customer_from_plain
from include.model.problem import Problem
from include.model.record import Entity, RecordKey
from include.qbo import customer as qbo_customer
from include.qbo.client import QboClient
from include.qbo.faults import Fault
from include.sync import links, words
from include.sync.entity.holders import holders_of, read_back
from include.sync.entity.present import read_present
from include.sync.entity.refused import note_refused
from include.sync.entity.rules import EntityRules, Json
from include.sync.intents import Intent
from include.sync.plan.action import Plan
from include.sync.plan.customer import CustomerSituation, plan_customer
from include.sync.staging import StagedRecord

_ENTITIES: tuple[Entity, ...] = ("billing_account", "doctor_office")


def observe(
    connection: psycopg.Connection, client: QboClient, company: Company, records: Sequence[StagedRecord]
) -> None:
    """For new customers: who holds the name. For moved ones: their present SyncToken. For pairs: the parent's id."""
    customers = {record.record_id: customer_from_plain(record.lms) for record in records if record.lms}
    new = [r for r in records if r.link is None and r.record_id in customers and customers[r.record_id].wanted]
    names = [customers[record.record_id].name for record in new]
    refused: dict[str, Fault] = {}
    kinds, preferences = qbo_customer.NAME_HOLDERS, company.preferences
    holders = holders_of(connection, client, names, kinds, _ENTITIES, refused, preferences) if new else {}
    for record in new:
        name = customers[record.record_id].name
        record.qbo["holders"] = holders.get(name.casefold(), [])
        note_refused(record, name, refused)
    parents = {customer.parent for customer in customers.values() if customer.parent}
    parent_ids = links.qbo_ids(connection, company.realm_id, parents)
    for record in records:
        parent = customers[record.record_id].parent if record.record_id in customers else None
        record.qbo["parent_id"] = parent_ids.get(parent) if parent else None
    moved = [record for record in records if record.link and record.record_id in customers and _moved(record)]
    for record, found in read_present(client, "Customer", moved, also="Active IN (true, false)"):
        record.qbo["sync_token"] = found["SyncToken"]


def _moved(record: StagedRecord) -> bool:
    base = record.link["base"] if record.link else None
    return bool(base and record.lms and base["parent"] != record.lms["parent"])


def plan(record: StagedRecord, company: Company) -> Plan:
    """From the staged row to the planner and back."""
    lms = customer_from_plain(record.lms) if record.lms else None
    base = record.link["base"] if record.link else None
    return plan_customer(
        CustomerSituation(
            # A link made by hand has no base: what the LMS says counts as agreed.
            base=customer_from_plain(base) if base else (lms if record.link else None),
            lms=lms,
            qbo_id=record.link["qbo_id"] if record.link else None,
            sync_token=record.qbo.get("sync_token") or (record.link or {}).get("sync_token"),
            parent_id=record.qbo.get("parent_id"),
            holders=read_back(record.qbo.get("holders", [])),
        )
    )


def references(customer: Canonical) -> tuple[RecordKey, ...]:
    """A sub-customer needs its account's customer."""
    return (customer.parent,) if isinstance(customer, Customer) and customer.parent else ()


def body(record: StagedRecord, ids: Mapping[RecordKey, str], company: Company) -> Json:
    """Create, or move under another parent."""
    customer = customer_from_plain(record.lms or {})
    if record.action == "update" and customer.parent:
        return qbo_customer.move_body(record.plan["qbo_id"], record.plan["sync_token"], ids[customer.parent])
    return qbo_customer.create_body(customer, ids)


def agreed(lms: Json, answer: Json) -> Json:
    """The base is what the LMS said: QuickBooks' own fields are the bookkeeper's."""
    return lms


def explain(fault: Fault, intent: Intent, client: QboClient) -> Problem:
    """The fault in words."""
    noun = "Sub-customer" if intent.base.get("parent") else "Customer"
    return words.explain(fault, f"{noun} “{intent.base.get('name', '')}”")


def candidates(client: QboClient, bodies: Sequence[Json]) -> list[Json]:
    """Customers of these names."""
    return client.find("Customer", "DisplayName", [body["DisplayName"] for body in bodies])


def came_from(record: Json, body: Json) -> bool:
    """A name is unique in QuickBooks: the customer of that name is the one."""
    return bool(record["DisplayName"].casefold() == body["DisplayName"].casefold())


def _rules(**own: Any) -> EntityRules:
    return EntityRules(
        resource=qbo_customer.RESOURCE,
        same_family=_ENTITIES,
        batch_size=1,
        parallel=1,
        observe=observe,
        plan=plan,
        references=references,
        body=body,
        from_plain=customer_from_plain,
        agreed=agreed,
        objection=lambda intent, answer: None,
        explain=explain,
        document_number=lambda lms: lms.get("name"),
        candidates=candidates,
        came_from=came_from,
        **own,
    )


BILLING_ACCOUNT = _rules(entity="billing_account", read=read_accounts)
DOCTOR_OFFICE = _rules(entity="doctor_office", read=read_pairs)
