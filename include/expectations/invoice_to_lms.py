"""What an invoice from QuickBooks must fulfil before its amounts are written to the LMS (rule 5)."""

from typing import Any

import great_expectations.expectations as gxe

from include.expectations import values
from include.model.invoice import Invoice
from include.model.money import show


def row(invoice: Invoice) -> dict[str, Any]:
    """The invoice as a row of the data frame. Money in dollars, Decimal; *_shown for the messages."""
    amounts = [invoice.total, invoice.discount, invoice.shipping, invoice.tax, invoice.line_total]
    quantities = [abs(line.quantity) for line in invoice.lines] + [abs(line.unit_price) for line in invoice.lines]
    return {
        "number": invoice.number,
        "total": invoice.total,
        "total_shown": show(invoice.total),
        "parts_shown": show(invoice.computed_total),
        "unexplained": invoice.total - invoice.computed_total,
        "largest": max([*(abs(amount) for amount in amounts), *quantities]),
    }


def expectations() -> list[Any]:
    """The suite, in the order in which problems are told."""
    return [
        gxe.ExpectColumnValuesToBeBetween(
            column="unexplained",
            min_value=0,
            max_value=0,
            meta={
                "rule": "parts_add_up",
                "message": "Invoice {number} in QuickBooks is {total_shown}, but its lines, discount, shipping, and "
                "tax add up to {parts_shown}.",
                "resolution": "Look in QuickBooks for lines with an amount but no product and correct them, or ask "
                "support.",
            },
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="total",
            min_value=0,
            meta={
                "rule": "total_not_negative",
                "message": "Invoice {number} in QuickBooks has a total of {total_shown}. Pilot does not allow negative "
                "invoices.",
                "resolution": "Correct the amounts in QuickBooks, or enter a credit memo instead to give money back.",
            },
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="largest",
            max_value=values.LARGEST,
            meta={
                "rule": "fits",
                "message": "Invoice {number} in QuickBooks has an amount or a quantity that is too large for Pilot.",
                "resolution": "Correct the amount or the quantity in QuickBooks.",
            },
        ),
    ]
