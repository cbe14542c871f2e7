"""What the LMS application does to a case: lms.invoice_case and lms.uninvoice_case."""

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

LINES = [
    (Decimal("1"), Decimal("245.00"), Decimal("10.00"), "#14, shade A2"),
    (Decimal("1.5"), Decimal("33.33"), Decimal("0"), None),
    (Decimal("0.125"), Decimal("0.20"), Decimal("0.01"), 'Dr. O\'Brien: "thin" margin'),
]


@pytest.fixture
def db(lms_database: str) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    with psycopg.connect(lms_database, row_factory=dict_row) as connection:
        connection.execute("insert into lms.billing_lab (name) values ('North Lab'), ('South Lab')")
        connection.execute("insert into lms.billing_account (name) values ('Smile Center')")
        connection.execute(
            """insert into lms.doctor_office (billing_account_id, doctor_name, office_name,
                   child_subaccount_name) values (1, 'Dr. A', 'North', 'Dr. A – North')"""
        )
        connection.execute("insert into lms.product (name, unit_price) values ('Crown PFM', 245)")
        connection.commit()
        yield connection


def new_case(db: psycopg.Connection[dict[str, Any]], number: str, lab: int = 1) -> int:
    case_id = one(
        db,
        """insert into lms.lab_case (billing_lab_id, doctor_office_id, case_number, billing_notes, status)
           values (%s, 1, %s, 'Call first', 'completed') returning id""",
        [lab, number],
    )["id"]
    for position, line in enumerate(LINES, 1):
        db.execute(
            """insert into lms.case_line_item (case_id, position, product_id, quantity, unit_price,
                   discount_amount, notation) values (%s, %s, 1, %s, %s, %s, %s)""",
            [case_id, position, *line],
        )
    db.commit()
    return int(case_id)


def one(db: psycopg.Connection[dict[str, Any]], sql: str, values: list[Any]) -> dict[str, Any]:
    row = db.execute(sql.encode(), values).fetchone()
    assert row is not None
    return row


def invoice_of(db: psycopg.Connection[dict[str, Any]], case_id: int) -> dict[str, Any]:
    return one(db, "select * from lms.invoice where case_id = %s", [case_id])


def test_invoice_carries_the_case(db: psycopg.Connection[dict[str, Any]]) -> None:
    case_id = new_case(db, "C-1")
    invoice_id = one(
        db,
        """select lms.invoice_case(case_id => %s, invoice_date => '2026-01-31', shipping => 12.5,
                                   tax => 3.01) as id""",
        [case_id],
    )["id"]
    invoice = invoice_of(db, case_id)
    assert invoice["id"] == invoice_id
    assert (invoice["invoice_date"], invoice["due_date"]) == (dt.date(2026, 1, 31), dt.date(2026, 3, 2))
    assert invoice["memo"] == "Call first"
    # 245.00 + 49.995 half up + 0.025 half up
    assert invoice["subtotal"] == Decimal("295.03")
    assert invoice["discount_amount"] == Decimal("10.01")
    assert invoice["total_amount"] == invoice["balance"] == Decimal("300.53")
    assert (invoice["origin"], invoice["billing_account_id"], invoice["doctor_office_id"]) == ("lms", 1, 1)
    lines = db.execute(
        "select * from lms.invoice_line_item where invoice_id = %s order by position", [invoice_id]
    ).fetchall()
    assert [
        (line["quantity"], line["unit_price"], line["discount_amount"], line["description"]) for line in lines
    ] == LINES
    assert [line["amount"] for line in lines] == [Decimal("245.00"), Decimal("50.00"), Decimal("0.03")]
    assert one(db, "select status from lms.lab_case where id = %s", [case_id])["status"] == "invoiced"


def test_defaults_are_today_and_nothing_added(db: psycopg.Connection[dict[str, Any]]) -> None:
    case_id = new_case(db, "C-1")
    db.execute("select lms.invoice_case(%s)", [case_id])
    invoice = invoice_of(db, case_id)
    assert invoice["invoice_date"] == one(db, "select current_date as today", [])["today"]
    assert (invoice["shipping_amount"], invoice["tax_amount"]) == (0, 0)


def test_twice_is_an_error_that_says_so(db: psycopg.Connection[dict[str, Any]]) -> None:
    case_id = new_case(db, "C-1")
    db.execute("select lms.invoice_case(%s)", [case_id])
    db.commit()
    with pytest.raises(psycopg.errors.UniqueViolation, match=r"case C-1 .* is invoiced already"):
        db.execute("select lms.invoice_case(%s)", [case_id])


