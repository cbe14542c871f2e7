"""What QuickBooks holds, and which of the LMS's invoices cannot be there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import psycopg

from include.demo.quickbooks import Json, QuickBooks
from include.demo.records import Planted


@dataclass(frozen=True)
class Books:
    """What a QuickBooks company holds: each record by its id, inactive ones included."""

    realm_id: str
    name: str
    customers: dict[str, Json]
    items: dict[str, Json]
    invoices: dict[str, Json]
    credits: dict[str, Json] = field(default_factory=dict)
    payments: dict[str, Json] = field(default_factory=dict)


def read_books(quickbooks: QuickBooks) -> Books:
    """Everything that a company holds."""
    everybody = "WHERE Active IN (true, false)"
    return Books(
        quickbooks.realm_id,
        quickbooks.name,
        _by_id(quickbooks.all("Customer", everybody)),
        _by_id(quickbooks.all("Item", everybody)),
        _by_id(quickbooks.all("Invoice")),
        _by_id(quickbooks.all("CreditMemo")),
        _by_id(quickbooks.all("Payment")),
    )


def _by_id(records: Iterable[Json]) -> dict[str, Json]:
    return {record["Id"]: record for record in records}


def expected_to_be_held_back(connection: psycopg.Connection, planted: Sequence[Planted]) -> set[int]:
    """The invoices that a planted problem holds back: wrong themselves, or waiting for what is wrong."""
    ids: dict[str, list[int]] = {"invoice": [], "billing_account": [], "doctor_office": [], "product": []}
    for each in planted:
        if each.lms_id is not None and each.entity in ids:
            ids[each.entity].append(each.lms_id)
    rows = connection.execute(
        """select i.id from lms.invoice i join lms.billing_account a on a.id = i.billing_account_id
            where i.id = any(%(invoice)s)
               or i.billing_account_id = any(%(billing_account)s)
               or (a.accounting_structure = 'detailed' and i.doctor_office_id = any(%(doctor_office)s))
               or exists (select from lms.invoice_line_item l
                           where l.invoice_id = i.id and l.product_id = any(%(product)s))""",
        ids,
    )
    return {int(row[0]) for row in rows}
