"""Writes invoices that come from QuickBooks into the LMS.

The caller has set `qbo_sync.origin` to 'pipeline' in its transaction, so that the LMS's triggers report none of it.
"""

from collections.abc import Sequence
from decimal import Decimal

import psycopg

from include.model.invoice import Invoice, InvoiceLine
from include.model.record import Owner


def lock(connection: psycopg.Connection, invoice_id: str) -> bool:
    """Lock an invoice's row until the transaction ends; False if there is none.

    Payments that the LMS applies to it at the same moment wait, or are seen by what is read afterwards.
    """
    row = connection.execute("select 1 from lms.invoice where id = %s for update", [invoice_id]).fetchone()
    return row is not None


def create(
    connection: psycopg.Connection,
    invoice: Invoice,
    *,
    billing_lab_id: int,
    owner: Owner,
    balance: Decimal,
) -> str:
    """A new invoice without a case, with its lines; its id."""
    row = connection.execute(
        "insert into lms.invoice (billing_lab_id, billing_account_id, doctor_office_id, case_id, invoice_number,"
        " invoice_date, due_date, memo, subtotal, discount_amount, shipping_amount, tax_amount, total_amount, balance,"
        " origin) values (%s, %s, %s, null, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'qbo') returning id::text",
        [
            billing_lab_id,
            *owner,
            invoice.number,
            invoice.date,
            invoice.due_date,
            invoice.memo,
            invoice.line_total,
            invoice.discount,
            invoice.shipping,
            invoice.tax,
            invoice.total,
            balance,
        ],
    ).fetchone()
    if row is None:
        raise RuntimeError("an insert returns its row")
    _insert_lines(connection, row[0], invoice.lines)
    return str(row[0])


def update_amounts(connection: psycopg.Connection, invoice_id: str, invoice: Invoice) -> None:
    """Subtotal, discount, shipping, tax and total."""
    connection.execute(
        "update lms.invoice set subtotal = %s, discount_amount = %s, shipping_amount = %s, tax_amount = %s,"
        " total_amount = %s where id = %s",
        [invoice.line_total, invoice.discount, invoice.shipping, invoice.tax, invoice.total, invoice_id],
    )


def change_owner(connection: psycopg.Connection, invoice_id: str, owner: Owner) -> None:
    """Account and pair; for invoices that were written in QuickBooks only."""
    connection.execute(
        "update lms.invoice set billing_account_id = %s, doctor_office_id = %s where id = %s", [*owner, invoice_id]
    )


def replace_lines(connection: psycopg.Connection, invoice_id: str, lines: Sequence[InvoiceLine]) -> None:
    """The lines as QuickBooks has them; for invoices that were written there only."""
    connection.execute("delete from lms.invoice_line_item where invoice_id = %s", [invoice_id])
    _insert_lines(connection, invoice_id, lines)


def _insert_lines(connection: psycopg.Connection, invoice_id: str, lines: Sequence[InvoiceLine]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into lms.invoice_line_item (invoice_id, position, product_id, quantity, unit_price,"
            " discount_amount, amount, description) values (%s, %s, %s, %s, %s, 0, %s, %s)",
            [
                [
                    invoice_id,
                    position,
                    int(line.product.id) if line.product else None,
                    line.quantity,
                    line.unit_price,
                    line.amount,
                    line.description,
                ]
                for position, line in enumerate(lines, 1)
            ],
        )


def set_balance(connection: psycopg.Connection, invoice_id: str, balance: Decimal) -> bool:
    """Set the balance; False if it was so already."""
    return (
        connection.execute(
            "update lms.invoice set balance = %(balance)s where id = %(id)s and balance <> %(balance)s",
            {"balance": balance, "id": invoice_id},
        ).rowcount
        > 0
    )


def raise_balance(connection: psycopg.Connection, invoice_id: str, amount: Decimal) -> None:
    """So much of the invoice is not settled any more."""
    connection.execute("update lms.invoice set balance = balance + %s where id = %s", [amount, invoice_id])


def reopen(connection: psycopg.Connection, invoice_id: str) -> None:
    """Of the invoice is open what no payment and no credit of the LMS is applied to."""
    connection.execute(
        "update lms.invoice i set balance = total_amount"
        " - coalesce((select sum(amount) from lms.payment_application where invoice_id = i.id), 0)"
        " - coalesce((select sum(amount) from lms.credit_application where invoice_id = i.id), 0)"
        " where id = %s",
        [invoice_id],
    )


def delete(connection: psycopg.Connection, invoice_id: str) -> None:
    """The invoice goes with its lines and applications; its case, if it has one, is completed again."""
    connection.execute(
        "update lms.lab_case c set status = 'completed' from lms.invoice i where i.id = %s and c.id = i.case_id",
        [invoice_id],
    )
    connection.execute("delete from lms.invoice where id = %s", [invoice_id])
