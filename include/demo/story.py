"""What happens in the demonstration after the first sync, on both sides at the same time; and what it has planted."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import psycopg
from psycopg.rows import class_row

from include.demo.bookkeeper import CompanySetup
from include.demo.bookkeeping import FILED, Bookkeeping
from include.demo.cashier import Cashier
from include.demo.loader import apply_changes
from include.demo.quickbooks import QuickBooks
from include.demo.records import DemoData, Planted

_TABLE = """
    create schema if not exists demo;
    create table if not exists demo.planted (
        kind text not null, entity text not null, lms_id bigint, expected_error_code text not null, why text not null,
        direction text not null, qbo_id text, realm_id text not null, unique (realm_id, kind))
"""


def keep_planted(connection: psycopg.Connection, realm_id: str, planted: Iterable[Planted]) -> None:
    """For a repeated demo: what is planted in QuickBooks, or is gone from the LMS, cannot be found by its name."""
    connection.execute(_TABLE)
    for each in planted:
        connection.execute(
            "insert into demo.planted values (%s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
            [
                *(each.kind, each.entity, each.lms_id, each.expected_error_code, each.why, each.direction, each.qbo_id),
                realm_id,
            ],
        )


def kept_planted(connection: psycopg.Connection) -> list[Planted]:
    """What was kept."""
    connection.execute(_TABLE)
    with connection.cursor(row_factory=class_row(Planted)) as cursor:
        return cursor.execute(
            "select kind, entity, lms_id, expected_error_code, why, direction, qbo_id from demo.planted"
            " order by realm_id, direction, kind"
        ).fetchall()


def go_on(connection: psycopg.Connection, database_url: str, data: DemoData, companies: Sequence[QuickBooks]) -> bool:
    """The LMS and the bookkeepers go on, False if they have already.

    The LMS's transaction stays open until the bookkeepers have saved: what both have changed are conflicts, whichever
    side the sync looks at first.
    """
    with connection.transaction():
        if not apply_changes(connection, data):
            return False
        _edit_what_came_from_quickbooks(connection, companies)
        for company in companies:
            keep_planted(connection, company.realm_id, _enter_what_quickbooks_has(connection, company))
        with ThreadPoolExecutor(len(companies)) as desks:
            at_work = [desks.submit(_work, database_url, data, number, one) for number, one in enumerate(companies)]
            for company, done in zip(companies, at_work, strict=True):
                keep_planted(connection, company.realm_id, done.result())
    return True


def _work(database_url: str, data: DemoData, number: int, company: QuickBooks) -> list[Planted]:
    labs = data.companies[number][1]
    home = {pair.child_name: pair.account for pair in data.initial.pairs}
    orders = [
        (home[case.pair], case.lines[0].product)
        for case in data.changes.cases
        if case.lab in labs and case.pair in home and case.lines
    ]
    with psycopg.connect(database_url, autocommit=True) as connection:
        CompanySetup(company).deactivate(data.later_books[number])
        return Bookkeeping(company, connection).later(data.assignments[number], orders)


def _edit_what_came_from_quickbooks(connection: psycopg.Connection, companies: Sequence[QuickBooks]) -> None:
    """One payment that a bookkeeper entered is corrected in the LMS, another one deleted there."""
    cashier = Cashier(connection)
    for company in companies:
        for number, more in ((FILED.payments[3], Decimal("5.00")), (FILED.payments[4], None)):
            copy = _copy(connection, company, number)
            if more is None:
                cashier.delete("payment", copy.id)
            else:
                cashier.settle("payment", copy.id, copy.amount + more, {copy.invoice_id: copy.applied + more})


def _enter_what_quickbooks_has(connection: psycopg.Connection, company: QuickBooks) -> list[Planted]:
    """Lab staff enter a check that the bookkeeper has entered days ago, apply more to an invoice than is open of it,
    and give a payment to another account."""
    twice, moved = (_copy(connection, company, number) for number in (FILED.twice, FILED.moved_in_lms))
    connection.execute(
        "update lms.payment set billing_account_id = %s, doctor_office_id = %s where id = %s",
        [*twice.whose[1:], moved.id],
    )
    [invoice] = company.all("Invoice", f"WHERE DocNumber = '{FILED.invoices[3]}'")
    row = connection.execute(
        "select i.id, i.billing_lab_id, i.billing_account_id, i.doctor_office_id, i.invoice_date"
        "  from qbo_sync.entity_link l join lms.invoice i on i.id = l.lms_id"
        " where l.entity = 'invoice' and l.realm_id = %s and l.qbo_id = %s",
        [company.realm_id, invoice["Id"]],
    ).fetchone()
    if row is None:
        raise LookupError(f"invoice {FILED.invoices[3]} of {company.name} is not in the LMS")
    open_one, *whose, day = row
    cashier = Cashier(connection)
    same = cashier.record("payment", twice.whose, twice.day, twice.amount, {twice.invoice_id: twice.amount})
    more = cashier.record("payment", whose, day, Decimal("250.00"), {open_one: Decimal("250.00")})
    return [
        Planted("payment_on_both_sides", "payment", same, "possible_duplicate", "the bookkeeper has entered it too"),
        Planted(
            "payment_of_more_than_is_open", "payment", more, "qbo_6000", "QuickBooks has a part of it paid already"
        ),
    ]


@dataclass(frozen=True)
class _Copy:
    """The LMS's copy of a payment of the bookkeeper's."""

    id: int
    #: Lab, account and pair, by id.
    whose: tuple[int | None, ...]
    day: date
    amount: Decimal
    invoice_id: int
    #: What of the amount goes to the invoice.
    applied: Decimal


def _copy(connection: psycopg.Connection, company: QuickBooks, number: str) -> _Copy:
    [record] = company.all("Payment", f"WHERE PaymentRefNum = '{number}'")
    row = connection.execute(
        "select p.id, p.payment_date, p.amount, a.invoice_id, a.amount, p.billing_lab_id, p.billing_account_id,"
        "       p.doctor_office_id"
        "  from qbo_sync.entity_link l join lms.payment p on p.id = l.lms_id"
        "  left join lms.payment_application a on a.payment_id = p.id"
        " where l.entity = 'payment' and l.realm_id = %s and l.qbo_id = %s",
        [company.realm_id, record["Id"]],
    ).fetchone()
    if row is None:
        raise LookupError(f"payment {number} of {company.name} is not in the LMS")
    return _Copy(id=row[0], day=row[1], amount=row[2], invoice_id=row[3], applied=row[4], whose=row[5:])
