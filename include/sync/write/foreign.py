"""Customers that are billed in another currency: QuickBooks would take a transaction's amounts as that currency's."""

from collections.abc import Sequence
from typing import Any

import psycopg

from include.company.company import Company
from include.model.staged import StagedRecord
from include.qbo.client import QboClient
from include.qbo.customer import foreign_customers
from include.sync import links
from include.sync.entity.base import ToQuickBooks


def find_foreign_customers(
    connection: psycopg.Connection,
    client: QboClient,
    company: Company,
    sync: ToQuickBooks[Any, Any, Any, Any],
    records: Sequence[StagedRecord[Any, Any, Any, Any]],
) -> None:
    """Fill `foreign_customer` of the transactions that are for such a customer. A company with one currency is not
    asked."""
    if not company.preferences.multi_currency:
        return
    customers = {record.record_id: key for record in records if (key := sync.customer(record))}
    ids = links.qbo_ids(connection, company.realm_id, customers.values())
    foreign = foreign_customers(client, sorted(set(ids.values())), company.preferences.home_currency)
    for record in records:
        key = customers.get(record.record_id)
        record.known.foreign_customer = foreign.get(ids.get(key, "")) if key else None
