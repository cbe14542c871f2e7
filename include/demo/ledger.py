"""Both ledgers side by side: the LMS's invoices by what became of them, and what QuickBooks holds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import psycopg
from psycopg.rows import class_row

from include.demo.quickbooks import Json, QuickBooks, amount
from include.demo.records import Planted


@dataclass(frozen=True)
class InvoiceState:
    """An LMS invoice of a connected lab, and how far the sync has brought it."""

    id: int
    number: str
    lab: str
    realm_id: str
    total: Decimal
    qbo_id: str | None
    error_code: str | None
    outcome: str | None

    @property
    def state(self) -> str:
        """One of synced, failed, waiting, unaccounted."""
        if self.error_code:
            return "failed"
        if self.qbo_id:
            return "synced"
        return "waiting" if self.outcome == "waiting" else "unaccounted"


@dataclass(frozen=True)
class Books:
    """What a QuickBooks company holds: each record by its id, inactive ones included."""

    realm_id: str
    name: str
    customers: dict[str, Json]
    items: dict[str, Json]
    invoices: dict[str, Json]


@dataclass(frozen=True)
class LabSums:
    """A lab's invoices in sums."""

    lab: str
    invoices: int
    lms_total: Decimal
    failed: Decimal
    waiting: Decimal
    qbo_total: Decimal

    @property
    def expected(self) -> Decimal:
        """What QuickBooks must hold."""
        return self.lms_total - self.failed - self.waiting

    @property
    def difference(self) -> Decimal:
        """Zero when both ledgers agree."""
        return self.qbo_total - self.expected


def read_books(quickbooks: QuickBooks) -> Books:
    """Everything that a company holds."""
    everybody = "WHERE Active IN (true, false)"
    return Books(
        quickbooks.realm_id,
        quickbooks.name,
        _by_id(quickbooks.all("Customer", everybody)),
        _by_id(quickbooks.all("Item", everybody)),
        _by_id(quickbooks.all("Invoice")),
    )


def _by_id(records: Iterable[Json]) -> dict[str, Json]:
    return {record["Id"]: record for record in records}


def read_invoices(connection: psycopg.Connection, labs: Sequence[str]) -> list[InvoiceState]:
    """The invoices that originate in the LMS, of these labs."""
    with connection.cursor(row_factory=class_row(InvoiceState)) as cursor:
        return cursor.execute(
            """select i.id, i.invoice_number as number, b.name as lab, n.realm_id, i.total_amount as total,
                      l.qbo_id,
                      (select e.error_code from qbo_sync.sync_error e
                        where e.realm_id = n.realm_id and e.entity = 'invoice' and e.lms_id = i.id
                          and e.status = 'open' limit 1) as error_code,
                      o.outcome
                 from lms.invoice i
                 join lms.billing_lab b on b.id = i.billing_lab_id
                 join qbo_sync.connection n on n.billing_lab_id = i.billing_lab_id
                 left join qbo_sync.entity_link l
                   on l.realm_id = n.realm_id and l.entity = 'invoice' and l.lms_id = i.id
                 left join qbo_sync.record_outcome o
                   on o.realm_id = n.realm_id and o.entity = 'invoice' and o.record_id = i.id::text
                  and o.direction = 'lms_to_qbo'
                where b.name = any(%s) and i.origin = 'lms' order by i.id""",
            [list(labs)],
        ).fetchall()


def lab_sums(invoices: Sequence[InvoiceState], books: Sequence[Books], labs: Sequence[str]) -> list[LabSums]:
    """Per lab: the LMS's total, what of it is failed or waiting, and QuickBooks' total of the rest."""
    held = {book.realm_id: book.invoices for book in books}

    def total(own: Iterable[InvoiceState], state: str) -> Decimal:
        return sum((invoice.total for invoice in own if invoice.state == state), Decimal("0.00"))

    sums = []
    for lab in labs:
        own = [invoice for invoice in invoices if invoice.lab == lab]
        synced = [held[invoice.realm_id].get(invoice.qbo_id or "") for invoice in own if invoice.state == "synced"]
        sums.append(
            LabSums(
                lab=lab,
                invoices=len(own),
                lms_total=sum((invoice.total for invoice in own), Decimal("0.00")),
                failed=total(own, "failed"),
                waiting=total(own, "waiting"),
                qbo_total=sum((amount(record) for record in synced if record), Decimal("0.00")),
            )
        )
    return sums


def expected_to_be_held_back(connection: psycopg.Connection, planted: Sequence[Planted]) -> set[int]:
    """The invoices that a planted problem holds back: wrong themselves, or waiting for what is wrong."""
    ids: dict[str, list[int]] = {"invoice": [], "billing_account": [], "doctor_office": [], "product": []}
    for each in planted:
        if each.lms_id is not None:
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
