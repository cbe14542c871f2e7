"""Products as QuickBooks' items (fact 9.2)."""

from collections.abc import Mapping, Sequence
from typing import Any

from include.model.product import Product
from include.qbo.client import QboClient
from include.qbo.invoice import SHIPPING_ITEM
from include.qbo.text import cut

RESOURCE = "Item"

#: Item types that can stand on an invoice line; a Category cannot.
SELLABLE_TYPES = frozenset({"Service", "NonInventory", "Inventory"})


def referenced(body: Mapping[str, Any]) -> list[str]:
    """The items on the lines of a write, each once; not what QuickBooks knows shipping by."""
    details = [line.get("SalesItemLineDetail") or {} for line in body.get("Line") or ()]
    ids = dict.fromkeys((one.get("ItemRef") or {}).get("value") for one in details)
    return [id_ for id_ in ids if id_ and id_ != SHIPPING_ITEM]


def create_body(product: Product, income_account_id: str) -> dict[str, Any]:
    """The body of a create: a service item that earns into the lab's income account."""
    body: dict[str, Any] = {
        "Name": product.name,
        "Type": "Service",
        "IncomeAccountRef": {"value": income_account_id},
    }
    description = cut(product.description)
    if description:
        body["Description"] = description
    if product.unit_price is not None:
        body["UnitPrice"] = product.unit_price
    return body


def find_candidates(client: QboClient, bodies: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What creates with these bodies may have made: items of their names."""
    return client.find(RESOURCE, "Name", [body["Name"] for body in bodies])


def is_made_from(candidate: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """A name is unique in QuickBooks: the item of that name is the one."""
    return bool(candidate["Name"].casefold() == body["Name"].casefold())
