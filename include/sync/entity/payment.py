"""Payments, from the LMS to QuickBooks (sync rules, section 7)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import psycopg

from include.company.company import Company
from include.lms.payment import read_payments
from include.model.money import ZERO
from include.model.payment import Application, Payment
from include.model.plain import Canonical, applications_from_plain, payment_from_plain, to_plain
from include.model.problem import Problem
from include.model.record import RecordKey
from include.qbo import payment as qbo_payment
from include.qbo.client import BATCH_SIZE, QboClient
from include.qbo.faults import Fault
from include.sync import links, words
from include.sync.entity.applications import agreed_value, sort_out, to_give_up_first, without_gone
from include.sync.entity.gone import name_what_is_gone
from include.sync.entity.present import read_present
from include.sync.entity.rules import EntityRules, Json
from include.sync.intents import Intent
from include.sync.plan.action import Plan
from include.sync.plan.payment import MoneySituation, named, plan_money
from include.sync.plan.payment_inbound import within
from include.sync.plan.two_way import allowed
from include.sync.staging import StagedRecord

_OPERATIONS = {"create", "update", "delete"}


def observe(
    connection: psycopg.Connection, client: QboClient, company: Company, records: Sequence[StagedRecord]
) -> None:
    """Leaves out what cannot reach QuickBooks; reads the payments there that changed here, and the methods."""
    for record in records:
        if record.lms:
            _keep_what_can_flow(connection, company, record)
        record.qbo["base"] = record.link["base"] if record.link else None
    changed = [record for record in records if record.link and _differs(record)]
    _read_present(connection, client, company, changed)
    for record in changed:
        if record.lms and record.qbo["present"]:
            _give_up_first(connection, client, company, record)
    named_methods = [record for record in records if record.lms and record.lms["method"] and not record.link]
    if named_methods:
        methods = client.query("SELECT * FROM PaymentMethod WHERE Active = true ORDERBY Id MAXRESULTS 1000")
        by_name = {method["Name"].casefold(): method["Id"] for method in methods}
        for record in named_methods:
            record.qbo["method_id"] = by_name.get((record.lms or {})["method"].casefold())
    origins = connection.execute(
        "select id::text, origin from lms.payment where id = any(%s::bigint[])", [[r.record_id for r in records]]
    )
    origin_of: dict[str, str] = dict(origins.fetchall())
    for record in records:
        record.qbo["from_qbo"] = origin_of.get(record.record_id) == "qbo"


def _keep_what_can_flow(connection: psycopg.Connection, company: Company, record: StagedRecord) -> None:
    payment = payment_from_plain(record.lms or {})
    linked, coming = sort_out(connection, company, payment.applications)
    kept = [one for one in payment.applications if one.invoice in linked | coming]
    record.lms = to_plain(replace(payment, applications=tuple(kept)))
    customer = {payment.customer} - set(links.qbo_ids(connection, company.realm_id, [payment.customer]))
    record.qbo["missing"] = [list(key) for key in [*customer, *sorted(coming)]]


def _give_up_first(connection: psycopg.Connection, client: QboClient, company: Company, record: StagedRecord) -> None:
    payment = payment_from_plain(record.lms or {})
    before = applications_from_plain(record.qbo["present"]["applications"])
    left = to_give_up_first(connection, client, company, before, payment.applications)
    if left is not None:
        record.lms = to_plain(replace(payment, applications=left))
        record.qbo["later"] = [list(one.invoice) for one in payment.applications if one not in left]


def _differs(record: StagedRecord) -> bool:
    return record.lms is None or _value(record.lms) != _value(record.qbo["base"])


def _read_present(
    connection: psycopg.Connection, client: QboClient, company: Company, records: Sequence[StagedRecord]
) -> None:
    for record in records:
        record.qbo["present"] = None
    lost = qbo_payment.has_lost_its_lines
    for record, body in read_present(client, "Payment", records, has_lost_its_lines=lost):
        lines = qbo_payment.lines_of(body)
        ours = links.lms_ids(connection, company.realm_id, "invoice", lines.invoices)
        settled = [
            Application(invoice=RecordKey("invoice", ours[qbo_id]), amount=amount)
            for qbo_id, amount in lines.invoices.items()
            if qbo_id in ours
        ]
        record.qbo["base"] = without_gone(connection, record.qbo["base"], ours.values())
        agreed = applications_from_plain(record.qbo["base"].get("applications"))
        applications = within(qbo_payment.money_applied(body), settled, agreed)
        by_money = {one.invoice.id: one.amount for one in applications}
        # Invoices that the LMS does not have, and of the others what a credit memo in the payment pays.
        other_invoices = {
            qbo_id: amount - by_money.get(ours.get(qbo_id, ""), ZERO) for qbo_id, amount in lines.invoices.items()
        }
        record.qbo["present"] = {
            "Id": body["Id"],
            "SyncToken": body["SyncToken"],
            "CustomerRef": body["CustomerRef"],
            "amount": qbo_payment.amount_of(body),
            "applications": [to_application(one) for one in applications],
            "other_lines": [
                *lines.others,
                *(
                    {"Amount": amount, "LinkedTxn": [{"TxnId": qbo_id, "TxnType": "Invoice"}]}
                    for qbo_id, amount in other_invoices.items()
                    if amount
                ),
            ],
        }


def to_application(application: Application) -> Json:
    """As it stands in the plain form of a payment."""
    return {"invoice": list(application.invoice), "amount": application.amount}


def _value(plain: Mapping[str, Any]) -> tuple[Any, ...]:
    """Amount and applications of a plain payment, in a form that compares."""
    return Decimal(plain["amount"]), tuple((one["invoice"][1], Decimal(one["amount"])) for one in plain["applications"])


def plan(record: StagedRecord, company: Company) -> Plan:
    """From the staged row to the planner and back."""
    settings = company.of_lab(record.billing_lab_id)
    base = record.qbo.get("base")
    lms = payment_from_plain(record.lms) if record.lms else None
    shown = record.lms or base
    observed = record.qbo.get("present", base) if record.link else None
    later = [RecordKey(entity, id_) for entity, id_ in record.qbo.get("later", [])]
    plan = plan_money(
        MoneySituation(
            noun=_noun(shown) if shown else "The payment",
            base=_value(base) if base else None,
            lms=agreed_value(lms.amount, lms.applications) if lms else None,
            qbo=_value(observed) if observed else None,
            may=allowed(_OPERATIONS, _OPERATIONS, settings.direction),
            qbo_id=record.link["qbo_id"] if record.link else None,
            sync_token=(record.link or {}).get("sync_token"),
            dated=payment_from_plain(shown).date if shown else None,
            start_date=settings.sync_start_date,
            from_qbo=bool(record.qbo.get("from_qbo")),
            missing=[RecordKey(entity, id_) for entity, id_ in record.qbo.get("missing", [])],
            lms_version=record.lms,
            qbo_version=record.qbo.get("present"),
        )
    )
    return replace(plan, waits_for=later[0]) if later and plan.action == "update" else plan


def frees_money(record: StagedRecord) -> bool:
    """Whether it only takes money off invoices: others may be about to put theirs there."""
    if record.action != "update":
        return record.action == "delete"
    before = {one["invoice"][1]: Decimal(one["amount"]) for one in record.qbo["present"]["applications"]}
    now = {one["invoice"][1]: Decimal(one["amount"]) for one in (record.lms or {})["applications"]}
    return now != before and all(amount <= before.get(invoice, ZERO) for invoice, amount in now.items())


def _noun(plain: Mapping[str, Any]) -> str:
    payment = payment_from_plain(plain)
    return named("payment", payment.amount, payment.date)


def references(payment: Canonical) -> tuple[RecordKey, ...]:
    """Its customer and the invoices it settles."""
    if not isinstance(payment, Payment):
        raise TypeError("a payment is expected")
    return tuple(dict.fromkeys([payment.customer, *(one.invoice for one in payment.applications)]))


def body(record: StagedRecord, ids: Mapping[RecordKey, str], company: Company) -> Json:
    """A create, a sparse update with all lines, or what a delete needs."""
    present = record.qbo.get("present") or {}
    if record.action == "delete":
        link = record.link or {}
        return {"Id": link["qbo_id"], "SyncToken": present.get("SyncToken", link["sync_token"])}
    payment = payment_from_plain(record.lms or {})
    if record.action == "update":
        return qbo_payment.payment_update_body(payment, ids, present, present["other_lines"])
    settings = company.of_lab(record.billing_lab_id)
    return qbo_payment.payment_body(payment, ids, settings, record.qbo.get("method_id"))


def objection(intent: Intent, answer: Json) -> Problem | None:
    """As the answer shows it."""
    return not_taken_over(_noun(intent.base), intent, answer)


def not_taken_over(noun: str, intent: Intent, answer: Json) -> Problem | None:
    """An answer of 200 does not say that the change was made (trap 19): compare."""
    sent, kept = qbo_payment.lines_of(intent.payload).invoices, qbo_payment.lines_of(answer).invoices
    amount, kept_amount = qbo_payment.amount_of(intent.payload), qbo_payment.amount_of(answer)
    if amount == kept_amount and (sent == kept or (intent.operation == "create" and sent.items() <= kept.items())):
        return None
    detail = {
        "qbo_amount": kept_amount,
        "lms_amount": amount,
        "qbo_invoices": dict(kept),
        "lms_invoices": dict(sent),
    }
    beside = "" if sent == kept else " and the invoices that it was applied to"
    return words.not_taken_over(noun, kept_amount, detail, beside=beside)


def explain(fault: Fault, intent: Intent, client: QboClient) -> Problem:
    """The fault in words; for a refused link, which invoice and why."""
    noun = _noun(intent.base)
    problem = name_what_is_gone(words.explain(fault, noun), noun, fault, intent, client)
    if fault.code == "620":
        return replace(problem, message=f"{noun} cannot be linked in QuickBooks: {strangers(intent, client)}.")
    return problem


def strangers(intent: Intent, client: QboClient) -> str:
    """What a payment links whose customer is not the payment's (620)."""
    lines = qbo_payment.lines_of(intent.payload)
    memos = [one["TxnId"] for line in lines.others for one in line["LinkedTxn"] if one["TxnType"] == "CreditMemo"]
    customer = intent.payload["CustomerRef"]["value"]
    names = [
        f"{noun} {body.get('DocNumber', body['Id'])} belongs to {body['CustomerRef'].get('name', 'another')}"
        for resource, noun, ids in (("Invoice", "invoice", [*lines.invoices]), ("CreditMemo", "credit memo", memos))
        for body in (client.find(resource, "Id", ids) if ids else [])
        if body["CustomerRef"]["value"] != customer
    ]
    return "; ".join(names) or "what it links does not belong to its customer"


def candidates(client: QboClient, bodies: Sequence[Json]) -> list[Json]:
    """Payments of these days."""
    return client.find_all("Payment", "TxnDate", [body["TxnDate"] for body in bodies])


def came_from(record: Json, body: Json) -> bool:
    """Same customer, day, amount and invoices."""
    return (
        record["CustomerRef"]["value"] == body["CustomerRef"]["value"]
        and record["TxnDate"] == body["TxnDate"]
        and qbo_payment.amount_of(record) == qbo_payment.amount_of(body)
        and qbo_payment.lines_of(record).invoices == qbo_payment.lines_of(body).invoices
    )


PAYMENT = EntityRules(
    entity="payment",
    resource="Payment",
    same_family=("payment", "credit_application"),
    batch_size=BATCH_SIZE,
    parallel=1,
    read=read_payments,
    observe=observe,
    plan=plan,
    references=references,
    body=body,
    from_plain=payment_from_plain,
    agreed=lambda lms, answer: lms,
    objection=objection,
    explain=explain,
    noun=_noun,
    document_number=lambda lms: None,
    candidates=candidates,
    came_from=came_from,
)
