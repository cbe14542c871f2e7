"""Golden pairs of the mappers: LMS rows → business record → QuickBooks' JSON, and QuickBooks' JSON → business record →
LMS rows. Each file of to_quickbooks/ and to_lms/ is one record; practice.json is what all of them belong to.

Written anew, where a mapping is meant to change, by `GOLDEN=write .venv/bin/python -m pytest tests/golden`; what has
changed is then to be read in `git diff tests/golden`. A new pair needs only its inputs: the outputs are added so.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
import simplejson
from psycopg.rows import dict_row

from include.lms import invoice_write, payment_write
from include.lms.customer import read_accounts, read_pairs
from include.lms.database import prepare
from include.lms.invoice import read_invoices
from include.lms.payment import read_credit_applications, read_credits, read_payments
from include.lms.product import read_products
from include.model.invoice import Invoice
from include.model.payment import Payment
from include.model.record import Owner, RecordKey
from include.model.settings import CompanyPreferences, LabSettings
from include.model.staged import Fetched, Payer, Version
from include.model.typed_json import plain
from include.qbo import credit_memo as qbo_credit_memo
from include.qbo import customer as qbo_customer
from include.qbo import invoice as qbo_invoice
from include.qbo import payment as qbo_payment
from include.qbo import product as qbo_product
from include.sync.plan import invoice as invoices
from include.sync.plan import payment as payments
from tests.support.settings import LAB

HERE = Path(__file__).resolve().parent
Json = dict[str, Any]
Keys = Mapping[RecordKey, str]

# ------------------------------------------------------------------ the mappers, as they are called today

READERS: Mapping[str, Any] = {
    "billing_account": read_accounts,
    "doctor_office": read_pairs,
    "product": read_products,
    "invoice": read_invoices,
    "credit": read_credits,
    "credit_application": read_credit_applications,
    "payment": read_payments,
}


def body_of(entity: str, record: Any, ids: Keys, pair: Json) -> Json:
    """The body of a create; where the pair says what QuickBooks has now, that of an update."""
    settings = replace(LAB, **pair.get("settings", {}))
    preferences = CompanyPreferences(**pair.get("preferences", {}))
    current = pair.get("current")
    version = Version(qbo_id=current["Id"], sync_token=current["SyncToken"]) if current else None
    match entity:
        case "doctor_office" if version:
            return qbo_customer.move_body(version, ids[record.parent])
        case "billing_account" | "doctor_office":
            return qbo_customer.create_body(record, ids)
        case "product":
            return qbo_product.create_body(record, settings.income_account_id)
        case "invoice":
            return qbo_invoice.create_body(record, ids, settings, preferences)
        case "credit" if version:
            return qbo_credit_memo.update_body(record, ids, version)
        case "credit":
            return qbo_credit_memo.create_body(record, ids)
        case "credit_application":
            return qbo_payment.application_body(record, ids)
        case "payment" if current:
            fetched = qbo_payment.parse(current)
            return qbo_payment.update_body(record, ids, fetched, fetched.other_lines)
        case _:
            return qbo_payment.create_body(record, ids, settings, pair.get("method_id"))


def invoice_of(body: Json, payer: Payer, items: Mapping[str, RecordKey]) -> Invoice:
    """The business record of an invoice that is new in QuickBooks; `items`: what QuickBooks' items are to the LMS."""
    known = invoices.InvoiceContext(payer=payer, items=items)
    lab = LabSettings(connection=LAB, preferences=CompanyPreferences(), receiving_lab=LAB.billing_lab_id)
    record = invoices.StagedInvoice(**new_in_quickbooks("invoice", body), context=known)
    record.qbo = Fetched(record=qbo_invoice.parse(body))
    found = invoices.qbo_version(record, lab)
    assert found
    return found


def payment_of(body: Json, payer: Payer, ids: Mapping[str, str], method: str | None) -> Payment:
    """The business record of a payment that is new in QuickBooks; `ids`: QuickBooks' ids of invoices → the LMS's."""
    known = payments.PaymentContext(payer=payer, invoice_ids=ids, method_name=method)
    record = payments.StagedPayment(**new_in_quickbooks("payment", body), context=known)
    record.qbo = Fetched(record=qbo_payment.parse(body))
    found = payments.qbo_version(record)
    assert found
    return found


def new_in_quickbooks(entity: str, body: Json) -> Json:
    nothing_yet = {"billing_lab_id": None, "generation": 1, "link_version": None, "link": None}
    return {"entity": entity, "record_id": body["Id"], "direction": "qbo_to_lms", **nothing_yet}


# ------------------------------------------------------------------ files


