"""Products, read from the LMS; their names as those of customers (customer.py)."""

from collections.abc import Sequence

import psycopg

from include.lms.names import clean
from include.model.product import Product


def read_products(connection: psycopg.Connection, ids: Sequence[str]) -> dict[str, Product]:
    """The products of these ids that exist, by id."""
    rows = connection.execute(
        "select id::text, name, description, unit_price from lms.product where id = any(%s::bigint[])",
        [list(ids)],
    )
    return {
        id_: Product(name=clean(name), description=description, unit_price=unit_price)
        for id_, name, description, unit_price in rows
    }
