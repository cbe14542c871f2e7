"""Amounts and days that are none: the LMS's database keeps NaN, and days of any millennium."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

import great_expectations.expectations as gxe

from include.model.money import NO_NUMBER

#: What the LMS's numeric(12, 2) holds.
LARGEST = Decimal("9999999999.99")

#: Outside of these years a day is a typing error.
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)


def row(numbers: Iterable[Decimal | None], days: Iterable[date | None] = ()) -> dict[str, Any]:
    """The columns that the rules ask for."""
    odd_days = [day for day in days if day and not FIRST_DAY <= day <= LAST_DAY]
    return {
        "no_numbers": sum(number == NO_NUMBER for number in numbers),
        "odd_days": len(odd_days),
        "odd_day": f"{odd_days[0]:%m/%d}/{odd_days[0].year:04}" if odd_days else "",
    }


def numbers(what: str) -> Any:
    """Every amount is a number. `what`: the record at the beginning of a sentence, may be columns in braces."""
    return gxe.ExpectColumnValuesToBeBetween(
        column="no_numbers",
        max_value=0,
        meta={
            "rule": "amounts_are_numbers",
            "message": f"{what} has an amount, a price, or a quantity in Pilot that is not a number.",
            "resolution": "Enter the amount again in Pilot.",
        },
    )


def days(what: str) -> Any:
    """Every day is one that somebody can have meant."""
    return gxe.ExpectColumnValuesToBeBetween(
        column="odd_days",
        max_value=0,
        meta={
            "rule": "days_can_be_right",
            "message": f"{what} has the date {{odd_day}} in Pilot or one even further away, which cannot be right.",
            "resolution": f"Correct the date in Pilot: it can be from {FIRST_DAY:%m/%d/%Y} to {LAST_DAY:%m/%d/%Y}.",
        },
    )
