"""The same check entered on both sides? Payments of the LMS and of QuickBooks that may be the same money (rule 9)."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path

import psycopg

from include.company.company import Company
from include.lms.payment import read_payments
from include.model.payment import Payment
from include.model.staged import Duplicate
from include.model.typed_json import typed
from include.sync import links
from include.sync.plan import payment as planner
from include.sync.plan.payment import StagedPayment

#: A check is entered on both sides within a few days (rule 9).
DAYS_APART = timedelta(days=5)

_CAME_FROM_QUICKBOOKS = Path(__file__).with_name("payments_from_quickbooks.sql").read_bytes()
_NOT_SENT_YET = Path(__file__).with_name("payments_not_sent_yet.sql").read_bytes()


def find_towards_quickbooks(connection: psycopg.Connection, company: Company, records: Sequence[StagedPayment]) -> None:
    """Fill `duplicate` of new payments of the LMS: a payment that came from QuickBooks, or one that waits to come."""
    for record in records:
        ours = planner.flowing(record)
        if ours is None:
            continue
        waiting = _waiting(connection, company.realm_id, record.record_id)
        found = waiting or _in_lms_already(connection, company, record.record_id, ours)
        record.known.duplicate = found
        if found:
            record.known.duplicate_numbers = _numbers(connection, found.invoices)


def find_towards_lms(connection: psycopg.Connection, company: Company, record: StagedPayment) -> Duplicate | None:
    """The payment of the LMS that may be the same money as one that is new in QuickBooks; `lms_id` is its id."""
    theirs, payer = planner.qbo_version(record), record.known.payer
    if theirs is None or payer is None:
        return None
    candidates = _candidates(connection, _NOT_SENT_YET, company, theirs, record.record_id)
    ours = read_payments(connection, list(candidates))
    for lms_id, one in ours.items():
        shared = _collide(connection, one, theirs)
        if shared and one.customer == theirs.customer:
            return Duplicate(
                qbo_id=record.record_id, lms_id=lms_id, date=theirs.date, amount=theirs.amount, invoices=shared
            )
    return None


def _waiting(connection: psycopg.Connection, realm_id: str, lms_id: str) -> Duplicate | None:
    """QuickBooks' payment that waits because of this one."""
    row = connection.execute(
        "select d.detail from qbo_sync.possible_duplicate d"
        "  join qbo_sync.change_mark m on m.realm_id = d.realm_id and m.direction = 'qbo_to_lms'"
        "                             and m.entity = 'payment' and m.record_id = d.qbo_id"
        " where d.realm_id = %s and d.lms_id = %s and d.kept_both_at is null"
        "   and m.waits_for_entity = 'payment' and m.waits_for_id = d.qbo_id order by d.qbo_id limit 1",
        [realm_id, int(lms_id)],
    ).fetchone()
    return typed(row[0], Duplicate) if row else None


def _in_lms_already(connection: psycopg.Connection, company: Company, lms_id: str, ours: Payment) -> Duplicate | None:
    """A payment that came from QuickBooks before this one was entered."""
    candidates = _candidates(connection, _CAME_FROM_QUICKBOOKS, company, ours, lms_id)
    copies = read_payments(connection, list(candidates))
    agreed = links.bases(connection, company.realm_id, "payment", list(candidates))
    for copy_id, copy in copies.items():
        base = agreed.get(copy_id)
        shared = _collide(connection, ours, copy)
        if shared and isinstance(base, Payment) and base.customer == ours.customer:
            return Duplicate(
                qbo_id=candidates[copy_id], lms_id=copy_id, date=copy.date, amount=copy.amount, invoices=shared
            )
    return None


def _candidates(
    connection: psycopg.Connection, statement: bytes, company: Company, like: Payment, record_id: str
) -> dict[str, str]:
    """Payments of the LMS of the same account and amount, some days apart at most: their QuickBooks ids, by LMS id."""
    if like.owner is None:
        return {}
    rows = connection.execute(
        statement,
        {
            "realm": company.realm_id,
            "account": int(like.owner.billing_account_id),
            "amount": like.amount,
            "first": like.date - DAYS_APART,
            "last": like.date + DAYS_APART,
            "record": record_id,
        },
    )
    return dict(rows.fetchall())


def _collide(connection: psycopg.Connection, one: Payment, other: Payment) -> tuple[str, ...]:
    """The invoices that both pay; else those of either that are over-applied."""
    first, second = ({applied.invoice.id for applied in payment.applications} for payment in (one, other))
    if not first or not second:
        return ()
    shared = first & second
    return tuple(sorted(shared or _over_applied(connection, first | second), key=int))


def _over_applied(connection: psycopg.Connection, invoice_ids: Iterable[str]) -> set[str]:
    """Those of the invoices that have more applied in the LMS than they are about."""
    rows = connection.execute(
        "select id::text from lms.invoice where id = any(%s::bigint[]) and balance < 0", [sorted(invoice_ids)]
    )
    return {invoice_id for (invoice_id,) in rows}


def _numbers(connection: psycopg.Connection, invoice_ids: Sequence[str]) -> tuple[str, ...]:
    rows = connection.execute(
        "select invoice_number from lms.invoice where id = any(%s::bigint[]) order by id", [list(invoice_ids)]
    )
    return tuple(number for (number,) in rows)
