"""LMS records on their way to QuickBooks that may be what is new there."""

from datetime import datetime

import psycopg

from include.model.staged import QboInvoice, QboPayment


def is_in_flight(
    connection: psycopg.Connection, realm_id: str, entity: str, lms_id: str, made_at: datetime | None = None
) -> bool:
    """Whether an LMS record is due to go to QuickBooks, or will be again in a moment. `made_at`: when QuickBooks made
    what it may be.

    One whose create was answered with a fault may have been done all the same (trap 6): it is searched for when it is
    tried again (write/unconfirmed.py), which `retry_unconfirmed` brings about. A few times, so that nobody waits for
    ever. Where the lab's settings keep it from being tried, what QuickBooks made while it was tried waits as long: the
    LMS has it already, and what is there twice stays there twice.
    """
    row = connection.execute(
        "select 1 from qbo_sync.connection n join qbo_sync.change_mark m on m.realm_id = n.realm_id"
        " where n.realm_id = %(realm)s and n.direction in ('lms_to_qbo', 'both')"
        "   and case %(entity)s when 'invoice' then n.sync_invoices else n.sync_payments end"
        "   and m.direction = 'lms_to_qbo' and m.entity = %(entity)s and m.record_id = %(id)s"
        "   and m.billing_lab_id = n.billing_lab_id and m.waits_for_entity is null"
        "   and coalesce(m.attempt_after, '-infinity') < clock_timestamp() + interval '1 hour'"
        " union all"
        " select 1 from qbo_sync.unconfirmed_create d join qbo_sync.sync_error e"
        "     on (e.realm_id, e.record_entity, e.record_id) = (d.realm_id, d.entity, d.record_id)"
        "  where d.realm_id = %(realm)s and d.entity = %(entity)s and d.record_id = %(id)s"
        "    and e.direction = 'lms_to_qbo' and e.status = 'open' and e.attempts < 4"
        "    and (%(made_at)s::timestamptz is null"
        "         or %(made_at)s between d.sent_after and e.last_seen_at + interval '10 minutes')",
        {"realm": realm_id, "entity": entity, "id": lms_id, "made_at": made_at},
    ).fetchone()
    return row is not None


def is_in_flight_as_sent(
    connection: psycopg.Connection, realm_id: str, entity: str, theirs: QboInvoice | QboPayment
) -> bool:
    """As above, of a record that the LMS may have changed since it was sent: QuickBooks' record is compared with what
    was sent."""
    rows = connection.execute(
        "select record_id from qbo_sync.unconfirmed_create u"
        " where realm_id = %s and entity = %s and payload #>> '{CustomerRef,value}' = %s"
        "   and (payload ->> 'TxnDate')::date = %s and coalesce(base ->> 'total', base ->> 'amount')::numeric = %s"
        "   and not exists (select 1 from qbo_sync.linked_record l where l.realm_id = u.realm_id"
        "                      and l.entity = u.entity and l.record_id = u.record_id)",
        [
            realm_id,
            entity,
            theirs.customer_id,
            theirs.date,
            theirs.total if isinstance(theirs, QboInvoice) else theirs.amount,
        ],
    ).fetchall()
    return any(is_in_flight(connection, realm_id, entity, record_id, theirs.made_at) for (record_id,) in rows)


def retry_unconfirmed(connection: psycopg.Connection, realm_id: str, entity: str) -> None:
    """Have creates tried again that may have been done although QuickBooks refused them: somebody waits for them."""
    connection.execute(
        "update qbo_sync.sync_error e set retry_at = clock_timestamp()"
        "  from (select e.id from qbo_sync.sync_error e join qbo_sync.unconfirmed_create d"
        "          on (e.realm_id, e.record_entity, e.record_id) = (d.realm_id, d.entity, d.record_id)"
        "         where d.realm_id = %s and d.entity = %s and e.direction = 'lms_to_qbo' and e.status = 'open'"
        "           and e.attempts < 4 and e.retry_at > clock_timestamp()"
        "         order by e.id for update of e) waited_for"
        " where e.id = waited_for.id",
        [realm_id, entity],
    )
