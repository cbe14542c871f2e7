"""CompanyInfo as QuickBooks' JSON (fact 1.7)."""

from collections.abc import Mapping
from typing import Any

from include.model.company import CompanyInfo


def parse_company_info(body: Mapping[str, Any]) -> CompanyInfo:
    """What QuickBooks said about the company; empty text counts as nothing said."""
    return CompanyInfo(
        name=body.get("CompanyName") or None,
        country=body.get("Country") or None,
        plan=_named_value(body, "OfferingSku"),
        subscription_status=_named_value(body, "SubscriptionStatus"),
    )


def _named_value(body: Mapping[str, Any], name: str) -> str | None:
    """One of the name–value pairs that hold what has no field of its own."""
    values = (pair.get("Value") for pair in body.get("NameValue", []) if pair.get("Name") == name)
    value = next(values, None)
    return str(value) if value else None
