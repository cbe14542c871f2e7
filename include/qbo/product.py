"""Products as QuickBooks' items (dossier 9.2)."""

from typing import Any

from include.model.product import Product
from include.qbo.text import cut

RESOURCE = "Item"

#: Item types that can stand on an invoice line; a Category cannot.
SELLABLE_TYPES = frozenset({"Service", "NonInventory", "Inventory"})


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
