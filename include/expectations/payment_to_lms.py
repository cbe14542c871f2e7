"""What a payment from QuickBooks must fulfil before it is written to the LMS (rule 7)."""

from typing import Any

import great_expectations.expectations as gxe

from include.expectations.values import LARGEST
from include.model.money import ZERO, show
from include.model.payment import Payment


def row(payment: Payment) -> dict[str, Any]:
    """The payment as a row of the data frame. Money in dollars, Decimal; *_shown for the messages."""
    applied = sum((one.amount for one in payment.applications), ZERO)
    return {
        "day": f"{payment.date:%m/%d/%Y}",
        "amount": payment.amount,
        "amount_shown": show(payment.amount),
        "applied_shown": show(applied),
        "applied_beyond": applied - payment.amount,
        "smallest_application": min((one.amount for one in payment.applications), default=ZERO),
    }


def expectations() -> list[Any]:
    """The suite, in the order in which problems are told."""
    return [
        gxe.ExpectColumnValuesToBeBetween(
            column="amount",
            min_value=0,
            max_value=LARGEST,
            meta={
                "rule": "amount_fits",
                "message": "The payment of {amount_shown} dated {day} in QuickBooks cannot be brought into Pilot: the "
                "amount is negative or too large.",
                "resolution": "Correct the amount in QuickBooks.",
            },
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="smallest_application",
            min_value=0,
            meta={
                "rule": "applications_not_negative",
                "message": "The payment of {amount_shown} dated {day} in QuickBooks is applied to an invoice with a "
                "negative amount.",
                "resolution": "Correct the applied amounts in QuickBooks.",
            },
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="applied_beyond",
            max_value=0,
            meta={
                "rule": "applied_within_amount",
                "message": "The payment of {amount_shown} dated {day} in QuickBooks is applied to invoices for "
                "{applied_shown}, which is more than the payment itself.",
                "resolution": "Correct the applied amounts in QuickBooks.",
            },
        ),
    ]