def load(path: Path) -> Json:
    found: Json = simplejson.loads(path.read_text(), use_decimal=True)
    return found


def compare(path: Path, pair: Json, **outputs: Any) -> None:
    """That the outputs are those of the file; or write them into it."""
    no_float(outputs)
    if os.environ.get("GOLDEN") == "write":
        text = simplejson.dumps({**pair, **outputs}, use_decimal=True, indent=2, ensure_ascii=False, default=str)
        path.write_text(text + "\n")
    for name, output in outputs.items():
        text = simplejson.dumps(output, use_decimal=True, ensure_ascii=False, default=str)
        assert simplejson.loads(text, use_decimal=True) == load(path).get(name), name


def no_float(value: Any) -> None:
    """Money is never a float."""
    assert not isinstance(value, float), value
    for member in value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ():
        no_float(member)


def pairs(folder: str) -> list[Any]:
    return [pytest.param(path, id=path.stem) for path in sorted((HERE / folder).glob("*.json"))]


# ------------------------------------------------------------------ the LMS

PRACTICE = load(HERE / "practice.json")
IDS: Keys = {RecordKey(*name.split(" ", 1)): qbo_id for name, qbo_id in PRACTICE["quickbooks_ids"].items()}


@pytest.fixture(scope="module")
def database(module_database: str) -> Iterator[psycopg.Connection]:
    with prepare(psycopg.connect(module_database)) as connection:
        insert(connection, PRACTICE["lms"])
        connection.commit()
        yield connection


@pytest.fixture
def lms(database: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """The practice; what a test adds to it is taken back."""
    yield database
    database.rollback()


def insert(connection: psycopg.Connection, tables: Mapping[str, list[Json]]) -> None:
    for table, rows in tables.items():
        for row in rows:
            places = ", ".join(["%s"] * len(row))
            insert_row = f"insert into lms.{table} ({', '.join(row)}) values ({places})"
            connection.execute(insert_row.encode(), list(row.values()))


def rows_of(connection: psycopg.Connection, table: str, column: str, value: str) -> list[Json]:
    """The rows but for what the database makes up itself."""
    with connection.cursor(row_factory=dict_row) as cursor:
        order = "position" if table == "invoice_line_item" else "1"
        rows = cursor.execute(f"select * from lms.{table} where {column} = %s order by {order}".encode(), [value])
        made_up = {"id", "created_at", "updated_at", "invoice_id" if column == "invoice_id" else "payment_id"}
        return [{name: held for name, held in row.items() if name not in made_up} for row in rows.fetchall()]


# ------------------------------------------------------------------ the pairs


@pytest.mark.parametrize("path", pairs("to_quickbooks"))
def test_lms_rows_become_this_record_and_this_json(path: Path, lms: psycopg.Connection) -> None:
    pair = load(path)
    entity, lms_id = pair["record"]
    insert(lms, pair["lms"])
    record = READERS[entity](lms, [lms_id])[lms_id]
    compare(path, pair, canonical=plain(record), quickbooks=body_of(entity, record, IDS, pair))


@pytest.mark.parametrize("path", pairs("to_lms"))
def test_quickbooks_json_becomes_this_record_and_these_lms_rows(path: Path, lms: psycopg.Connection) -> None:
    pair = load(path)
    body = pair["quickbooks"]
    by_id = {(key.entity, qbo_id): key for key, qbo_id in IDS.items()}
    customer_id = body["CustomerRef"]["value"]
    customer = by_id.get(("billing_account", customer_id)) or by_id[("doctor_office", customer_id)]
    owner = Owner("1") if customer.entity == "billing_account" else Owner("2", customer.id)
    payer = Payer(key=customer, owner=owner)
    if pair["entity"] == "invoice":
        items = {qbo_id: key for (kind, qbo_id), key in by_id.items() if kind in ("product", "special_item")}
        invoice = invoice_of(body, payer, items)
        lms_id = invoice_write.create(
            lms, invoice, balance=qbo_invoice.parse(body).balance, billing_lab_id=1, owner=owner
        )
        head, parts = "invoice", "invoice_line_item"
        canonical = plain(invoice)
    else:
        ids = {qbo_id: key.id for (kind, qbo_id), key in by_id.items() if kind == "invoice"}
        payment = payment_of(body, payer, ids, pair.get("method"))
        lms_id = payment_write.create(lms, payment, billing_lab_id=1, owner=owner)
        head, parts = "payment", "payment_application"
        canonical = plain(payment)
    rows = {head: rows_of(lms, head, "id", lms_id), parts: rows_of(lms, parts, f"{head}_id", lms_id)}
    compare(path, pair, canonical=canonical, lms=rows)
