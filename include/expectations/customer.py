"""What a customer must fulfil before it is created (fact 9.1)."""

from typing import Any

import great_expectations.expectations as gxe

from include.expectations import names
from include.model.customer import NAME_LIMIT, Customer

#: QuickBooks takes several in one field, with commas between them.
_ADDRESS = r"[^@\s,]+@[^@\s,]+\.[^@\s,]+"


def row(customer: Customer) -> dict[str, Any]:
    """The customer as a row of the data frame."""
    return {
        **names.row(customer.name),
        "noun": "sub-customer" if customer.parent else "customer",
        "email": customer.email or None,
        "email_length": len(customer.email or ""),
        "phone_length": len(customer.phone or ""),
        "phone": customer.phone,
    }


def expectations() -> list[Any]:
    """The suite, in the order in which problems are told."""
    return [
        *names.expectations("{noun}", NAME_LIMIT),
        gxe.ExpectColumnValuesToMatchRegex(
            column="email",
            regex=rf"^{_ADDRESS}(?:\s*,\s*{_ADDRESS})*$",
            meta={
                "rule": "email_format",
                "message": "The {noun} “{shown}” has the e-mail address “{email}”, which is not valid.",
                "resolution": "Correct the e-mail address in Pilot.",
            },
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="email_length",
            max_value=100,
            meta={
                "rule": "email_length",
                "message": "The e-mail address of the {noun} “{shown}” is longer than the 100 characters that "
                "QuickBooks allows.",
                "resolution": "Shorten the e-mail address in Pilot.",
            },
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="phone_length",
            max_value=30,
            meta={
                "rule": "phone_length",
                "message": "The phone number of the {noun} “{shown}” (“{phone}”) is longer than the 30 characters "
                "that QuickBooks allows.",
                "resolution": "Shorten the phone number in Pilot.",
            },
        ),
    ]
