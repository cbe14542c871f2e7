"""Invoices, read from the LMS."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

import psycopg
from psycopg.rows import dict_row

from include.lms.customer_of import CUSTOMER_IS_PAIR
from include.lms.names import clean
from include.model.invoice import Invoice, InvoiceLine
from include.model.money import extend
from include.model.record import Owner, RecordKey

_INVOICES = f"""
    select r.id::text, r.invoice_number, r.invoice_date, r.due_date, r.memo, r.origin, r.discount_amount,
           r.shipping_amount, r.tax_amount, r.total_amount, r.billing_account_id::text, r.doctor_office_id::text,
           {CUSTOMER_IS_PAIR.condition} as to_pair
      from lms.invoice r {CUSTOMER_IS_PAIR.joins}
     where r.id = any(%s::bigint[])
"""  # noqa: S608 - our own words

_LINES = """
    select invoice_id::text, product_id::text, quantity, unit_price, description
      from lms.invoice_line_item
     where invoice_id = any(%s::bigint[])
     order by invoice_id, position, id
"""


def read_invoices(connection: psycopg.Connection, ids: Sequence[str]) -> dict[str, Invoice]:
    """The invoices of these ids that exist, by id, with the customer that each is for (rule 2)."""
    with connection.cursor(row_factory=dict_row) as cursor:
        lines = {
            invoice_id: tuple(_line(row) for row in rows)
            for invoice_id, rows in _grouped(cursor.execute(_LINES, [list(ids)]).fetchall())
        }
        rows = cursor.execute(_INVOICES.encode(), [list(ids)]).fetchall()
    return {row["id"]: _invoice(row, lines.get(row["id"], ())) for row in rows}


def _grouped(rows: list[dict[str, Any]]) -> Iterable[tuple[str, Iterable[dict[str, Any]]]]:
    return groupby(rows, key=lambda row: str(row["invoice_id"]))


def _line(row: dict[str, Any]) -> InvoiceLine:
    return InvoiceLine(
        product=RecordKey("product", row["product_id"]) if row["product_id"] else None,
        quantity=row["quantity"],
        unit_price=row["unit_price"],
        # Not the stored amount: QuickBooks refuses any other than quantity × price (6070).
        amount=extend(row["quantity"], row["unit_price"]),
        description=row["description"],
    )


def _invoice(row: dict[str, Any], lines: tuple[InvoiceLine, ...]) -> Invoice:
    customer = (
        RecordKey("doctor_office", row["doctor_office_id"])
        if row["to_pair"]
        else RecordKey("billing_account", row["billing_account_id"])
    )
    return Invoice(
        # As QuickBooks keeps it, or it would not be found there.
        number=clean(row["invoice_number"]),
        date=row["invoice_date"],
        due_date=row["due_date"],
        customer=customer,
        lines=lines,
        discount=row["discount_amount"],
        shipping=row["shipping_amount"],
        tax=row["tax_amount"],
        total=row["total_amount"],
        memo=row["memo"],
        origin=row["origin"],
        owner=Owner(row["billing_account_id"], row["doctor_office_id"]),
    )
