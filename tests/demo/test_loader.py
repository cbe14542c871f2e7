"""The data in a real LMS database: counts, totals, planted problems, and doing it twice."""

import datetime as dt
import time
from collections.abc import Iterator
from decimal import Decimal

import psycopg
import pytest

from include.demo.generator import generate
from include.demo.ledger import expected_to_be_held_back
from include.demo.loader import apply_changes, find_planted, load_initial
from include.demo.records import DemoData

TODAY = dt.date(2026, 3, 31)
DATA = generate(TODAY)


@pytest.fixture(scope="module")
def loaded(module_database: str) -> Iterator[psycopg.Connection]:
    """A connection to the loaded LMS; nothing that a test does there lasts."""
    with psycopg.connect(module_database) as connection:
        begun = time.monotonic()
        assert load_initial(connection, DATA)
        assert time.monotonic() - begun < 15
        connection.commit()
        yield connection


@pytest.fixture
def db(loaded: psycopg.Connection) -> Iterator[psycopg.Connection]:
    loaded.execute("select 1")  # opens a transaction: what the loader does within is a savepoint of it
    yield loaded
    loaded.rollback()


def number(db: psycopg.Connection, query: str) -> Decimal:
    row = db.execute(query.encode()).fetchone()
    assert row is not None
    return Decimal(row[0])


def expected_total(data: DemoData) -> Decimal:
    gone = set(data.initial.uninvoiced)
    return sum(
        (
            case.total + case.total_by_hand
            for case in data.initial.cases
            if case.invoiced_on and case.number not in gone
        ),
        Decimal("0.00"),
    )


def test_loads_only_once(db: psycopg.Connection) -> None:
    assert not load_initial(db, DATA)
    assert number(db, "select count(*) from lms.invoice") == 1000
    assert number(db, "select count(*) from lms.lab_case where status = 'invoiced'") == 1000


def test_the_lms_bills_what_the_generator_says(db: psycopg.Connection) -> None:
    assert number(db, "select sum(total_amount) from lms.invoice") == expected_total(DATA)
    applied = sum((amount for receipt in DATA.receipts for _, amount in receipt.applied), Decimal("0.00"))
    assert number(db, "select sum(balance) from lms.invoice") == expected_total(DATA) - applied
    assert number(db, "select count(*) from lms.payment") == sum(each.kind == "payment" for each in DATA.receipts)
    assert number(db, "select count(*) from lms.credit") == sum(each.kind == "credit" for each in DATA.receipts)


BALANCES = """
    select count(*) from lms.invoice i
     where i.balance <> i.total_amount
           - coalesce((select sum(amount) from lms.payment_application where invoice_id = i.id), 0)
           - coalesce((select sum(amount) from lms.credit_application where invoice_id = i.id), 0)"""


def test_balances_are_what_is_left_to_pay(db: psycopg.Connection) -> None:
    assert number(db, BALANCES) == 0
    apply_changes(db, DATA)
    assert number(db, BALANCES) == 0
    assert number(db, "select min(balance) from lms.invoice where total_amount >= 0") >= 0
    assert number(db, "select count(*) from lms.payment p where amount < (select sum(amount)"
                  " from lms.payment_application where payment_id = p.id)") == 0  # fmt: skip


def test_the_second_phase_changes_what_it_says(db: psycopg.Connection) -> None:
    assert apply_changes(db, DATA)
    assert not apply_changes(db, DATA)
    changes = DATA.changes
    new = sum(case.invoiced_on is not None for case in changes.cases)
    assert number(db, "select count(*) from lms.invoice") == 1000 + new + len(changes.invoiced) - len(
        changes.uninvoiced
    )
    for pair, account in changes.moved:
        rows = db.execute(
            """select a.name from lms.doctor_office o join lms.billing_account a on a.id = o.billing_account_id
                where o.child_subaccount_name = %s""",
            [pair],
        ).fetchall()
        assert rows == [(account,)]
    for account, structure in changes.restructured:
        rows = db.execute("select accounting_structure from lms.billing_account where name = %s", [account]).fetchall()
        assert rows == [(structure,)]


def test_planted_problems_are_found_by_id(db: psycopg.Connection) -> None:
    first = find_planted(db, DATA, phase=1)
    apply_changes(db, DATA)
    planted = find_planted(db, DATA, phase=2)
    assert len(planted) == len(DATA.problems) >= 12
    assert [each for each in planted if each in first] == first
    assert len({(each.entity, each.lms_id) for each in planted}) == len(planted)
    held_back = expected_to_be_held_back(db, planted)
    assert {each.lms_id for each in planted if each.entity == "invoice"} <= held_back
    assert len(planted) <= len(held_back) <= 40  # few invoices wait for what is planted


def test_two_databases_hold_the_same(db: psycopg.Connection) -> None:
    rows = db.execute(
        "select id, case_id, invoice_number, invoice_date, total_amount from lms.invoice order by id"
    ).fetchall()
    db.execute("truncate lms.billing_lab, lms.billing_account, lms.product restart identity cascade")
    db.execute("alter sequence lms.invoice_number_seq restart")
    load_initial(db, DATA)
    assert (
        rows
        == db.execute(
            "select id, case_id, invoice_number, invoice_date, total_amount from lms.invoice order by id"
        ).fetchall()
    )
