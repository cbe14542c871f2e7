"""What must hold when the sync has done its work. Each check returns what does not, in words."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from include.demo.balances import Entry, documents
from include.demo.bookkeeper import ENTERED_BY_HAND
from include.demo.bookkeeping import RENAMED
from include.demo.ledger import Books
from include.demo.problems import WALK_IN
from include.demo.quickbooks import Json
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
    direction: str = "lms_to_qbo"
    qbo_id: str | None = None

    @property
    def record(self) -> tuple[str, str, str]:
        """Direction, entity and id, as of what is planted."""
        return self.direction, self.entity, str(self.lms_id if self.direction == "lms_to_qbo" else self.qbo_id)


def read_open_errors(connection: psycopg.Connection, realms: Sequence[str]) -> list[OpenError]:
    """The open errors of these companies."""
    with connection.cursor(row_factory=class_row(OpenError)) as cursor:
        return cursor.execute(
            """select realm_id, entity, lms_id, document_number, error_code, message, resolution, direction, qbo_id
                 from qbo_sync.sync_error where status = 'open' and realm_id = any(%s) order by id""",
            [list(realms)],
        ).fetchall()


def check_planted(planted: Sequence[Planted], errors: Sequence[OpenError]) -> list[str]:
    """Each planted problem is one open error with the expected code, and there is no other."""
    wrong = []
    rows = Counter(error.record for error in errors)
    codes = {error.record: error.error_code for error in errors}
    for each in planted:
        if rows[each.record] != 1:
            where = " ".join(each.record[1:])
            wrong.append(f"planted problem {each.kind} ({where}): {rows[each.record]} open errors")
        elif codes[each.record] != each.expected_error_code:
            wrong.append(f"planted problem {each.kind}: {codes[each.record]} instead of {each.expected_error_code}")
    known = {each.record for each in planted}
    wrong += [
        f"an error that nobody planted: {' '.join(error.record)}, {error.error_code}: {error.message}"
        for error in errors
        if error.record not in known
    ]
    return wrong


def check_held_back(entries: Sequence[Entry], held_back: set[int], planted: Sequence[Planted]) -> list[str]:
    """What failed or waits is explained by a planted problem, and what should is held back."""
    own = {(each.entity, each.lms_id) for each in planted if each.entity != "invoice"}
    return [
        f"{entry.entity} {entry.label} of {entry.lab} is {entry.state}, which no planted problem explains"
        for entry in entries
        if (entry.state in ("failed", "waiting") and (entry.entity, entry.id) not in own)
        != (entry.entity == "invoice" and entry.origin == "lms" and entry.id in held_back)
    ]


def check_gone(connection: psycopg.Connection, realms: Sequence[str]) -> list[str]:
    """A record that has left the LMS was deleted by the sync, on one side or the other, or never sent."""
    gone = connection.execute(
        """select o.entity, o.record_id, o.outcome from qbo_sync.record_outcome o
            where o.entity in ('invoice', 'credit', 'payment') and o.direction = 'lms_to_qbo'
              and o.realm_id = any(%s) and o.outcome not in ('deleted', 'unchanged')
              and not exists (select from lms.invoice r where o.entity = 'invoice' and r.id = o.record_id::bigint)
              and not exists (select from lms.credit r where o.entity = 'credit' and r.id = o.record_id::bigint)
              and not exists (select from lms.payment r where o.entity = 'payment' and r.id = o.record_id::bigint)
              and not exists (select from qbo_sync.staged_record s
                               where s.realm_id = o.realm_id and s.entity = o.entity and s.direction = 'qbo_to_lms'
                                 and s.outcome = 'deleted' and s.link ->> 'record_id' = o.record_id)""",
        [list(realms)],
    )
    return [f"{entity} {record} is no longer in the LMS, but its last outcome is {end}" for entity, record, end in gone]


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
                ("credit", ["credit"]),
                ("payment", ["payment", "credit_application"]),
            )
        }
        own = {WALK_IN, *before.inactive_customers, *later.inactive_customers}
        own_items = {"Services", "Hours", *before.inactive_items, *later.inactive_items}
        surplus = [
            *_surplus("customer", book.customers.values(), "DisplayName", linked["customer"], own),
            *_surplus("item", book.items.values(), "Name", linked["item"], own_items),
        ]
        surplus += [
            f"{entity} {record.get('DocNumber') or record.get('PaymentRefNum') or record['Id']}"
            for entity in ("invoice", "credit", "payment")
            for record in documents(book, entity).values()
            if record["Id"] not in linked[entity] and record.get("PrivateNote") != ENTERED_BY_HAND
        ]
        wrong += [f"{book.name}: {each} is in QuickBooks and linked to nothing" for each in surplus]
        for what, records, field in (
            ("customer", book.customers, "DisplayName"),
            ("item", book.items, "FullyQualifiedName"),
            ("invoice", book.invoices, "DocNumber"),
        ):
            names = Counter(record[field].strip().casefold() for record in records.values() if record.get(field))
            wrong += [f"{book.name}: {what} {name} is there {n} times" for name, n in names.items() if n > 1]
    return wrong + [
        f"{entity} {id_} came from QuickBooks into the LMS and is linked to nothing there"
        for entity, id_ in connection.execute(
            """select t.entity, t.id from (select 'invoice' as entity, id, origin from lms.invoice
                                           union all select 'payment', id, origin from lms.payment) t
                where t.origin = 'qbo' and not exists (select from qbo_sync.entity_link l
                                                         where l.entity = t.entity and l.lms_id = t.id)"""
        )
    ]


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


def check_names(connection: psycopg.Connection, books: Sequence[Books]) -> list[str]:
    """What the bookkeeper has renamed keeps its new name in QuickBooks, and its old one in the LMS."""
    wrong = []
    for book in books:
        renamed = {
            "billing_account": {id_ for id_, record in book.customers.items() if RENAMED in record["DisplayName"]},
            "product": {id_ for id_, record in book.items.items() if RENAMED in record["Name"]},
        }
        for table, ids in renamed.items():
            rows = connection.execute(
                sql.SQL(
                    """select r.name from lms.{} r join qbo_sync.entity_link l on l.lms_id = r.id
                        where l.entity = %s and l.realm_id = %s and l.qbo_id = any(%s)"""
                ).format(sql.Identifier(table)),
                [table, book.realm_id, list(ids)],
            ).fetchall()
            if len(ids) != 1 or len(rows) != 1:
                wrong.append(f"{book.name}: {len(ids)} renamed records of {table}, {len(rows)} of them linked")
            wrong += [f"{name} has taken QuickBooks' name" for (name,) in rows if RENAMED in name]
    return wrong
