"""Keeps transactions in another currency than the company's own from being taken for amounts in that one, both ways."""

from collections.abc import Mapping, Sequence

import psycopg

from include.company.company import Company
from include.model.record import RecordKey
from include.model.settings import CompanyPreferences
from include.qbo.client import QboClient
from include.sync import links
from include.sync.plan.action import Plan, fail
from include.sync.plan.currency import foreign_currency, foreign_payer, foreign_transaction
from include.sync.plan.inbound import InboundPlan, refuse
from include.sync.staging import StagedRecord

#: The transactions that go to QuickBooks, in the words of the message.
_NOUNS: Mapping[str, str] = {
    "invoice": "This invoice",
    "credit": "This credit",
    "credit_application": "This application of a credit",
    "payment": "This payment",
}


def note_foreign_payers(
    connection: psycopg.Connection, client: QboClient, company: Company, records: Sequence[StagedRecord]
) -> None:
    """Which transactions are for a customer in another currency: QuickBooks would take their amounts as that one's.

    A company with one currency is not asked.
    """
    if not company.preferences.multi_currency:
        return
    payers = {r.record_id: RecordKey(*r.lms["customer"]) for r in records if r.lms and r.entity in _NOUNS}
    ids = links.qbo_ids(connection, company.realm_id, payers.values())
    customers = client.find("Customer", "Id", list(ids.values()), also="Active IN (true, false)")
    foreign = {body["Id"]: body for body in customers if foreign_currency(body, company.preferences)}
    for record in records:
        payer = payers.get(record.record_id)
        body = foreign.get(ids.get(payer, "")) if payer else None
        if body:
            record.qbo["foreign"] = {"customer": body["DisplayName"], "currency": body["CurrencyRef"]["value"]}


def refuse_foreign(record: StagedRecord, plan: Plan, preferences: CompanyPreferences) -> Plan:
    """The plan, unless it would send an amount to such a customer. A delete sends none."""
    foreign = record.qbo.get("foreign")
    if foreign is None or plan.action not in ("create", "update", "adopt", "rebase"):
        return plan
    what, home = _NOUNS[record.entity], preferences.home_currency
    return fail(foreign_payer(what, foreign["customer"], foreign["currency"], home))


def refuse_foreign_inbound(noun: str, record: StagedRecord, plan: InboundPlan, company: Company) -> InboundPlan:
    """The plan, unless it would write an amount in another currency, or ask the bookkeeper to help it come."""
    currency = record.qbo.get("foreign_currency")
    if currency is None or plan.action not in ("create", "update", "adopt", "rebase", "fail"):
        return plan
    return refuse(foreign_transaction(noun, currency, company.preferences.home_currency))
