"""What an invoice must fulfil before it is created (fact 9.4, rule 4)."""

from typing import Any

import great_expectations.expectations as gxe

from include.expectations import values
from include.model.invoice import Invoice
from include.model.money import ZERO, show

NUMBER_LIMIT = 21


def row(invoice: Invoice) -> dict[str, Any]:
    """The invoice as a row of the data frame. Money in dollars, Decimal; *_shown for the messages."""
    parts = [invoice.total, invoice.discount, invoice.shipping, invoice.tax]
    return {
        **values.row(
            [*parts, *(number for line in invoice.lines for number in (line.quantity, line.unit_price))],
            [invoice.date, invoice.due_date],
        ),
        "number": invoice.number,
        "number_length": len(invoice.number),
        "day": f"{invoice.date:%m/%d/%Y}",
        "lines": len(invoice.lines),
        "lines_without_product": sum(line.product is None for line in invoice.lines),
        "largest": max(
            abs(amount) for amount in (*parts, *(line.amount for line in invoice.lines), invoice.line_total)
        ),
        "smallest_part": min(invoice.discount, invoice.shipping, invoice.tax),
        "total": invoice.total,
        "total_shown": show(invoice.total),
        "discount_beyond_lines": invoice.discount - max(invoice.line_total, ZERO),
        "discount_shown": show(invoice.discount),
        "lines_shown": show(invoice.line_total),
    }


def expectations() -> list[Any]:
    """The suite, in the order in which problems are told."""
    return [
        values.numbers("Invoice {number}"),
        values.days("Invoice {number}"),
        gxe.ExpectColumnValuesToMatchRegex(
            column="number",
            regex=r"\S",
            meta={
                "rule": "number_present",
                "message": "The invoice of {total_shown} dated {day} has no number.",
                "resolution": "Give the invoice a number in Pilot.",
            },
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="number_length",
            max_value=NUMBER_LIMIT,
            meta={
                "rule": "number_length",
                "message": "The invoice number “{number}” has {number_length} characters; QuickBooks allows at most "
                "21.",
                "resolution": "Give the invoice a shorter number in Pilot.",
            },
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="lines",
            min_value=1,
            meta={
                "rule": "has_lines",
                "message": "Invoice {number} has no lines.",
                "resolution": "Add its products in Pilot, or un-invoice the case.",
            },
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="lines_without_product",
            max_value=0,
            meta={
                "rule": "lines_have_products",
                "message": "Invoice {number} has a line without a product.",
                "resolution": "Choose a product for every line in Pilot.",
            },
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="largest",
            max_value=values.LARGEST,
            meta={
                "rule": "amounts_fit",
                "message": "Invoice {number} has a line or a total of more than $9,999,999,999.99.",
                "resolution": "Correct the quantity or the price in Pilot.",
            },
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="smallest_part",
            min_value=0,
            meta={
                "rule": "parts_not_negative",
                "message": "Invoice {number} has a negative discount, shipping, or tax amount.",
                "resolution": "Correct the amount in Pilot.",
            },
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="discount_beyond_lines",
            max_value=0,
            meta={
                "rule": "discount_within_lines",
                "message": "Invoice {number} has a discount of {discount_shown}, which is more than its lines of "
                "{lines_shown}. QuickBooks does not allow that.",
                "resolution": "Reduce the discount in Pilot.",
            },
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="total",
            min_value=0,
            meta={
                "rule": "total_not_negative",
                "message": "Invoice {number} has a total of {total_shown}. QuickBooks does not allow negative "
                "invoices.",
                "resolution": "Correct the amounts in Pilot, or enter a credit instead to give money back.",
            },
        ),
    ]
