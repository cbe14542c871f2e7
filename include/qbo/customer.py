"""Customers as QuickBooks' JSON (fact 9.1)."""

from collections.abc import Mapping, Sequence
from typing import Any

from include.model.customer import Customer
from include.model.record import RecordKey
from include.model.staged import ForeignCustomer, Version
from include.qbo import record
from include.qbo.client import QboClient

RESOURCE = "Customer"

#: Who shares one name space with customers (fact 9.1): a name is held by one of them.
NAME_HOLDERS = ("Customer", "Vendor", "Employee")

#: What QuickBooks adds to the name of a deactivated record, which frees the name itself.
DELETED_SUFFIX = " (deleted)"


def create_body(customer: Customer, references: Mapping[RecordKey, str]) -> dict[str, Any]:
    """The body of a create. `references` holds the QuickBooks id of the parent, if there is one."""
    body: dict[str, Any] = {"DisplayName": customer.name}
    if customer.email:
        body["PrimaryEmailAddr"] = {"Address": customer.email}
    if customer.phone:
        body["PrimaryPhone"] = {"FreeFormNumber": customer.phone}
    if customer.parent:
        body["Job"] = True
        body["ParentRef"] = {"value": references[customer.parent]}
    return body


def move_body(of: Version, parent_id: str) -> dict[str, Any]:
    """A sparse update that puts a sub-customer under another customer; all else stays the bookkeeper's."""
    return {
        "Id": of.qbo_id,
        "SyncToken": of.sync_token,
        "sparse": True,
        "Job": True,
        "ParentRef": {"value": parent_id},
    }


def without_suffix(name: str) -> str:
    """The name a deactivated record had before QuickBooks added its suffix."""
    head, found, _ = name.partition(DELETED_SUFFIX)
    return head if found else name


def find_candidates(client: QboClient, bodies: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What creates with these bodies may have made: customers of their names."""
    return client.find(RESOURCE, "DisplayName", [body["DisplayName"] for body in bodies])


def is_made_from(candidate: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """A name is unique in QuickBooks: the customer of that name is the one."""
    return bool(candidate["DisplayName"].casefold() == body["DisplayName"].casefold())


def foreign_customers(client: QboClient, ids: Sequence[str], home_currency: str | None) -> dict[str, ForeignCustomer]:
    """Those of the customers that are billed in another currency, by id."""
    bodies = client.find(RESOURCE, "Id", ids, also="Active IN (true, false)")
    found = {}
    for body in bodies:
        currency = record.currency(body)
        if currency and home_currency and currency != home_currency:
            found[body["Id"]] = ForeignCustomer(name=record.name(body), currency=currency)
    return found


def referenced(resource: str, body: Mapping[str, Any]) -> list[str]:
    """The customers that a write needs: whom it is for, the parent, the customer itself."""
    own = record.id_in(body) if resource == RESOURCE else None
    return [id_ for id_ in (record.customer_id(body), record.parent_id(body), own) if id_]
