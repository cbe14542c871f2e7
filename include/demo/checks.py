"""What must hold when the sync has done its work. Each check returns what does not, in words."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import psycopg
from psycopg.rows import class_row

from include.demo.bookkeeper import ENTERED_BY_HAND
from include.demo.ledger import Books, InvoiceState, LabSums
from include.demo.problems import WALK_IN
from include.demo.quickbooks import Json, amount
from include.demo.records import DemoData, Planted


@dataclass(frozen=True)
class OpenError:
    """An open row of the error table."""

    realm_id: str
    entity: str
    lms_id: int | None
    document_number: str | None
    error_code: str
    message: str
    resolution: str


def read_open_errors(connection: psycopg.Connection, realms: Sequence[str]) -> list[OpenError]:
    """The open errors of these companies."""
    with connection.cursor(row_factory=class_row(OpenError)) as cursor:
        return cursor.execute(
            """select realm_id, entity, lms_id, document_number, error_code, message, resolution
                 from qbo_sync.sync_error where status = 'open' and realm_id = any(%s) order by id""",
            [list(realms)],
        ).fetchall()


def check_planted(planted: Sequence[Planted], errors: Sequence[OpenError]) -> list[str]:
    """Each planted problem is one open error with the expected code, and there is no other."""
    wrong = []
    rows = Counter((error.entity, error.lms_id) for error in errors)
    codes = {(error.entity, error.lms_id): error.error_code for error in errors}
    for each in planted:
        key = (each.entity, each.lms_id)
        if rows[key] != 1:
            wrong.append(f"planted problem {each.kind} ({each.entity} {each.lms_id}): {rows[key]} open errors")
        elif codes[key] != each.expected_error_code:
            wrong.append(f"planted problem {each.kind}: {codes[key]} instead of {each.expected_error_code}")
    known = {(each.entity, each.lms_id) for each in planted}
    wrong += [
        f"an error that nobody planted: {error.entity} {error.lms_id}, {error.error_code}: {error.message}"
        for error in errors
        if (error.entity, error.lms_id) not in known
    ]
    return wrong


def check_invoices(invoices: Sequence[InvoiceState], books: Sequence[Books], held_back: set[int]) -> list[str]:
    """Every invoice is synced with its total, or held back by a planted problem."""
    held = {book.realm_id: book.invoices for book in books}
    wrong = []
    for invoice in invoices:
        record = held[invoice.realm_id].get(invoice.qbo_id or "")
        where = f"invoice {invoice.number} of {invoice.lab}"
        if invoice.state == "unaccounted":
            wrong.append(f"{where} is neither synced nor failed nor waiting (outcome: {invoice.outcome})")
        elif invoice.state == "synced" and record is None:
            wrong.append(f"{where} is linked to QuickBooks invoice {invoice.qbo_id}, which is not there")
        elif invoice.state == "synced" and record is not None and amount(record) != invoice.total:
            wrong.append(f"{where}: {invoice.total} in the LMS, {amount(record)} in QuickBooks")
        if (invoice.state in ("failed", "waiting")) != (invoice.id in held_back):
            wrong.append(f"{where} is {invoice.state}, which no planted problem explains")
    return wrong


def check_outcomes(connection: psycopg.Connection, invoices: Sequence[InvoiceState]) -> list[str]:
    """Each invoice has the outcome that its state calls for; one that is gone was deleted, or never sent."""
    fitting = {
        "synced": {"created", "adopted", "updated", "unchanged"},
        "failed": {"failed"},
        "waiting": {"waiting"},
    }
    wrong = [
        f"invoice {invoice.number} of {invoice.lab} is {invoice.state}, but its last outcome is {invoice.outcome}"
        for invoice in invoices
        if invoice.outcome not in fitting.get(invoice.state, {invoice.outcome})
    ]
    gone = connection.execute(
        """select o.record_id, o.outcome from qbo_sync.record_outcome o
            where o.entity = 'invoice' and o.direction = 'lms_to_qbo' and o.realm_id = any(%s)
              and o.outcome not in ('deleted', 'unchanged')
              and not exists (select from lms.invoice i where i.id = o.record_id::bigint)""",
        [list({invoice.realm_id for invoice in invoices})],
    )
    wrong += [
        f"invoice {record} is no longer in the LMS, but its last outcome is {outcome}" for record, outcome in gone
    ]
    return wrong


def check_sums(sums: Sequence[LabSums]) -> list[str]:
    """To the cent."""
    return [f"{each.lab}: QuickBooks differs by {each.difference}" for each in sums if each.difference]


def check_duplicates(connection: psycopg.Connection, books: Sequence[Books], data: DemoData) -> list[str]:
    """What is in QuickBooks is linked once, or is the bookkeeper's own. Nothing is there twice."""
    wrong = []
    for book, before, later in zip(books, data.books, data.later_books, strict=True):
        linked = {
            entity: _linked(connection, book.realm_id, entities)
            for entity, entities in (
                ("customer", ["billing_account", "doctor_office"]),
                ("item", ["product", "special_item"]),
                ("invoice", ["invoice"]),
            )
        }
        own = {WALK_IN, *before.inactive_customers, *later.inactive_customers}
        own_items = {"Services", "Hours", *before.inactive_items, *later.inactive_items}
        surplus = [
            *_surplus("customer", book.customers.values(), "DisplayName", linked["customer"], own),
            *_surplus("item", book.items.values(), "Name", linked["item"], own_items),
        ]
        surplus += [
            f"invoice {record.get('DocNumber')}"
            for record in book.invoices.values()
            if record["Id"] not in linked["invoice"] and record.get("PrivateNote") != ENTERED_BY_HAND
        ]
        wrong += [f"{book.name}: {each} is in QuickBooks and linked to nothing" for each in surplus]
        for what, records, field in (
            ("customer", book.customers, "DisplayName"),
            ("item", book.items, "FullyQualifiedName"),
            ("invoice", book.invoices, "DocNumber"),
        ):
            names = Counter(record[field].strip().casefold() for record in records.values() if record.get(field))
            wrong += [f"{book.name}: {what} {name} is there {n} times" for name, n in names.items() if n > 1]
    return wrong


