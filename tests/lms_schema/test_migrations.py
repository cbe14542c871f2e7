"""Migrating: from nothing, again, and by two processes at once."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from include.migrations import upgrade
from include.migrations.runner import VERSION_TABLE

ROOT = Path(__file__).parents[2]


def revisions(database_url: str) -> list[tuple[str]]:
    with psycopg.connect(database_url) as db:
        return db.execute(f"select version_num from public.{VERSION_TABLE}").fetchall()


def run_module(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "include.migrations"],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_is_quiet_and_can_be_repeated(empty_database: str) -> None:
    for _ in range(2):
        done = run_module(LMS_DATABASE_URL=empty_database)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(revisions(empty_database)) == 1


def test_without_a_database_url_it_says_so() -> None:
    done = run_module(LMS_DATABASE_URL="")
    assert done.returncode == 2
    assert "LMS_DATABASE_URL" in done.stderr


def test_several_at_once_do_not_collide(empty_database: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(upgrade, [empty_database] * 4))
    assert len(revisions(empty_database)) == 1


def test_it_leaves_airflows_version_table_alone(empty_database: str) -> None:
    with psycopg.connect(empty_database) as db:
        db.execute("create table alembic_version (version_num text)")
        db.execute("insert into alembic_version values ('airflow')")
    upgrade(empty_database)
    with psycopg.connect(empty_database) as db:
        assert db.execute("select version_num from alembic_version").fetchall() == [("airflow",)]


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("billing_lab", "name"),
        ("billing_account", "name accounting_structure email phone active"),
        ("doctor_office", "billing_account_id doctor_name office_name child_subaccount_name"),
        ("product", "name description unit_price active"),
        (
            "lab_case",
            "billing_lab_id doctor_office_id case_number patient_name billing_notes status",
        ),
        ("case_line_item", "case_id position product_id quantity unit_price discount_amount notation"),
        (
            "invoice",
            "billing_lab_id billing_account_id doctor_office_id case_id invoice_number invoice_date"
            " due_date memo subtotal discount_amount shipping_amount tax_amount total_amount balance origin",
        ),
        (
            "invoice_line_item",
            "invoice_id position product_id quantity unit_price discount_amount amount description",
        ),
        ("credit", "billing_lab_id billing_account_id doctor_office_id credit_date amount reference note"),
        ("credit_application", "credit_id invoice_id amount"),
        (
            "payment",
            "billing_lab_id billing_account_id doctor_office_id payment_date amount method reference origin",
        ),
        ("payment_application", "payment_id invoice_id amount"),
    ],
)
def test_the_columns_are_the_contracts(lms_database: str, table: str, columns: str) -> None:
    expected = {*columns.split(), "created_at", "updated_at"}
    if not table.endswith("_application"):
        expected.add("id")
    with psycopg.connect(lms_database) as db:
        rows = db.execute(
            """select column_name from information_schema.columns
                where table_schema = 'lms' and table_name = %s""",
            [table],
        ).fetchall()
    assert {name for (name,) in rows} == expected


def test_the_types_are_the_contracts(lms_database: str) -> None:
    with psycopg.connect(lms_database) as db:
        rows = db.execute(
            """select table_name || '.' || column_name, data_type, numeric_scale, identity_generation
                 from information_schema.columns where table_schema = 'lms'"""
        ).fetchall()
    for name, data_type, scale, identity in rows:
        column = name.split(".")[1]
        if column == "id":
            assert (data_type, identity) == ("bigint", "BY DEFAULT"), name
        elif column == "quantity":
            assert (data_type, scale) == ("numeric", 3), name
        elif column in {"subtotal", "balance", "unit_price"} or column.endswith("amount"):
            assert (data_type, scale) == ("numeric", 2), name
        elif column.endswith("_at"):
            assert data_type == "timestamp with time zone", name


def test_every_foreign_key_has_an_index(lms_database: str) -> None:
    with psycopg.connect(lms_database) as db:
        bare = db.execute(
            """select c.conrelid::regclass::text, a.attname from pg_constraint c
                 join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
                where c.contype = 'f' and c.connamespace = 'lms'::regnamespace
                  and not exists (select from pg_index i where i.indrelid = c.conrelid
                                   and i.indkey[0] = c.conkey[1])"""
        ).fetchall()
    assert bare == []
