"""Writes payments that come from QuickBooks into the LMS.

The caller has set `qbo_sync.origin` to 'pipeline' in its transaction, so that the LMS's triggers report none of it.
"""

from collections.abc import Sequence
from datetime import date

import psycopg

from include.model.payment import Application, Payment
from include.model.record import Owner


def lock(connection: psycopg.Connection, payment_id: str) -> bool:
    """Lock a payment's row until the transaction ends; False if there is none."""
    row = connection.execute("select 1 from lms.payment where id = %s for update", [payment_id]).fetchone()
    return row is not None


def create(
    connection: psycopg.Connection,
    payment: Payment,
    *,
    billing_lab_id: int,
    owner: Owner,
) -> str:
    """A new payment with its applications; its id. The reference does not sync."""
    row = connection.execute(
        "insert into lms.payment (billing_lab_id, billing_account_id, doctor_office_id, payment_date, amount, method,"
        " reference, origin) values (%s, %s, %s, %s, %s, %s, null, 'qbo') returning id::text",
        [billing_lab_id, *owner, payment.date, payment.amount, payment.method],
    ).fetchone()
    if row is None:
        raise RuntimeError("an insert returns its row")
    _insert_applications(connection, row[0], payment.applications)
    return str(row[0])


def change_date(connection: psycopg.Connection, payment_id: str, day: date) -> None:
    """Its day."""
    connection.execute("update lms.payment set payment_date = %s where id = %s", [day, payment_id])


def change_owner(connection: psycopg.Connection, payment_id: str, owner: Owner) -> None:
    """Account and pair."""
    connection.execute(
        "update lms.payment set billing_account_id = %s, doctor_office_id = %s where id = %s", [*owner, payment_id]
    )


def update(connection: psycopg.Connection, payment_id: str, payment: Payment) -> None:
    """Account and pair, amount and applications."""
    connection.execute("update lms.payment set amount = %s where id = %s", [payment.amount, payment_id])
    if payment.owner:
        change_owner(connection, payment_id, payment.owner)
    connection.execute("delete from lms.payment_application where payment_id = %s", [payment_id])
    _insert_applications(connection, payment_id, payment.applications)


def _insert_applications(connection: psycopg.Connection, payment_id: str, applications: Sequence[Application]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into lms.payment_application (payment_id, invoice_id, amount) values (%s, %s, %s)",
            [[payment_id, int(one.invoice.id), one.amount] for one in applications],
        )


def delete(connection: psycopg.Connection, payment_id: str) -> None:
    """The payment goes with its applications."""
    connection.execute("delete from lms.payment where id = %s", [payment_id])
