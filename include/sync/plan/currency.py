"""Amounts in another currency than the company's own: Pilot knows only one, so they are refused, both ways."""

from collections.abc import Mapping
from typing import Any

from include.model.problem import Problem
from include.model.settings import CompanyPreferences


def foreign_currency(body: Mapping[str, Any], preferences: CompanyPreferences) -> str | None:
    """The currency of a QuickBooks record, if it names one that is not the company's own."""
    currency, home = body.get("CurrencyRef", {}).get("value"), preferences.home_currency
    return str(currency) if currency and home and currency != home else None


def foreign_transaction(what: str, currency: str, home: str | None) -> Problem:
    """On its way from QuickBooks. `what`: e.g. “Invoice 1042”."""
    return Problem(
        code="foreign_currency",
        message=f"{what} is in {currency} in QuickBooks; Pilot knows only amounts in {home}.",
        resolution="Keep it in QuickBooks only, and ignore this error; or enter it in QuickBooks for a customer in "
        f"{home}.",
        detail={"currency": currency, "home_currency": home},
    )


def foreign_payer(what: str, customer: str, currency: str, home: str | None) -> Problem:
    """On its way to QuickBooks. `what`: e.g. “This invoice”."""
    return Problem(
        code="foreign_currency",
        message=f"{what} is for the QuickBooks customer “{customer}”, who is billed in {currency}; Pilot knows only "
        f"amounts in {home}.",
        resolution=f"Enter it in QuickBooks yourself in {currency}, and ignore this error. QuickBooks cannot change a "
        "customer's currency.",
        detail={"currency": currency, "home_currency": home},
    )


def foreign_namesake(noun: str, name: str, currency: str) -> Problem:
    """A customer that would have been adopted."""
    return Problem(
        code="foreign_currency",
        message=f"The {noun} “{name}” is billed in {currency} in QuickBooks, a currency that Pilot does not know.",
        resolution=f"Rename it in QuickBooks (for example “{name} ({currency})”), then retry: Pilot creates another "
        "one in the company's own currency.",
        detail={"currency": currency},
    )
