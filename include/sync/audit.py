"""The audit: every write to either side, what it was before and after, which run and which request.

An entry is written in the transaction that settles the record, so that there is one for each write that is settled, and
none for a write that is not. What the pipeline changes in the LMS's tables is kept row by row by triggers, which refuse
a write without an entry (include/migrations/sql/qbo_sync/audit.sql; docs/decisions/0024-audit.md).
"""

from dataclasses import dataclass
from typing import Any, Literal

import psycopg

from include.company.runtime import Run
from include.lms.database import jsonb
from include.model.canonical import amount_of, customer_of
from include.model.customer import Customer
from include.model.invoice import Invoice
from include.model.product import Product
from include.model.record import Entity, RecordKey, Side
from include.model.typed_json import Canonical

#: `adopt`, `link` and `unlink` are about our own link.
AuditedOperation = Literal["create", "update", "delete", "adopt", "link", "unlink"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One write."""

    side: Side
    realm_id: str
    entity: Entity
    #: Its LMS id, or a special item's name; None: the LMS does not have it.
    record_id: str | None
    qbo_id: str | None
    billing_lab_id: int | None
    operation: AuditedOperation
    #: None: it was not there, or is not there any more.
    before: Canonical | None
    after: Canonical | None
    #: QuickBooks' version after the write.
    sync_token: str | None = None
    #: Of the write to QuickBooks.
    request_id: str | None = None
    #: Of a write to the LMS: what both sides had agreed on before it.
    base: Canonical | None = None
    #: The entry that this one takes back.
    undo_of: int | None = None


_NEXT = "nextval(pg_get_serial_sequence('qbo_sync.audit_entry', 'id'))"
_ANNOUNCED = "current_setting('qbo_sync.audit_entry')::bigint"


def _insert(id_: str) -> bytes:
    """The statement that keeps an entry under the id of that expression."""
    return f"""
        insert into qbo_sync.audit_entry (id, side, realm_id, billing_lab_id, entity, lms_id, qbo_id, document_number,
               customer, amount, operation, before, after, sync_token, dag_id, run_id, request_id, intuit_tid,
               http_status, duration_ms, base, undo_of)
        select {id_}, %(side)s, %(realm_id)s, %(billing_lab_id)s, %(entity)s, %(lms_id)s::bigint, %(qbo_id)s,
               %(number)s, qbo_sync.customer_name(%(customer_entity)s, %(customer_id)s), %(amount)s::numeric,
               %(operation)s, %(before)s::jsonb, %(after)s::jsonb, %(sync_token)s, %(dag_id)s, %(run_id)s,
               %(request_id)s, call.intuit_tid, call.status, call.duration_ms, %(base)s::jsonb, %(undo_of)s
          from (select 1) one
          left join lateral (select intuit_tid, status, duration_ms from qbo_sync.api_call
                              where request_id = %(request_id)s order by id desc limit 1) call on true
    """.encode()  # noqa: S608 - our own words


_KEEP, _KEEP_ANNOUNCED = _insert(_NEXT), _insert(_ANNOUNCED)
_KEEP_IF_WRITTEN = _KEEP_ANNOUNCED + (
    f" where exists (select 1 from qbo_sync.audit_row where entry_id = {_ANNOUNCED})".encode()  # noqa: S608 - our own words
)


def announce(connection: psycopg.Connection, lock_timeout: str) -> None:
    """Begin a transaction that may write the LMS: it is the pipeline's (no trigger reports it), waits so long for a
    lock (PostgreSQL's form), and has an entry that the rows it writes will belong to."""
    connection.execute(
        f"select set_config('qbo_sync.origin', 'pipeline', true), set_config('lock_timeout', %s, true),"
        f"       set_config('qbo_sync.audit_entry', {_NEXT}::text, true)".encode(),
        [lock_timeout],
    )


def keep(connection: psycopg.Connection, run: Run, entry: Entry) -> None:
    """Write the entry, in the caller's transaction."""
    connection.execute(_KEEP, _parameters(run, entry))


def keep_announced(connection: psycopg.Connection, run: Run, entry: Entry, *, only_if_written: bool) -> None:
    """Write the entry that the transaction has announced. `only_if_written`: unless no row of the LMS has changed."""
    connection.execute(_KEEP_IF_WRITTEN if only_if_written else _KEEP_ANNOUNCED, _parameters(run, entry))


def _parameters(run: Run, entry: Entry) -> dict[str, Any]:
    shown = entry.after or entry.before
    customer = _customer(entry, shown)
    special = entry.entity == "special_item"
    return {
        "side": entry.side,
        "realm_id": entry.realm_id,
        "billing_lab_id": entry.billing_lab_id,
        "entity": entry.entity,
        "lms_id": None if special or entry.record_id is None else int(entry.record_id),
        "qbo_id": entry.qbo_id,
        "number": entry.record_id if special else _number(shown),
        "customer_entity": customer.entity if customer else None,
        "customer_id": customer.id if customer else None,
        "amount": amount_of(shown),
        "operation": entry.operation,
        "before": jsonb(entry.before) if entry.before else None,
        "after": jsonb(entry.after) if entry.after else None,
        "sync_token": entry.sync_token,
        "dag_id": run.dag_id,
        "run_id": run.run_id,
        "request_id": entry.request_id,
        "base": jsonb(entry.base) if entry.base else None,
        "undo_of": entry.undo_of,
    }


def _number(record: Canonical | None) -> str | None:
    """An invoice's number; the name of what has no number and no amount."""
    if isinstance(record, Invoice):
        return record.number
    return record.name if isinstance(record, Customer | Product) else None


def _customer(entry: Entry, record: Canonical | None) -> RecordKey | None:
    if isinstance(record, Customer):
        return RecordKey(entry.entity, entry.record_id) if entry.record_id else None
    return customer_of(record)