@pytest.mark.parametrize("action", ["invoice_case", "uninvoice_case"])
def test_an_unknown_case_is_an_error(db: psycopg.Connection[dict[str, Any]], action: str) -> None:
    with pytest.raises(psycopg.Error, match="case 4711 does not exist"):
        db.execute(f"select lms.{action}(4711)".encode())


def test_uninvoice_takes_the_invoice_away(db: psycopg.Connection[dict[str, Any]]) -> None:
    case_id = new_case(db, "C-1")
    invoice_id = one(db, "select lms.invoice_case(%s) as id", [case_id])["id"]
    for kind in ("credit", "payment"):
        db.execute(f"insert into lms.{kind} (billing_lab_id, billing_account_id, amount) values (1, 1, 5)".encode())
        db.execute(f"insert into lms.{kind}_application values (1, %s, 5)".encode(), [invoice_id])
    db.execute("select lms.uninvoice_case(%s)", [case_id])
    for table in ("invoice", "invoice_line_item", "credit_application", "payment_application"):
        assert one(db, f"select count(*) from lms.{table}", [])["count"] == 0, table
    assert one(db, "select status from lms.lab_case", [])["status"] == "completed"
    with pytest.raises(psycopg.Error, match="is not invoiced"):
        db.execute("select lms.uninvoice_case(%s)", [case_id])


def test_a_case_can_be_invoiced_again_under_a_new_number(db: psycopg.Connection[dict[str, Any]]) -> None:
    case_id = new_case(db, "C-1")
    numbers = set()
    for _ in range(3):
        db.execute("select lms.invoice_case(%s)", [case_id])
        numbers.add(invoice_of(db, case_id)["invoice_number"])
        db.execute("select lms.uninvoice_case(%s)", [case_id])
    assert len(numbers) == 3


def test_numbers_differ_between_labs_and_step_over_taken_ones(db: psycopg.Connection[dict[str, Any]]) -> None:
    first, second, third = new_case(db, "C-1"), new_case(db, "C-2", lab=2), new_case(db, "C-3")
    db.execute("select lms.invoice_case(%s), lms.invoice_case(%s)", [first, second])
    number = invoice_of(db, second)["invoice_number"]
    assert number != invoice_of(db, first)["invoice_number"]
    assert len(number) <= 21
    taken = f"INV-{int(number.removeprefix('INV-')) + 1}"
    db.execute("update lms.invoice set invoice_number = %s where case_id = %s", [taken, first])
    db.execute("select lms.invoice_case(%s)", [third])
    assert invoice_of(db, third)["invoice_number"] != taken


def test_only_one_of_many_at_once_invoices_a_case(db: psycopg.Connection[dict[str, Any]], lms_database: str) -> None:
    case_id = new_case(db, "C-1")

    def attempt(_: int) -> bool:
        with psycopg.connect(lms_database) as connection:
            try:
                connection.execute("select lms.invoice_case(%s)", [case_id])
            except psycopg.errors.UniqueViolation as error:
                assert "invoiced already" in str(error)
                return False
            return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(16))) == 1
    assert one(db, "select count(*) from lms.invoice", [])["count"] == 1


def test_a_new_line_waits_for_the_invoicing(db: psycopg.Connection[dict[str, Any]], lms_database: str) -> None:
    case_id = new_case(db, "C-1")
    db.execute("select lms.invoice_case(%s)", [case_id])
    with psycopg.connect(lms_database) as other, pytest.raises(psycopg.errors.LockNotAvailable):
        other.execute("set lock_timeout = '100ms'")
        other.execute("insert into lms.case_line_item (case_id, product_id, unit_price) values (%s, 1, 1)", [case_id])


def test_updated_at_follows_every_update(db: psycopg.Connection[dict[str, Any]]) -> None:
    before = one(db, "select * from lms.product", [])
    db.execute("update lms.product set unit_price = 250")
    after = one(db, "select * from lms.product", [])
    assert after["updated_at"] > before["updated_at"]
    assert after["created_at"] == before["created_at"]


@pytest.mark.parametrize(
    ("table", "column"),
    [("billing_account", "accounting_structure"), ("lab_case", "status"), ("invoice", "origin")],
)
def test_only_known_words_are_accepted(db: psycopg.Connection[dict[str, Any]], table: str, column: str) -> None:
    db.execute("select lms.invoice_case(%s)", [new_case(db, "C-1")])
    with pytest.raises(psycopg.errors.CheckViolation):
        db.execute(f"update lms.{table} set {column} = 'sideways'".encode())
