"""Customers as QuickBooks' JSON (dossier 9.1)."""

from collections.abc import Mapping
from typing import Any

from include.model.customer import Customer
from include.model.record import RecordKey

RESOURCE = "Customer"

#: Who shares one name space with customers (dossier 9.1): a name is held by one of them.
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


def move_body(qbo_id: str, sync_token: str, parent_id: str) -> dict[str, Any]:
    """A sparse update that puts a sub-customer under another customer; all else stays the bookkeeper's."""
    return {
        "Id": qbo_id,
        "SyncToken": sync_token,
        "sparse": True,
        "Job": True,
        "ParentRef": {"value": parent_id},
    }


def without_suffix(name: str) -> str:
    """The name a deactivated record had before QuickBooks added its suffix."""
    head, found, _ = name.partition(DELETED_SUFFIX)
    return head if found else name
