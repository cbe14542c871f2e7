"""What a product must fulfil before it is created as an item (dossier 9.2)."""

from typing import Any

import great_expectations.expectations as gxe

from include.model.product import Product

NAME_LIMIT = 100


def row(product: Product) -> dict[str, Any]:
    """The product as a row of the data frame."""
    shown = product.name if len(product.name) <= 80 else product.name[:79] + "…"
    return {"name": product.name, "shown": shown, "length": len(product.name)}


def expectations() -> list[Any]:
    """The suite, in the order in which problems are told."""
    return [
        gxe.ExpectColumnValuesToMatchRegex(
            column="name",
            regex=r"\S",
            meta={
                "rule": "name_present",
                "message": "A product has no name in Pilot.",
                "resolution": "Give it a name in Pilot.",
            },
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="length",
            max_value=NAME_LIMIT,
            meta={
                "rule": "name_length",
                "message": "The name of the product “{shown}” has {length} characters; QuickBooks takes at most 100.",
                "resolution": "Shorten the name in Pilot.",
            },
        ),
        gxe.ExpectColumnValuesToNotMatchRegex(
            column="name",
            regex=r"[:\t\n\r]",
            meta={
                "rule": "name_characters",
                "message": "The name of the product “{shown}” contains a colon, tab or line break, which QuickBooks "
                "does not allow.",
                "resolution": "Remove it from the name in Pilot.",
            },
        ),
    ]
