"""What the other direction has to do is handed over here, and nowhere else.

A run writes its own side only. Whatever it learns that concerns the other side becomes a mark or a retry there.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import psycopg

from include.lms.database import jsonb
from include.model.invoice import Invoice
from include.model.payment import CreditApplication, Payment
from include.model.plan import WRITES, Plan, nothing
from include.model.problem import Problem, in_lms
from include.model.record import Direction, Owner, RecordKey, Side
from include.model.staged import Duplicate, StagedRecord
from include.sync import marks

_SIDE: dict[Direction, Side] = {"lms_to_qbo": "qbo", "qbo_to_lms": "lms"}


def is_for_this_run(record: StagedRecord[Any, Any, Any, Any], plan: Plan[Any]) -> bool:
    """Whether the plan writes, or would write, the side that the record's run writes; or neither."""
    return plan.side in (None, _SIDE[record.direction])


def hand_over(connection: psycopg.Connection, realm_id: str, record: StagedRecord[Any, Any, Any, Any]) -> None:
    """A plan that writes the other side, or waits to: that side's DAG gets the record to plan and write itself.

    What has changed in the LMS is marked by the LMS's triggers mostly; but its run may have left the record alone for
    what QuickBooks showed then (a customer that nobody knew).
    """
    plan = record.planned
    if plan.step not in WRITES and plan.step != "wait":
        return
    if record.direction == "lms_to_qbo" and plan.side == "lms" and record.qbo_id:
        marks.mark_one(connection, realm_id, "qbo_to_lms", record.entity, record.qbo_id, record.billing_lab_id)
    elif record.direction == "qbo_to_lms" and plan.side == "qbo" and record.lms_id:
        marks.mark_unless_known(connection, realm_id, record)


def left_to_the_other_side(plan: Plan[Any], skipped: Problem | None) -> tuple[Plan[Any], list[Problem]]:
    """What the plan of the other side means for this run: nothing to write, and to report only what is skipped here."""
    return nothing(plan.cause), [skipped] if skipped else []


def compare_balances(connection: psycopg.Connection, invoice_ids: Iterable[str]) -> None:
    """Invoices of the LMS whose balance cannot be told now: their DAG compares them with QuickBooks. Through the change
    feed: whoever comes to know of it holds links already."""
    connection.execute("select qbo_sync.queue_balances(%s::bigint[])", [[int(id_) for id_ in invoice_ids]])


def ask_about_duplicate(connection: psycopg.Connection, realm_id: str, lms_id: str, found: Duplicate) -> None:
    """QuickBooks' payment waits because it may be the same money as one of the LMS: the question is kept until somebody
    answers it, and the run of the LMS's payment reports it."""
    connection.execute(
        "insert into qbo_sync.possible_duplicate (realm_id, lms_id, qbo_id, detail) values (%s, %s, %s, %s)"
        " on conflict (realm_id, lms_id, qbo_id) do update set detail = excluded.detail",
        [realm_id, int(lms_id), found.qbo_id, jsonb(found)],
    )
    plan_payment_again(connection, lms_id)


def sync_back(
    connection: psycopg.Connection, realm_id: str, key: RecordKey, qbo_id: str, base: Any, billing_lab_id: int | None
) -> None:
    """What QuickBooks says of a record that was just linked and is not quite ours: the link knows its version, so the
    change capture takes it for an echo. Of what settles invoices, their balances: as long as it was not linked, they
    were told without it."""
    if isinstance(base, Payment | CreditApplication):
        compare_balances(connection, [one.invoice.id for one in base.applications])
    if key.entity in ("invoice", "payment"):
        marks.mark_one(connection, realm_id, "qbo_to_lms", key.entity, qbo_id, billing_lab_id)


def billed_to_another_meanwhile(connection: psycopg.Connection, bases: Mapping[str, Any]) -> set[str]:
    """Of invoices that were just created in QuickBooks: those that the LMS has given to another account or pair since
    they were planned. `bases`: what was agreed on, by the LMS's id; of other entities there are none.

    When that change was dispatched there was no link yet by which the other direction compares them (rule 9). Asked
    under the lock of whoever settles: what is changed later is dispatched later, and finds the link.
    """
    owners = {id_: base.owner for id_, base in bases.items() if isinstance(base, Invoice) and base.owner}
    if not owners:
        return set()
    rows = connection.execute(
        "select id::text, billing_account_id::text, doctor_office_id::text from lms.invoice where id = any(%s)",
        [[int(id_) for id_ in owners]],
    )
    return {id_ for id_, account, pair in rows if Owner(account, pair) != owners[id_]}


