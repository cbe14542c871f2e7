"""The invoices that payments and credits are applied to: which are in QuickBooks, which will be, what is open."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

import psycopg

from include.company.company import Company
from include.model.payment import Application
from include.model.record import RecordKey
from include.model.staged import OpenBalance
from include.qbo import invoice as qbo_invoice
from include.qbo import open_balance
from include.qbo.client import QboClient
from include.sync import links


def synced_and_expected(
    connection: psycopg.Connection, company: Company, applications: Iterable[Application]
) -> tuple[set[RecordKey], set[RecordKey]]:
    """The applied invoices that are linked, and those that are not yet but will be.

    The rest cannot reach QuickBooks: dated before the start date, of a lab whose invoices do not flow, of another
    company, left alone, or with an error that somebody ignores.
    """
    invoices = {application.invoice for application in applications}
    linked = set(links.qbo_ids(connection, company.realm_id, invoices))
    rows = connection.execute(
        "select i.id::text from lms.invoice i"
        "  join qbo_sync.connection n on n.billing_lab_id = i.billing_lab_id and n.realm_id = %s"
        " where i.id = any(%s::bigint[]) and i.origin = 'lms' and n.sync_invoices"
        "   and n.direction in ('lms_to_qbo', 'both')"
        "   and (n.sync_start_date is null or i.invoice_date >= n.sync_start_date)"
        "   and not exists (select 1 from qbo_sync.left_alone a where a.realm_id = n.realm_id"
        "                      and a.entity = 'invoice' and a.lms_id = i.id)"
        "   and not exists (select 1 from qbo_sync.sync_error e where e.realm_id = n.realm_id"
        "                      and e.direction = 'lms_to_qbo' and e.record_entity = 'invoice'"
        "                      and e.record_id = i.id::text and e.status = 'ignored')",
        [company.realm_id, [key.id for key in invoices - linked]],
    )
    return linked, {RecordKey("invoice", invoice_id) for (invoice_id,) in rows}


def kept_in_quickbooks(connection: psycopg.Connection, realm_id: str, invoice_ids: Iterable[str]) -> set[str]:
    """Those of the invoices that the LMS has deleted and QuickBooks keeps, because their delete is held or was refused
    (rule 8.9), or the lab's settings keep it from going there: what is applied to them there stays so."""
    rows = connection.execute(
        "select record_id from qbo_sync.change_mark where realm_id = %(realm)s and direction = 'lms_to_qbo'"
        "   and entity = 'invoice' and waits_for_entity = 'mass_delete' and record_id = any(%(ids)s)"
        " union select lms_id::text from qbo_sync.left_alone where realm_id = %(realm)s and entity = 'invoice'"
        "   and gone_from = 'lms' and lms_id = any(%(ids)s::bigint[])"
        # Nobody is about to delete it there: it is dated before the start date, or the settings let nothing flow. Not
        # what a dry run has linked under an id of its own (links.py): that is yet to come to the LMS.
        " union select l.lms_id::text from qbo_sync.entity_link l"
        " where l.realm_id = %(realm)s and l.entity = 'invoice' and l.lms_id = any(%(ids)s::bigint[]) and l.lms_id > 0"
        "   and not exists (select 1 from lms.invoice i where i.id = l.lms_id)"
        "   and not exists (select 1 from qbo_sync.lms_change c where c.entity = 'invoice' and c.lms_id = l.lms_id)"
        "   and not exists (select 1 from qbo_sync.change_mark m join qbo_sync.connection n using (realm_id)"
        "                    where m.realm_id = l.realm_id and m.direction = 'lms_to_qbo' and m.entity = 'invoice'"
        "                      and m.record_id = l.lms_id::text"
        "                      and n.started_at is not null and qbo_sync.lets_flow(n, m))"
        "   and not exists (select 1 from qbo_sync.sync_error e"
        "                    where e.realm_id = l.realm_id and e.direction = 'lms_to_qbo' and e.status = 'open'"
        "                      and e.record_entity = 'invoice' and e.record_id = l.lms_id::text)",
        {"realm": realm_id, "ids": sorted(invoice_ids)},
    )
    return {invoice_id for (invoice_id,) in rows}