def _linked(connection: psycopg.Connection, realm_id: str, entities: Sequence[str]) -> set[str]:
    rows = connection.execute(
        "select qbo_id from qbo_sync.linked_record where realm_id = %s and entity = any(%s)",
        [realm_id, list(entities)],
    )
    return {str(row[0]) for row in rows}


def _surplus(what: str, records: Iterable[Json], field: str, linked: set[str], own: set[str]) -> list[str]:
    return [
        f"{what} {record[field]}"
        for record in records
        if record["Id"] not in linked and record[field].removesuffix(" (deleted)") not in own
    ]


def check_hierarchy(connection: psycopg.Connection, books: Sequence[Books]) -> list[str]:
    """Each sub-customer stands under the customer of the account that its pair belongs to now."""
    wrong = []
    for book in books:
        rows = connection.execute(
            """select o.child_subaccount_name, pair.qbo_id, account.qbo_id
                 from qbo_sync.entity_link pair
                 join lms.doctor_office o on o.id = pair.lms_id
                 left join qbo_sync.entity_link account on account.realm_id = pair.realm_id
                  and account.entity = 'billing_account' and account.lms_id = o.billing_account_id
                where pair.realm_id = %s and pair.entity = 'doctor_office'""",
            [book.realm_id],
        )
        for name, qbo_id, parent in rows:
            customer = book.customers.get(qbo_id, {})
            stands_under = customer.get("ParentRef", {}).get("value")
            if stands_under != parent or parent is None:
                wrong.append(f"{book.name}: {name} stands under {stands_under} instead of {parent}")
    return wrong
