"""What payments, credits and their applications must fulfil before they are sent (facts 9.5, 9.6)."""

from typing import Any

import great_expectations.expectations as gxe

from include.expectations import values
from include.model.money import ZERO, show
from include.model.payment import Credit, CreditApplication, Payment


def row(money: Payment | Credit) -> dict[str, Any]:
    """A payment or credit as a row of the data frame. Money in dollars, Decimal; *_shown for the messages."""
    applications = money.applications if isinstance(money, Payment) else ()
    applied = sum((one.amount for one in applications), ZERO)
    return {
        **values.row([money.amount, *(one.amount for one in applications)], [money.date]),
        "noun": "payment" if isinstance(money, Payment) else "credit",
        "shown": show(money.amount),
        "day": f"{money.date:%m/%d/%Y}",
        "amount": money.amount,
        "over_applied": applied - money.amount,
        "applied_shown": show(applied),
        "smallest": min((one.amount for one in applications), default=ZERO),
    }


def expectations() -> list[Any]:
    """The suite for payments and credits, in the order in which problems are told."""
    return [
        values.numbers("The {noun} dated {day}"),
        values.days("The {noun} of {shown}"),
        gxe.ExpectColumnValuesToBeBetween(
            column="amount",
            min_value=0,
            meta={
                "rule": "amount_not_negative",
                "message": "The {noun} of {shown} dated {day} is negative. QuickBooks does not allow that.",
                "resolution": "Correct the amount in Pilot.",
            },
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="smallest",
            min_value=0,
            meta={
                "rule": "applications_not_negative",
                "message": "The {noun} of {shown} dated {day} is applied to an invoice with a negative amount.",
                "resolution": "Correct the applied amounts in Pilot.",
            },
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="over_applied",
            max_value=0,
            meta={
                "rule": "not_over_applied",
                "message": "The {noun} of {shown} dated {day} is applied to invoices for {applied_shown}, which is "
                "more than the {noun} itself.",
                "resolution": "Correct the applied amounts in Pilot.",
            },
        ),
    ]


def application_row(application: CreditApplication) -> dict[str, Any]:
    """A credit's applications as a row of the data frame."""
    return {
        **values.row([one.amount for one in application.applications], [application.date]),
        "day": f"{application.date:%m/%d/%Y}",
        "smallest": min((one.amount for one in application.applications), default=ZERO),
    }


def application_expectations() -> list[Any]:
    """The suite for the applications of a credit."""
    return [
        values.numbers("What is applied of the credit dated {day}"),
        values.days("The applied credit"),
        gxe.ExpectColumnValuesToBeBetween(
            column="smallest",
            min_value=0,
            meta={
                "rule": "applications_not_negative",
                "message": "The credit dated {day} is applied to an invoice with a negative amount.",
                "resolution": "Correct the applied amounts in Pilot.",
            },
        ),
    ]
