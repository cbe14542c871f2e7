"""What a product must fulfil before it is created as an item (fact 9.2)."""

from typing import Any

from include.expectations import names, values
from include.model.product import NAME_LIMIT, Product


def row(product: Product) -> dict[str, Any]:
    """The product as a row of the data frame."""
    return {**names.row(product.name), **values.row([product.unit_price])}


def expectations() -> list[Any]:
    """The suite, in the order in which problems are told."""
    return [*names.expectations("product", NAME_LIMIT), values.numbers("The product “{shown}”")]