def leaving_quickbooks(connection: psycopg.Connection, realm_id: str, deleted: Iterable[str]) -> set[str]:
    """Those of the invoices that the LMS has deleted that the invoices' DAG is about to delete in QuickBooks, or keeps
    there: for good (rule 8.9) or until the books of their day are open again."""
    rows = connection.execute(
        "select record_id from qbo_sync.change_mark m where realm_id = %(realm)s and direction = 'lms_to_qbo'"
        "   and entity = 'invoice' and record_id = any(%(ids)s)"
        # In a dry run it is marked still when it would be gone.
        "   and exists (select 1 from qbo_sync.linked_record l where l.realm_id = m.realm_id and l.entity = m.entity"
        "                  and l.record_id = m.record_id)"
        " union select record_id from qbo_sync.sync_error where realm_id = %(realm)s and direction = 'lms_to_qbo'"
        "   and record_entity = 'invoice' and record_id = any(%(ids)s) and status = 'open'"
        "   and error_code = 'books_closed'",
        {"realm": realm_id, "ids": sorted(deleted)},
    )
    return {invoice_id for (invoice_id,) in rows} | kept_in_quickbooks(connection, realm_id, deleted)


def of_other_customers(
    connection: psycopg.Connection, realm_id: str, applications: Iterable[Application], customer: RecordKey
) -> tuple[RecordKey, ...]:
    """The applied invoices that QuickBooks has for another customer, as far as we know: it refuses to link those (620).

    A main customer may pay the invoices of its sub-customers (rule 7).
    """
    wanted = {one.invoice.id for one in applications}
    rows = connection.execute(
        "select l.lms_id::text from qbo_sync.entity_link l"
        "  left join lms.doctor_office o on l.base #>> '{customer,0}' = 'doctor_office'"
        "                               and o.id::text = l.base #>> '{customer,1}'"
        " where l.realm_id = %(realm)s and l.entity = 'invoice' and l.lms_id = any(%(ids)s::bigint[])"
        "   and l.base ? 'customer' and l.base -> 'customer' <> jsonb_build_array(%(entity)s::text, %(id)s::text)"
        "   and not (%(entity)s = 'billing_account' and coalesce(o.billing_account_id::text = %(id)s, false))"
        " order by l.lms_id",
        {"realm": realm_id, "ids": sorted(wanted), "entity": customer.entity, "id": customer.id},
    )
    return tuple(RecordKey("invoice", invoice_id) for (invoice_id,) in rows)


def over_applied_in_lms(connection: psycopg.Connection, invoice_ids: Iterable[str]) -> set[str]:
    """Those of the invoices that are synced and have more applied in the LMS than they are about."""
    rows = connection.execute(
        "select id::text from lms.invoice i where id = any(%s::bigint[]) and balance < 0"
        "   and exists (select 1 from qbo_sync.entity_link l where l.entity = 'invoice' and l.lms_id = i.id)",
        [sorted(invoice_ids)],
    )
    return {invoice_id for (invoice_id,) in rows}


def over_applied(
    connection: psycopg.Connection, client: QboClient, realm_id: str, applications: Iterable[Application]
) -> dict[str, OpenBalance]:
    """Of the applied invoices that have more applied in the LMS than they are about: what is open in QuickBooks, by LMS
    id. The others cost no request."""
    settled = over_applied_in_lms(connection, {one.invoice.id for one in applications})
    ids = links.qbo_ids(connection, realm_id, [RecordKey("invoice", invoice_id) for invoice_id in sorted(settled)])
    found = open_balance.open_balances(client, list(ids.values())) if ids else {}
    return {key.id: found[qbo_id] for key, qbo_id in ids.items() if qbo_id in found}


def open_balances(
    connection: psycopg.Connection, client: QboClient, invoices: Sequence[RecordKey]
) -> dict[str, Decimal]:
    """What is open of these invoices in QuickBooks, by LMS id. Dollars."""
    ids = links.qbo_ids(connection, client.realm_id, invoices)
    found = {one.qbo_id: one.balance for one in qbo_invoice.find_by_id(client, sorted(ids.values()))}
    return {key.id: found[qbo_id] for key, qbo_id in ids.items() if qbo_id in found}
