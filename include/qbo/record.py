"""What all QuickBooks records have in common: id, version, customer, currency, and how they show a delete."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from include.model.money import ZERO, to_cents
from include.model.staged import Version

Json = dict[str, Any]


def version(body: Mapping[str, Any]) -> Version:
    """Id and SyncToken."""
    return Version(qbo_id=body["Id"], sync_token=body["SyncToken"])


def delete_body(of: Version) -> Json:
    """What a delete needs."""
    return {"Id": of.qbo_id, "SyncToken": of.sync_token}


def id_in(body: Mapping[str, Any]) -> str | None:
    """The id in a body of ours; None in a create."""
    return body.get("Id")


def is_deleted(answer: Mapping[str, Any]) -> bool:
    """Whether the answer to a delete says that it was done: an answer of 200 alone does not (trap 19)."""
    return answer.get("status") == "Deleted"


def is_untouched(answer: Mapping[str, Any]) -> bool:
    """Whether nothing has happened to a new record yet: nobody has changed it since (one that was found after a lost
    answer), and QuickBooks has applied nothing to it by itself."""
    total = answer.get("TotalAmt")
    return not is_changed(answer) and answer.get("Balance", total) == total


def is_changed(answer: Mapping[str, Any]) -> bool:
    """Whether a new record has been changed since it was made, by whomever."""
    return answer.get("SyncToken") not in (None, "0")


def created_at(body: Mapping[str, Any]) -> datetime:
    """When QuickBooks made it, by its own clock."""
    return datetime.fromisoformat(body["MetaData"]["CreateTime"])


def customer_id(body: Mapping[str, Any]) -> str | None:
    """The customer that a transaction is for."""
    reference = body.get("CustomerRef")
    return reference["value"] if reference else None


def customer_name(body: Mapping[str, Any]) -> str:
    """Its name; QuickBooks leaves it out at times."""
    reference = body.get("CustomerRef", {})
    return str(reference.get("name") or f"id {reference.get('value')}")


def parent_id(body: Mapping[str, Any]) -> str | None:
    """The record above it."""
    reference = body.get("ParentRef")
    return reference["value"] if reference else None


def named(resource: str, body: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The records that a write of a resource is about: itself, and all that it refers to. [(resource, id)]"""
    own = id_in(body)
    return [*([(resource, own)] if own else []), *_references(resource, body)]


def _references(resource: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        if "TxnId" in value and "TxnType" in value:
            yield value["TxnType"], value["TxnId"]
        for key, inner in value.items():
            if not key.endswith("Ref"):
                yield from _references(resource, inner)
            elif inner["value"].isdigit():  # not one of QuickBooks' own, like the shipping item
                kind = key.removesuffix("Ref")
                # A parent is of the record's own kind; accounts have many names.
                yield resource if kind == "Parent" else "Account" if kind.endswith("Account") else kind, inner["value"]
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _references(resource, inner)


def currency(body: Mapping[str, Any]) -> str | None:
    """The currency's code; None where the company has only one."""
    value = body.get("CurrencyRef", {}).get("value")
    return str(value) if value else None


def name(body: Mapping[str, Any]) -> str:
    """The name of a list record, as QuickBooks shows it."""
    return str(body.get("DisplayName") or body.get("Name") or body["Id"])


def document_number(body: Mapping[str, Any]) -> str:
    """A transaction's number; its id where it has none."""
    return str(body.get("DocNumber") or body["Id"])


def total(body: Mapping[str, Any]) -> Decimal:
    """TotalAmt in dollars."""
    return to_cents(Decimal(body.get("TotalAmt", ZERO)))


def money(value: Any) -> Decimal:
    """Dollars, half up to the cent; a missing amount is none."""
    return to_cents(Decimal(value if value is not None else 0))
