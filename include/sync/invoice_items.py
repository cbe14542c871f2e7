"""What the items on QuickBooks' invoices are to the LMS."""

from collections.abc import Iterable
from typing import Any

import psycopg

from include.lms.product import read_products
from include.model.record import RecordKey
from include.qbo.invoice_inbound import item_ids
from include.sync import links


def read_items(connection: psycopg.Connection, realm_id: str, bodies: Iterable[dict[str, Any]]) -> dict[str, RecordKey]:
    """The product or special item behind each QuickBooks item that is linked."""
    ids = {item for body in bodies for item in item_ids(body)}
    products = links.lms_ids(connection, realm_id, "product", ids)
    there = read_products(connection, list(products.values()))
    special = links.lms_ids(connection, realm_id, "special_item", ids)
    return {
        **{qbo_id: RecordKey("product", lms_id) for qbo_id, lms_id in products.items() if lms_id in there},
        **{qbo_id: RecordKey("special_item", name) for qbo_id, name in special.items()},
    }
