"""Credits as credit memos, and their applications as one zero-total payment each (sync rules, section 6)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import psycopg

from include.company.company import Company
from include.lms.payment import read_credit_applications, read_credits
from include.model.money import ZERO
from include.model.payment import Credit, CreditApplication
from include.model.plain import Canonical, credit_application_from_plain, credit_from_plain, to_plain
from include.model.problem import Problem
from include.model.record import CREDIT_ITEM, RecordKey
from include.qbo import payment as qbo_payment
from include.qbo.client import BATCH_SIZE, QboClient, Write
from include.qbo.faults import Fault
from include.sync import links, words
from include.sync.entity.applications import agreed_value, sort_out, to_give_up_first
from include.sync.entity.gone import name_what_is_gone
from include.sync.entity.payment import not_taken_over, strangers
from include.sync.entity.present import read_present
from include.sync.entity.rules import EntityRules, Json
from include.sync.intents import Intent
from include.sync.plan.action import Plan
from include.sync.plan.payment import MoneySituation, named, plan_money
from include.sync.plan.two_way import allowed
from include.sync.staging import StagedRecord

_OPERATIONS = {"create", "update", "delete"}


# -------------------------------------------------------------------- credit memos


def observe_credits(
    connection: psycopg.Connection, client: QboClient, company: Company, records: Sequence[StagedRecord]
) -> None:
    """The present SyncToken of credit memos that change; what of customer and item is missing."""
    changed = [r for r in records if r.link and (r.lms is None or _amount(r.lms) != _base_amount(r))]
    for record in changed:
        record.qbo["present"] = None
    for record, body in read_present(client, "CreditMemo", changed):
        record.qbo["present"] = {
            "SyncToken": body["SyncToken"],
            "amount": qbo_payment.amount_of(body),
        }
    for record in records:
        if record.lms:
            needed = references_of_credit(credit_from_plain(record.lms))
            ids = links.qbo_ids(connection, company.realm_id, needed)
            record.qbo["missing"] = [list(key) for key in needed if key not in ids]


def _amount(plain: Mapping[str, Any]) -> Decimal:
    return Decimal(plain["amount"])


def _base_amount(record: StagedRecord) -> Decimal:
    return _amount((record.link or {})["base"])


def plan_credit(record: StagedRecord, company: Company) -> Plan:
    """Credits flow to QuickBooks only: what the bookkeeper changes there stays there, and wins over a change here."""
    settings = company.of_lab(record.billing_lab_id)
    base = record.link["base"] if record.link else None
    lms = credit_from_plain(record.lms) if record.lms else None
    shown = record.lms or base
    # Read only when the credit has changed here; otherwise nothing depends on it.
    present = record.qbo.get("present", base)
    return plan_money(
        MoneySituation(
            noun=_credit_noun(shown) if shown else "The credit",
            base=_amount(base) if base else None,
            lms=lms.amount if lms else None,
            qbo=_amount(present) if base and present else None,
            may=allowed(_OPERATIONS, set(), settings.direction),
            keeps_qbo=True,
            qbo_id=record.link["qbo_id"] if record.link else None,
            sync_token=(record.link or {}).get("sync_token"),
            dated=credit_from_plain(shown).date if shown else None,
            start_date=settings.sync_start_date,
            missing=[RecordKey(entity, id_) for entity, id_ in record.qbo.get("missing", [])],
            lms_version=record.lms,
            # Without its version, which moves with every application: the same news must read the same.
            qbo_version={"amount": present["amount"]} if "present" in record.qbo and present else None,
        )
    )


def _credit_noun(plain: Mapping[str, Any]) -> str:
    credit = credit_from_plain(plain)
    return named("credit", credit.amount, credit.date)


def references_of_credit(credit: Canonical) -> tuple[RecordKey, ...]:
    """Its customer and the item for credits."""
    if not isinstance(credit, Credit):
        raise TypeError("a credit is expected")
    return credit.customer, CREDIT_ITEM


def credit_body(record: StagedRecord, ids: Mapping[RecordKey, str], company: Company) -> Json:
    """A create, a sparse update of the amount, or what a delete needs."""
    link = record.link or {}
    token = (record.qbo.get("present") or {}).get("SyncToken", link.get("sync_token"))
    if record.action == "delete":
        return {"Id": link["qbo_id"], "SyncToken": token}
    credit = credit_from_plain(record.lms or {})
    if record.action == "update":
        return qbo_payment.credit_memo_update_body(credit, ids, link["qbo_id"], str(token))
    return qbo_payment.credit_memo_body(credit, ids)


def objection_to_credit(intent: Intent, answer: Json) -> Problem | None:
    """An answer of 200 does not say that the change was made (trap 19): compare."""
    amount, kept = _amount(intent.base), qbo_payment.amount_of(answer)
    if amount == kept:
        return None
    return words.not_taken_over(_credit_noun(intent.base), kept, {"qbo_amount": kept, "lms_amount": amount})


def explain_credit(fault: Fault, intent: Intent, client: QboClient) -> Problem:
    """The fault in words."""
    return words.explain(fault, _credit_noun(intent.base))


def credit_candidates(client: QboClient, bodies: Sequence[Json]) -> list[Json]:
    """Credit memos of these days."""
    return client.find_all("CreditMemo", "TxnDate", [body["TxnDate"] for body in bodies])


def credit_came_from(record: Json, body: Json) -> bool:
    """Same customer, day, amount and note."""
    return (
        record["CustomerRef"]["value"] == body["CustomerRef"]["value"]
        and record["TxnDate"] == body["TxnDate"]
        and qbo_payment.amount_of(record) == body["Line"][0]["Amount"]
        and record.get("PrivateNote") == body.get("PrivateNote")
    )


CREDIT = EntityRules(
    entity="credit",
    resource="CreditMemo",
    same_family=("credit",),
    batch_size=BATCH_SIZE,
    parallel=1,
    read=read_credits,
    observe=observe_credits,
    plan=plan_credit,
    references=references_of_credit,
    body=credit_body,
    from_plain=credit_from_plain,
    agreed=lambda lms, answer: lms,
    objection=objection_to_credit,
    explain=explain_credit,
    noun=_credit_noun,
    document_number=lambda lms: None,
    candidates=credit_candidates,
    came_from=credit_came_from,
)


# -------------------------------------------------------------------- their applications


def observe_applications(
    connection: psycopg.Connection, client: QboClient, company: Company, records: Sequence[StagedRecord]
) -> None:
    """Keeps the applications whose invoices are in QuickBooks; the others wait for theirs."""
    for record in records:
        if record.lms:
            _keep_what_is_there(connection, company, record)
    changed = [r for r in records if r.link and _application_value(r.lms) != _base_value(r)]
    for record in changed:
        record.qbo["present"] = None
    for record, body in read_present(client, "Payment", changed):
        record.qbo["present"] = {"SyncToken": body["SyncToken"], "CustomerRef": body["CustomerRef"]}
        if record.lms:
            _give_up_first(connection, client, company, record)


def _give_up_first(connection: psycopg.Connection, client: QboClient, company: Company, record: StagedRecord) -> None:
    wanted = credit_application_from_plain(record.lms or {})
    before = credit_application_from_plain((record.link or {})["base"]).applications
    left = to_give_up_first(connection, client, company, before, wanted.applications)
    if left is not None:
        record.qbo["later"] += [list(one.invoice) for one in wanted.applications if one not in left]
        record.lms = to_plain(replace(wanted, applications=left)) if left else None


def _keep_what_is_there(connection: psycopg.Connection, company: Company, record: StagedRecord) -> None:
    application = credit_application_from_plain(record.lms or {})
    linked, coming = sort_out(connection, company, application.applications)
    kept = tuple(one for one in application.applications if one.invoice in linked)
    ids = links.qbo_ids(connection, company.realm_id, [application.credit, application.customer])
    missing = [key for key in (application.credit, application.customer) if key not in ids]
    record.qbo["missing"] = [list(key) for key in missing]
    record.qbo["later"] = [list(key) for key in sorted(coming)]
    record.lms = to_plain(replace(application, applications=kept)) if kept else None


def _application_value(plain: Mapping[str, Any] | None) -> Any:
    if plain is None:
        return None
    return agreed_value(None, credit_application_from_plain(plain).applications)


def _base_value(record: StagedRecord) -> Any:
    return _application_value(record.link["base"]) if record.link else None


def plan_application(record: StagedRecord, company: Company) -> Plan:
    """As with credits; a zero-total payment that somebody deleted in QuickBooks is made again when it is needed."""
    settings = company.of_lab(record.billing_lab_id)
    later = [RecordKey(entity, id_) for entity, id_ in record.qbo.get("later", [])]
    missing = [RecordKey(entity, id_) for entity, id_ in record.qbo.get("missing", [])]
    gone = "present" in record.qbo and record.qbo["present"] is None
    base = None if gone and record.lms else _base_value(record)
    shown = record.lms or (record.link["base"] if record.link else None)
    dated = credit_application_from_plain(shown).date if shown else None
    plan = plan_money(
        MoneySituation(
            noun="The application of a credit",
            base=base,
            lms=_application_value(record.lms),
            qbo=None if base is None or gone else base,
            may=allowed(_OPERATIONS, set(), settings.direction),
            qbo_id=record.link["qbo_id"] if record.link else None,
            sync_token=(record.link or {}).get("sync_token"),
            dated=dated,
            start_date=settings.sync_start_date,
            missing=missing,
        )
    )
    if later and plan.action == "nothing":
        return Plan(action="wait", reason="one of its invoices is not in QuickBooks yet", waits_for=later[0])
    return replace(plan, waits_for=plan.waits_for or (later[0] if later else None))


def frees_money(record: StagedRecord) -> bool:
    """Whether it takes money off invoices: that goes before the credit memo itself shrinks or goes."""
    if record.action == "delete":
        return True
    before = credit_application_from_plain(record.link["base"]) if record.link else None
    now = credit_application_from_plain(record.lms) if record.lms else None
    return record.action == "update" and before is not None and now is not None and _sum(now) < _sum(before)


def _sum(application: CreditApplication) -> Decimal:
    return sum((one.amount for one in application.applications), ZERO)


def references_of_application(application: Canonical) -> tuple[RecordKey, ...]:
    """The credit, its customer, and the invoices it settles."""
    if not isinstance(application, CreditApplication):
        raise TypeError("a credit's application is expected")
    invoices = [one.invoice for one in application.applications]
    return tuple(dict.fromkeys([application.credit, application.customer, *invoices]))


def application_body(record: StagedRecord, ids: Mapping[RecordKey, str], company: Company) -> Json:
    """A create, a sparse update with all lines, or what a delete needs."""
    link = record.link or {}
    token = (record.qbo.get("present") or {}).get("SyncToken", link.get("sync_token"))
    if record.action == "delete":
        return {"Id": link["qbo_id"], "SyncToken": token}
    body = qbo_payment.application_body(credit_application_from_plain(record.lms or {}), ids)
    if record.action == "update":
        return {**body, "Id": link["qbo_id"], "SyncToken": token, "sparse": True}
    return body


def explain_application(fault: Fault, intent: Intent, client: QboClient) -> Problem:
    """The fault in words."""
    noun = "The application of a credit"
    problem = words.explain(fault, noun)
    if fault.code == "620":
        return replace(problem, message=f"{noun} cannot be made in QuickBooks: {strangers(intent, client)}.")
    if fault.code != "6000":
        return name_what_is_gone(problem, noun, fault, intent, client)
    return replace(
        problem,
        message="A credit cannot be applied as in Pilot: in QuickBooks the credit memo or one of its invoices has less"
        f" open than that. QuickBooks says: {fault.detail or fault.message}",
        resolution="See in QuickBooks what the credit memo and the invoices are applied to, and free them there, or"
        " apply the credit otherwise in Pilot.",
    )


#: So QuickBooks notes its own applications of credits. (What a bookkeeper applies has no such note.)
_AUTOMATIC = "Created by QB Online to link credits"


def undo_automatic_application(client: QboClient, intent: Intent, fault: Fault) -> bool:
    """Where QuickBooks applied the new credit by itself, our application is refused (trap 17): free the credit.

    Deletes the zero-total payments that QuickBooks made for this credit memo, and none that a bookkeeper made; True if
    that freed anything.
    """
    if fault.code != "6000" or intent.operation == "delete":
        return False
    memo = {
        one["TxnId"] for line in intent.payload["Line"] for one in line["LinkedTxn"] if one["TxnType"] == "CreditMemo"
    }
    found = client.query(
        # QuickBooks' language, no SQL, and the value is a number.
        f"SELECT * FROM Payment WHERE CustomerRef = '{int(intent.payload['CustomerRef']['value'])}'"  # noqa: S608
        " AND TotalAmt = '0' ORDERBY Id DESC MAXRESULTS 1000"
    )
    automatic = [
        payment
        for payment in found
        if payment["Id"] != intent.payload.get("Id")
        and str(payment.get("PrivateNote", "")).startswith(_AUTOMATIC)
        and any(
            one.get("TxnType") == "CreditMemo" and one.get("TxnId") in memo
            for line in payment.get("Line", [])
            for one in line.get("LinkedTxn", [])
        )
    ]
    freed = 0
    for payment in automatic:
        delete = Write(
            operation="delete", resource="Payment", body={"Id": payment["Id"], "SyncToken": payment["SyncToken"]}
        )
        request_id = f"free-{client.realm_id[-12:]}-{payment['Id']}-{payment['SyncToken']}"
        [result] = client.write([delete], request_id=request_id)
        freed += not isinstance(result, Fault)
    return freed > 0


def application_came_from(record: Json, body: Json) -> bool:
    """No money, and the same invoices for the same customer and credit memo."""
    mine, theirs = qbo_payment.lines_of(body), qbo_payment.lines_of(record)
    credit = body["Line"][-1]["LinkedTxn"][0]["TxnId"]
    return (
        qbo_payment.amount_of(record) == 0
        and record["CustomerRef"]["value"] == body["CustomerRef"]["value"]
        and mine.invoices == theirs.invoices
        and any(one.get("TxnId") == credit for line in theirs.others for one in line["LinkedTxn"])
    )


CREDIT_APPLICATION = EntityRules(
    entity="credit_application",
    resource="Payment",
    same_family=("payment", "credit_application"),
    batch_size=1,
    parallel=1,
    read=read_credit_applications,
    observe=observe_applications,
    plan=plan_application,
    references=references_of_application,
    body=application_body,
    from_plain=credit_application_from_plain,
    agreed=lambda lms, answer: lms,
    objection=lambda intent, answer: not_taken_over("The application of a credit", intent, answer),
    explain=explain_application,
    noun=lambda base: "The application of a credit",
    document_number=lambda lms: None,
    candidates=lambda client, bodies: client.find_all("Payment", "TxnDate", [body["TxnDate"] for body in bodies]),
    came_from=application_came_from,
    clear_the_way=undo_automatic_application,
)