def plan_payment_again(connection: psycopg.Connection, lms_id: str) -> None:
    """A payment of the LMS is to be planned again, through the change feed: this transaction holds a mark already."""
    connection.execute(
        "insert into qbo_sync.lms_change (entity, lms_id, billing_lab_id)"
        " select 'payment', id, billing_lab_id from lms.payment where id = %s",
        [int(lms_id)],
    )


def plan_credit_again(connection: psycopg.Connection, lms_id: str) -> None:
    """A credit and its applications are to be planned again, through the change feed."""
    connection.execute(
        "insert into qbo_sync.lms_change (entity, lms_id, billing_lab_id)"
        " select 'credit', id, billing_lab_id from lms.credit where id = %s",
        [int(lms_id)],
    )


def invoice_left_lms(connection: psycopg.Connection, invoice_id: str) -> None:
    """An invoice is about to be deleted from the LMS: the credits and payments that lose their applications with it go
    through the change feed, so that no transaction marks in an order of its own. What failed because of it (its number
    was taken) is retried."""
    retry_named(connection, in_lms("invoice", invoice_id))
    connection.execute(
        "insert into qbo_sync.lms_change (entity, lms_id, billing_lab_id)"
        " select 'credit', c.id, c.billing_lab_id from lms.credit c"
        "   join lms.credit_application a on a.credit_id = c.id where a.invoice_id = %(invoice)s union all"
        " select 'payment', p.id, p.billing_lab_id from lms.payment p"
        "   join lms.payment_application a on a.payment_id = p.id where a.invoice_id = %(invoice)s",
        {"invoice": int(invoice_id)},
    )


def retry_named(connection: psycopg.Connection, cause: str) -> None:
    """A record that errors name as a cause (model/problem.py) has changed: they are tried again (rule 8.3)."""
    connection.execute(
        "update qbo_sync.sync_error set retry_at = clock_timestamp()"
        " where id in (select id from qbo_sync.sync_error where status = 'open' and causes @> array[%s]"
        "               order by id for update)",
        [cause],
    )


def invoice_voided(connection: psycopg.Connection, realm_id: str, invoice_id: str) -> None:
    """QuickBooks has taken the credits off an invoice that was voided there, so they are free again in the LMS too, and
    neither side counts on them any more, should it come to life again.

    Those that QuickBooks never knew of stay: their own DAG reports that nothing is open any more.
    """
    connection.execute(
        "select 1 from lms.credit_application where invoice_id = %s order by credit_id for update", [int(invoice_id)]
    )
    connection.execute(
        "select 1 from qbo_sync.credit_application_link"
        " where realm_id = %(realm)s"
        "   and credit_id in (select credit_id from lms.credit_application where invoice_id = %(invoice)s)"
        " order by credit_id for update",
        {"realm": realm_id, "invoice": int(invoice_id)},
    )
    connection.execute(
        "with freed as ("
        "  delete from lms.credit_application a using qbo_sync.credit_application_link l"
        "   where a.invoice_id = %(invoice)s and l.realm_id = %(realm)s and l.credit_id = a.credit_id"
        "     and l.base -> 'applications'"
        "         @> jsonb_build_array(jsonb_build_object('invoice', jsonb_build_array('invoice', %(invoice)s::text)))"
        "  returning a.credit_id), agreed as ("
        "  update qbo_sync.credit_application_link l set version = version + 1, updated_at = clock_timestamp(),"
        "         base = jsonb_set(base, '{applications}', (select coalesce(jsonb_agg(a order by place), '[]')"
        "           from jsonb_array_elements(base -> 'applications') with ordinality as x (a, place)"
        "          where a -> 'invoice' ->> 1 <> %(invoice)s::text))"
        "    from freed where l.realm_id = %(realm)s and l.credit_id = freed.credit_id)"
        " insert into qbo_sync.lms_change (entity, lms_id, billing_lab_id)"
        " select 'credit', c.id, c.billing_lab_id from lms.credit c join freed on freed.credit_id = c.id",
        {"realm": realm_id, "invoice": int(invoice_id)},
    )


def retry_to_quickbooks(connection: psycopg.Connection, realm_id: str, entity: str, lms_id: str) -> None:
    """What stood in the way of the other direction (`total_mismatch`) may be over."""
    connection.execute(
        "update qbo_sync.sync_error set retry_at = clock_timestamp() where realm_id = %s and status = 'open'"
        "   and direction = 'lms_to_qbo' and record_entity = %s and record_id = %s"
        "   and error_code not like 'conflict%%'",
        [realm_id, entity, lms_id],
    )
