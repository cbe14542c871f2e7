"""What invoices and payments both need to know on their way to the LMS: customers, labs, and what is on its way out."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg

from include.company.company import Company
from include.lms import invoice_write
from include.model.record import RecordKey
from include.model.settings import ConnectionSettings
from include.sync.inbound.rules import LookAgain
from include.sync.plan.invoice_inbound import target_balance
from include.sync.staging import StagedRecord

Json = dict[str, Any]

#: Seconds: for a write of ours to be recorded; after a record changed while it was in hand.
UNDER_WAY_SECONDS, CHANGED_SECONDS = 2.0, 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Payer:
    """Whom a QuickBooks customer stands for in the LMS."""

    key: RecordKey
    billing_account_id: int
    doctor_office_id: int | None


def payers(connection: psycopg.Connection, realm_id: str, customer_ids: Iterable[str]) -> dict[str, Payer]:
    """The billing account or pair behind each QuickBooks customer that is linked."""
    rows = connection.execute(
        "select l.qbo_id, l.entity, l.lms_id, coalesce(a.id, o.billing_account_id), o.id"
        "  from qbo_sync.entity_link l"
        "  left join lms.billing_account a on l.entity = 'billing_account' and a.id = l.lms_id"
        "  left join lms.doctor_office o on l.entity = 'doctor_office' and o.id = l.lms_id"
        " where l.realm_id = %s and l.entity in ('billing_account', 'doctor_office') and l.qbo_id = any(%s)"
        # Gone from the LMS: as good as not linked. Linked twice: the account.
        "   and coalesce(a.id, o.id) is not null order by l.entity desc",
        [realm_id, sorted(set(customer_ids))],
    )
    return {
        qbo_id: Payer(key=RecordKey(entity, str(lms_id)), billing_account_id=account, doctor_office_id=office)
        for qbo_id, entity, lms_id, account, office in rows
    }


def receiving(company: Company) -> ConnectionSettings | None:
    """The lab that gets what is created in QuickBooks."""
    return next((one for one in company.settings.values() if one.receives_qbo_transactions), None)


def settings_of(company: Company, lab_id: int | None) -> ConnectionSettings:
    """A lab's settings; for what belongs to no lab yet, the receiving lab's."""
    return company.of_lab(lab_id) if lab_id is not None else receiving(company) or company.of_lab(None)


def refuse_while_under_way(
    connection: psycopg.Connection, company: Company, record: StagedRecord, lms_ids: Iterable[str] = ()
) -> None:
    """Raise LookAgain while a write of ours to the record is not recorded yet.

    Linked: a write to it may be what was seen in QuickBooks, without its base. Not linked: it may be what a create of
    ours for the same customer has just made.
    """
    ids = [*lms_ids, *([record.link["record_id"]] if record.link else [])]
    customer = None if record.link else record.qbo.get("customer_id")
    row = connection.execute(
        "select 1 from qbo_sync.write_intent where realm_id = %s and entity = %s"
        "   and (record_id = any(%s) or operation = 'create' and payload -> 'CustomerRef' ->> 'value' = %s)",
        [company.realm_id, record.entity, ids, customer],
    ).fetchone()
    if row:
        raise LookAgain("a write of ours is under way", UNDER_WAY_SECONDS)


def is_on_its_way(connection: psycopg.Connection, realm_id: str, entity: str, lms_id: str) -> bool:
    """Whether an LMS record is due to go out, or will be again in a moment.

    One whose create was answered with a fault may have been done all the same (trap 6): it is looked for when it is
    tried again (made_unseen.py), which `try_doubtful_again` brings about. A few times, so that nobody waits for ever.
    """
    row = connection.execute(
        "select 1 from qbo_sync.connection n"
        " where n.realm_id = %(realm)s and n.direction in ('lms_to_qbo', 'both')"
        "   and case %(entity)s when 'invoice' then n.sync_invoices else n.sync_payments end"
        "   and (exists (select 1 from qbo_sync.change_mark m"
        "                 where m.realm_id = n.realm_id and m.direction = 'lms_to_qbo' and m.entity = %(entity)s"
        "                   and m.record_id = %(id)s and m.billing_lab_id = n.billing_lab_id"
        "                   and m.waits_for_entity is null)"
        "        or exists (select 1 from qbo_sync.doubtful_create d join qbo_sync.sync_error e"
        "                     on (e.realm_id, e.record_entity, e.record_id) = (d.realm_id, d.entity, d.record_id)"
        "                    where d.realm_id = n.realm_id and d.entity = %(entity)s and d.record_id = %(id)s"
        "                      and e.direction = 'lms_to_qbo' and e.status = 'open' and e.attempts < 4"
        "                      and e.billing_lab_id = n.billing_lab_id))",
        {"realm": realm_id, "entity": entity, "id": lms_id},
    ).fetchone()
    return row is not None


def try_doubtful_again(connection: psycopg.Connection, realm_id: str, entity: str) -> None:
    """Have creates tried again that may have been done although QuickBooks refused them: somebody waits for them."""
    connection.execute(
        "update qbo_sync.sync_error e set retry_at = clock_timestamp()"
        "  from (select e.id from qbo_sync.sync_error e join qbo_sync.doubtful_create d"
        "          on (e.realm_id, e.record_entity, e.record_id) = (d.realm_id, d.entity, d.record_id)"
        "         where d.realm_id = %s and d.entity = %s and e.direction = 'lms_to_qbo' and e.status = 'open'"
        "           and e.attempts < 4 and e.retry_at > clock_timestamp()"
        "         order by e.id for update of e) waited_for"
        " where e.id = waited_for.id",
        [realm_id, entity],
    )


def follow_balance(
    connection: psycopg.Connection, realm_id: str, invoice_id: str, qbo_balance: Decimal, *, voided: bool
) -> bool:
    """Bring the balance of a locked invoice in step with QuickBooks'; whether it had to be changed.

    Raises LookAgain while a payment of ours is on its way, so that nobody can tell whether QuickBooks counts it.
    """
    row = connection.execute(
        "select qbo_sync.application_under_way(%(realm)s, %(invoice)s),"
        "       qbo_sync.not_in_quickbooks_yet(%(realm)s, %(invoice)s)",
        {"realm": realm_id, "invoice": int(invoice_id)},
    ).fetchone()
    under_way, not_in_quickbooks = row if row else (False, Decimal(0))
    if under_way:
        raise LookAgain("a payment of the invoice is under way", UNDER_WAY_SECONDS)
    target = target_balance(qbo_balance, not_in_quickbooks, voided=voided)
    return invoice_write.set_balance(connection, invoice_id, target)
