"""Products, read from the LMS."""

from collections.abc import Sequence

import psycopg

from include.model.product import Product


def read_products(connection: psycopg.Connection, ids: Sequence[str]) -> dict[str, Product]:
    """The products of these ids that exist, by id."""
    rows = connection.execute(
        "select id::text, name, description, unit_price from lms.product where id = any(%s::bigint[])",
        [list(ids)],
    )
    return {
        id_: Product(name=name, description=description, unit_price=unit_price)
        for id_, name, description, unit_price in rows
    }
