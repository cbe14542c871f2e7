"""The LMS invoice's balance in step with QuickBooks' (rule 5)."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg

from include.lms import invoice_write
from include.model.staged import QboInvoice, QboPayment, StagedRecord
from include.sync.entity.base import RetryLater
from include.sync.plan.invoice import target_balance

#: A create without an answer for so long has lost it.
LOST_AFTER = timedelta(seconds=5)
#: Seconds: for a write of ours to be recorded; after a record changed while it was in hand.
IN_FLIGHT_SECONDS, CHANGED_SECONDS = 2.0, 0.5


def follow_balance(
    connection: psycopg.Connection, realm_id: str, invoice_id: str, qbo_balance: Decimal, *, voided: bool
) -> bool:
    """Bring the balance of a locked invoice in step with QuickBooks'; whether it had to be changed.

    Raises RetryLater while a payment of ours is on its way, so that nobody can tell whether QuickBooks counts it.
    """
    row = connection.execute(
        "select qbo_sync.application_in_flight(%(realm)s, %(invoice)s),"
        "       qbo_sync.unsynced_applications(%(realm)s, %(invoice)s)",
        {"realm": realm_id, "invoice": int(invoice_id)},
    ).fetchone()
    in_flight, unsynced = row if row else (False, Decimal(0))
    if in_flight:
        raise RetryLater("a payment of the invoice is on its way to QuickBooks", IN_FLIGHT_SECONDS)
    return invoice_write.set_balance(connection, invoice_id, target_balance(qbo_balance, unsynced, voided=voided))


def refuse_while_in_flight(
    connection: psycopg.Connection,
    realm_id: str,
    record: StagedRecord[Any, Any, Any, Any],
    customer_id: str | None,
    lms_ids: Iterable[str] = (),
) -> None:
    """Raise RetryLater while a write of ours to the record is not recorded yet.

    Linked: a write to it may be what was seen in QuickBooks, without its base. Not linked: it may be what a create of
    ours for the same customer (`customer_id`) has just made; or one of the same amount that has no answer for so long
    that somebody may have given what it made to another customer.
    """
    theirs = None if record.link else record.fetched
    amount = (
        theirs.total if isinstance(theirs, QboInvoice) else theirs.amount if isinstance(theirs, QboPayment) else None
    )
    ids = [*lms_ids, *([record.link.lms_id] if record.link else [])]
    row = connection.execute(
        "select 1 from qbo_sync.write_intent i where realm_id = %s and entity = %s"
        "   and (record_id = any(%s) or operation = 'create'"
        "        and (customer_id = %s or coalesce(base ->> 'total', base ->> 'amount')::numeric = %s"
        "             and exists (select 1 from qbo_sync.write_request r where r.request_id = i.request_id"
        "                            and r.created_at < clock_timestamp() - %s::interval)))",
        [realm_id, record.entity, ids, None if record.link else customer_id, amount, LOST_AFTER],
    ).fetchone()
    if row:
        raise RetryLater("a write of ours to it is on its way", IN_FLIGHT_SECONDS)
